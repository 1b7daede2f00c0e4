import { Problem } from './problem.js';

const root = 'api/v1/session';
const changes = new EventTarget();

/** Whether this browser is signed in; null until the service has told. The key itself is in a cookie that scripts can't read. */
export let signedIn = null;

/** Calls `listener` when that changes. */
export const onSession = listener => changes.addEventListener('change', listener);

/** Asks the service whether the browser's cookie still signs it in. */
export async function resume() {
  const response = await ask('GET');
  if (response.ok || response.status === 401)
    become(response.ok);
  else
    throw Problem.of(response.status, await response.text());
}

/** @throws {Problem} The key isn't one, or has expired. */
export async function signIn(key) {
  const response = await ask('POST', { key });
  if (!response.ok)
    throw Problem.of(response.status, await response.text());
  become(true);
}

export async function signOut() {
  await ask('DELETE');
  become(false);
}

/** The service said that the key is no longer good. */
export const signedOut = () => become(false);

async function ask(method, body) {
  try {
    return await fetch(root, { method, headers: { 'content-type': 'application/json' }, body: body && JSON.stringify(body) });
  } catch {
    throw Problem.unreachable;
  }
}

function become(state) {
  if (signedIn === state)
    return;
  signedIn = state;
  changes.dispatchEvent(new Event('change'));
}
