// Which page the address asks for. Addresses live behind the '#', so that any static server can serve the pages.

/** The address in parts: `#/instances/i-1/console?image=ami-1`. */
export function currentRoute() {
  const [path, query] = location.hash.replace(/^#/, '').split('?');
  return { parts: path.split('/').filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query ?? '') };
}

export const href = (...parts) => '#/' + parts.map(encodeURIComponent).join('/');

export function go(...parts) {
  location.hash = href(...parts);
}

/** Calls `listener` at each change of address; returns what ends that. */
export function onRoute(listener) {
  addEventListener('hashchange', listener);
  return () => removeEventListener('hashchange', listener);
}
