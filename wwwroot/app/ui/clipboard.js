/** Puts text on the clipboard, also where the page came over plain HTTP from another machine and has no clipboard API. */
export async function copy(text) {
  if (navigator.clipboard)
    return navigator.clipboard.writeText(text);
  const field = Object.assign(document.createElement('textarea'), { value: text });
  field.style.cssText = 'position:fixed;opacity:0';
  document.body.append(field);
  field.select();
  document.execCommand('copy');
  field.remove();
}

/** The clipboard's text; null where the browser doesn't let a page read it. */
export async function paste() {
  try {
    return await navigator.clipboard.readText();
  } catch {
    return null;
  }
}
