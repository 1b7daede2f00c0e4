import { html } from '../../lib/lit/lit.js';
import { Element } from '../ui/element.js';
import { icon } from '../ui/icon.js';

/** Finds in what the console shows and keeps, from the newest line upwards. Dispatches 'close'. */
class ConsoleFind extends Element {
  static properties = { screen: { attribute: false }, _results: { state: true } };

  #found = event => this._results = event.detail;

  connectedCallback() {
    super.connectedCallback();
    this.screen.addEventListener('found', this.#found);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.screen.removeEventListener('found', this.#found);
    this.screen.endFind();
  }

  firstUpdated() {
    this.focus();
  }

  focus() {
    this.querySelector('input').select();
  }

  get #text() {
    return this.querySelector('input').value;
  }

  #input() {
    this._results = null;
    if (this.#text)
      this.screen.find(this.#text);
    else
      this.screen.endFind();
  }

  #key(event) {
    if (event.key === 'Enter')
      event.shiftKey ? this.screen.findNewer(this.#text) : this.screen.findOlder(this.#text);
    if (event.key === 'Escape') {
      event.stopPropagation();
      this.dispatchEvent(new Event('close'));
    }
  }

  #count() {
    const { resultIndex, resultCount } = this._results ?? {};
    if (resultCount === undefined)
      return '';
    if (resultCount === 0)
      return 'Nothing found';
    return resultIndex < 0 ? `Over ${resultCount}` : `${resultCount - resultIndex} of ${resultCount}`;
  }

  render() {
    return html`
      <input class="input find" type="search" placeholder="Find" aria-label="Find in the console"
        aria-invalid=${String(this._results?.resultCount === 0)} @input=${this.#input} @keydown=${this.#key}>
      <span class="found number" role="status">${this.#count()}</span>
      <button type="button" class="icon-button older" aria-label="Older (Enter)" title="Older (Enter)" @click=${() => this.screen.findOlder(this.#text)}>${icon('down')}</button>
      <button type="button" class="icon-button" aria-label="Newer (Shift+Enter)" title="Newer (Shift+Enter)" @click=${() => this.screen.findNewer(this.#text)}>${icon('down')}</button>
      <button type="button" class="icon-button" aria-label="Close (Escape)" title="Close (Escape)" @click=${() => this.dispatchEvent(new Event('close'))}>${icon('close')}</button>`;
  }
}
customElements.define('console-find', ConsoleFind);
