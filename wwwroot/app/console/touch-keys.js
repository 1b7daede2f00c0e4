import { html } from '../../lib/lit/lit.js';
import { Element } from '../ui/element.js';

const keys = [
  { key: 'Escape', title: 'Esc' }, { key: 'Tab', title: 'Tab' }, { key: 'Ctrl+C', title: '^C', label: 'Control C' }, { key: 'Ctrl+D', title: '^D', label: 'Control D' },
  { key: 'Left', title: '←', label: 'Left' }, { key: 'Up', title: '↑', label: 'Up' }, { key: 'Down', title: '↓', label: 'Down' }, { key: 'Right', title: '→', label: 'Right' },
];

/** The keys of a terminal that a phone's keyboard doesn't have. Dispatches 'press' (detail: the key's name). */
class TouchKeys extends Element {
  // The keyboard of a phone closes where the focus leaves the terminal.
  #stay = event => event.preventDefault();

  render() {
    return html`<div class="touch-keys" role="group" aria-label="Keys" @pointerdown=${this.#stay} @mousedown=${this.#stay}>${keys.map(({ key, title, label }) => html`
      <button type="button" aria-label=${label ?? title} @click=${() => this.dispatchEvent(new CustomEvent('press', { detail: key }))}>${title}</button>`)}</div>`;
  }
}
customElements.define('touch-keys', TouchKeys);
