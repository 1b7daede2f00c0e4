import { html } from '../../lib/lit/lit.js';
import { Element } from './element.js';
import { copy } from './clipboard.js';
import { icon } from './icon.js';

/** A text that people take elsewhere (an id, an address), with its copy button. */
class CopyText extends Element {
  static properties = { text: {}, label: {}, _copied: { state: true } };

  async #copy() {
    await copy(this.text);
    this._copied = true;
    setTimeout(() => this._copied = false, 1500);
  }

  render() {
    return html`
      <code>${this.text}</code>
      <button type="button" class="icon-button" aria-label="Copy ${this.label ?? this.text}" title=${this._copied ? 'Copied' : 'Copy'}
        @click=${this.#copy}>${icon(this._copied ? 'check' : 'copy')}</button>
      <span class="visually-hidden" role="status">${this._copied ? 'Copied' : ''}</span>`;
  }
}
customElements.define('copy-text', CopyText);
