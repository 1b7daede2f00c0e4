import { request, upload } from './client.js';

// The REST resources that the pages use.

/** How many rows a list page shows before it offers older ones. */
export const pageSize = 200;

const list = path => (query = {}) => request('GET', path, { query: { limit: pageSize, ...query } });

export const listInstances = list('instances');
export const getInstance = id => request('GET', `instances/${id}`);
export const launchInstances = (launch, token) => request('POST', 'instances', { body: launch, headers: { 'idempotency-key': token } });
export const startInstance = id => request('POST', `instances/${id}/start`);
export const stopInstance = (id, force = false) => request('POST', `instances/${id}/stop`, { query: force ? { force } : {} });
export const rebootInstance = id => request('POST', `instances/${id}/reboot`);
export const terminateInstance = id => request('DELETE', `instances/${id}`);

/** What the console printed and is still kept, as bytes. */
export const readConsole = async id =>
  Uint8Array.from(atob((await request('GET', `instances/${id}/console-output`)).output), c => c.charCodeAt(0));

export const listImages = list('images');
export const getImage = id => request('GET', `images/${id}`);
export const deregisterImage = id => request('DELETE', `images/${id}`);
export const uploadImage = (image, file, { sha256, progress, signal }) =>
  upload('images', { query: image, headers: sha256 ? { 'x-content-sha256': sha256 } : {}, file, progress, signal });

export const listInstanceTypes = list('instance-types');
export const listHosts = list('hosts');
export const listEvents = list('events');

/** Who is signed in: { accountId, accessKeyId }. */
export const getSession = () => request('GET', 'session');

export const listAccessKeys = list('access-keys');
export const createAccessKey = key => request('POST', 'access-keys', { body: key });
export const revokeAccessKey = id => request('DELETE', `access-keys/${id}`);

/** A name for one attempt to create something, so that trying it again doesn't create it twice. */
export const newToken = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), b => b.toString(16).padStart(2, '0')).join('');
