// Which page the address asks for. Addresses live behind the '#', so that any static server can serve the pages.

/** The address in parts: `#/instances/i-1/console?image=ami-1`. */
export function currentRoute() {
  const [path, query] = location.hash.replace(/^#/, '').split('?');
  return { parts: path.split('/').filter(Boolean).map(decoded), query: new URLSearchParams(query ?? '') };
}

/** A part that isn't encoded as it should be is nobody's address, and is said to be so as it stands. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const href = (...parts) => '#/' + parts.map(encodeURIComponent).join('/');

export function go(...parts) {
  location.hash = href(...parts);
}

/** Keeps what a page shows in its address, without a step in the history; empty values are left out. */
export function keepQuery(values) {
  const [path, query] = location.hash.split('?');
  const kept = new URLSearchParams(query ?? '');
  for (const [name, value] of Object.entries(values))
    value ? kept.set(name, value) : kept.delete(name);
  history.replaceState(null, '', (path || '#/') + (kept.size ? `?${kept}` : ''));
}

/** Calls `listener` at each change of address; returns what ends that. */
export function onRoute(listener) {
  addEventListener('hashchange', listener);
  return () => removeEventListener('hashchange', listener);
}
