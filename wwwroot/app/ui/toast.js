import { html, repeat } from '../../lib/lit/lit.js';
import { Element } from './element.js';
import { icon } from './icon.js';

const shownFor = 6000;
let host;
let next = 1;

/** Tells that something was done. */
export const say = text => host?.add({ tone: 'good', text });

/** Tells that something was refused, in the service's words. */
export const complain = problem => host?.add({ tone: 'bad', text: problem.detail || problem.title || String(problem) });

/** Short messages in the corner, read out by screen readers. */
class ToastList extends Element {
  static properties = { _toasts: { state: true } };

  constructor() {
    super();
    this._toasts = [];
  }

  connectedCallback() {
    super.connectedCallback();
    host = this;
  }

  add(toast) {
    const entry = { id: next++, ...toast };
    this._toasts = [...this._toasts, entry].slice(-4);
    // What went wrong stays until it is read and closed.
    if (toast.tone !== 'bad')
      setTimeout(() => this.#remove(entry.id), shownFor);
  }

  #remove(id) {
    this._toasts = this._toasts.filter(t => t.id !== id);
  }

  render() {
    return html`<div class="toasts" role="region" aria-label="Messages" aria-live="polite">
      ${repeat(this._toasts, t => t.id, t => html`
        <div class="toast" data-tone=${t.tone}>${icon(t.tone === 'bad' ? 'alert' : 'check')}<div>${t.text}</div>
          <button type="button" class="icon-button" aria-label="Close" @click=${() => this.#remove(t.id)}>${icon('close')}</button></div>`)}
    </div>`;
  }
}
customElements.define('toast-list', ToastList);
