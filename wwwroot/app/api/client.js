import { Problem } from './problem.js';
import { signedOut } from './session.js';

const root = 'api/v1/';

/** The address of a REST resource; parameters that are undefined or empty are left out. */
export function address(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return root + path + (given.length ? '?' + new URLSearchParams(given) : '');
}

/**
 * One REST request.
 * @returns {Promise<any>} The answer's JSON; null where it has none.
 * @throws {Problem}
 */
export async function request(method, path, { query, body, headers } = {}) {
  let response, text;
  try {
    response = await fetch(address(path, query), {
      method,
      headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    text = await response.text();
  } catch {
    throw Problem.unreachable;
  }
  if (!response.ok)
    throw refused(response.status, text);
  return text ? JSON.parse(text) : null;
}

/**
 * Sends a file as a request's body, and tells how far it is.
 * @param {{query: object, headers: object, file: Blob, progress: (sent: number, total: number) => void, signal: AbortSignal}} what
 * @throws {Problem} Or an AbortError where it was cancelled.
 */
export function upload(path, { query, headers, file, progress, signal }) {
  return new Promise((resolve, reject) => {
    // fetch doesn't tell the progress of what it sends.
    const call = new XMLHttpRequest();
    call.open('POST', address(path, query));
    for (const [name, value] of Object.entries({ 'content-type': 'application/octet-stream', ...headers }))
      call.setRequestHeader(name, value);
    call.upload.onprogress = event => progress(event.loaded, event.total);
    call.upload.onload = () => progress(file.size, file.size);
    call.onload = () => call.status < 300 ? resolve(JSON.parse(call.responseText)) : reject(refused(call.status, call.responseText));
    call.onerror = () => reject(Problem.unreachable);
    call.onabort = () => reject(new DOMException('Cancelled', 'AbortError'));
    signal.addEventListener('abort', () => call.abort());
    call.send(file);
  });
}

function refused(status, text) {
  if (status === 401)
    signedOut();
  return Problem.of(status, text);
}
