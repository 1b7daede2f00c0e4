import { html } from '../../lib/lit/lit.js';
import { Element } from '../ui/element.js';
import { icon } from '../ui/icon.js';
import { loadProblem } from '../ui/notice.js';
import { badge } from '../ui/badge.js';
import { confirm } from '../ui/confirm-dialog.js';
import { complain, say } from '../ui/toast.js';
import { fullTime } from '../ui/format.js';
import { getSession, listAccessKeys, revokeAccessKey } from '../api/cloud.js';
import { signedOut } from '../api/session.js';
import { LiveQuery, concernsAccessKeys } from '../live/live-query.js';
import { pagesOf } from '../live/pages-of.js';
import '../ui/data-table.js';
import '../ui/time-ago.js';
import './new-access-key.js';

const hasExpired = key => Boolean(key.expiresAt) && Date.parse(key.expiresAt) <= Date.now();

/** The keys that open this account: for a browser, a script, a colleague. */
class AccessKeysPage extends Element {
  #query = new LiveQuery(this, async () => {
    const [keys, session] = await Promise.all([pagesOf(listAccessKeys, Infinity), getSession()]);
    return { keys: keys.items, own: session.accessKeyId };
  }, concernsAccessKeys);

  #columns(own) {
    return [
      {
        key: 'name', title: 'Name', sort: k => k.name, text: k => `${k.name} ${k.id}`,
        cell: k => html`<span class="two-lines"><strong class="clamp" title=${k.name}>${k.name}</strong><small class="mono">${k.id}</small></span>`,
      },
      { key: 'state', title: 'State', sort: k => hasExpired(k), className: 'state', cell: k => hasExpired(k) ? badge('expired') : badge(k.id === own ? 'in use here' : 'active', 'good') },
      { key: 'created', title: 'Created', sort: k => Date.parse(k.createdAt), cell: k => html`<time-ago .time=${k.createdAt}></time-ago>` },
      { key: 'expires', title: 'Expires', sort: k => k.expiresAt ? Date.parse(k.expiresAt) : Infinity, cell: k => k.expiresAt ? fullTime(k.expiresAt) : html`<span class="muted">Never</span>` },
      {
        key: 'revoke', title: html`<span class="visually-hidden">Revoke</span>`, className: 'end',
        cell: k => html`<button type="button" class="button danger" aria-label="Revoke ${k.name}" @click=${() => this.#revoke(k, k.id === own)}>Revoke</button>`,
      },
    ];
  }

  async #revoke(key, own) {
    const sure = await confirm({
      title: 'Revoke this access key?', action: 'Revoke', items: [`${key.id}  ${key.name}`],
      text: own
        ? 'This browser is signed in with it, and will be signed out. Whoever else uses it is refused from now on.'
        : 'Whoever uses it is refused from now on. This can’t be undone.',
    });
    if (!sure)
      return;
    try {
      await revokeAccessKey(key.id);
    } catch (problem) {
      return complain(problem);
    }
    say(`${key.name} was revoked`);
    if (own)
      return signedOut();
    // The button that had the focus goes with its row.
    this.querySelector('.page-actions button').focus();
  }

  render() {
    const data = this.#query.data;
    return html`
      <div class="page-head">
        <div><h1>Access keys</h1><p class="lead">They open this account to a browser, a script or a colleague. Each can be revoked on its own.</p></div>
        <div class="page-actions"><button type="button" class="button primary" @click=${() => this.querySelector('new-access-key').open()}>${icon('plus')} Create access key</button></div>
      </div>
      ${loadProblem(this.#query)}
      <data-table noun="key" .columns=${this.#columns(data?.own)} .rows=${data?.keys} ?hidden=${this.#query.failed}></data-table>
      <new-access-key></new-access-key>`;
  }
}
customElements.define('access-keys-page', AccessKeysPage);
