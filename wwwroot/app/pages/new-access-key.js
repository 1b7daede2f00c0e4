import { html } from '../../lib/lit/lit.js';
import { Element } from '../ui/element.js';
import { notice, problemNotice } from '../ui/notice.js';
import { focusFirstMistake, inputField, selectField } from '../ui/field.js';
import { createAccessKey } from '../api/cloud.js';
import '../ui/copy-text.js';

const day = 86_400_000;
const lifetimes = [
  { value: '', title: 'Never' }, { value: '1', title: 'In a day' }, { value: '7', title: 'In a week' },
  { value: '30', title: 'In 30 days' }, { value: '90', title: 'In 90 days' }, { value: '365', title: 'In a year' },
];

/** The dialog that makes an access key, and shows it the one time that it can be seen. */
class NewAccessKey extends Element {
  static properties = { _name: { state: true }, _days: { state: true }, _tried: { state: true }, _busy: { state: true }, _problem: { state: true }, _key: { state: true } };

  constructor() {
    super();
    this.#reset();
  }

  #reset() {
    this._name = '';
    this._days = '';
    this._tried = this._busy = false;
    this._problem = this._key = null;
  }

  async open() {
    this.#reset();
    await this.updateComplete;
    this.querySelector('dialog').showModal();
  }

  #mistake() {
    const length = this._name.trim().length;
    return length === 0 ? 'Give it a name, such as who or what will use it.' : length > 100 ? 'A name has at most 100 characters.' : null;
  }

  async #submit(event) {
    event.preventDefault();
    if (this._busy)
      return;
    this._tried = true;
    await this.updateComplete;
    if (this.#mistake())
      return focusFirstMistake(this);
    this._busy = true;
    this._problem = null;
    try {
      this._key = await createAccessKey({ name: this._name.trim(), expiresAt: this._days ? new Date(Date.now() + this._days * day).toISOString() : undefined });
      await this.updateComplete;
      this.querySelector('copy-text button').focus();
    } catch (problem) {
      this._problem = problem;
    }
    this._busy = false;
  }

  // Escape doesn't lose a key that nobody can show again.
  #keepKey(event) {
    if (this._key)
      event.preventDefault();
  }

  #close = () => this.querySelector('dialog').close();

  #form() {
    return html`<form novalidate @submit=${this.#submit}>
      <h2 id="new-key-title">Create an access key</h2>
      ${inputField({
        id: 'key-name', label: 'Name', value: this._name, wrong: this._tried ? this.#mistake() : null, change: name => this._name = name,
        hint: 'What will use it: you will want to know when you revoke it.',
      })}
      ${selectField({ id: 'key-expiry', label: 'Expires', value: this._days, options: lifetimes, change: days => this._days = days })}
      ${problemNotice(this._problem)}
      <div class="buttons">
        <button type="button" class="button" @click=${this.#close}>Cancel</button>
        <button class="button primary" aria-disabled=${String(this._busy)}>${this._busy ? 'Creating…' : 'Create'}</button>
      </div></form>`;
  }

  #made() {
    return html`<form method="dialog">
      <h2 id="new-key-title">Access key ${this._key.name}</h2>
      ${notice('busy', 'Copy it now', 'Only its hash is kept: nobody can show it again.')}
      <p class="secret"><copy-text .text=${this._key.key} label="the key"></copy-text></p>
      <div class="buttons"><button class="button primary">Done</button></div></form>`;
  }

  render() {
    return html`<dialog class="dialog" aria-labelledby="new-key-title" @close=${this.#reset} @cancel=${this.#keepKey}>${this._key ? this.#made() : this.#form()}</dialog>`;
  }
}
customElements.define('new-access-key', NewAccessKey);
