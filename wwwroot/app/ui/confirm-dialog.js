import { html, nothing } from '../../lib/lit/lit.js';
import { Element } from './element.js';

let host;

/**
 * Asks before something that can't be undone.
 * @param {{title: string, text: string, items?: string[], action: string}} question
 * @returns {Promise<boolean>}
 */
export const confirm = question => host.ask(question);

/** The one dialog of the page. The browser's own <dialog> keeps the focus inside and closes on Escape. */
class ConfirmDialog extends Element {
  static properties = { _question: { state: true } };
  #answer = () => {};

  connectedCallback() {
    super.connectedCallback();
    host = this;
  }

  async ask(question) {
    this._question = question;
    await this.updateComplete;
    this.querySelector('dialog').showModal();
    return new Promise(resolve => this.#answer = resolve);
  }

  #closed(event) {
    this.#answer(event.target.returnValue === 'yes');
    event.target.returnValue = '';
  }

  render() {
    const question = this._question;
    return html`<dialog class="dialog" aria-labelledby="confirm-title" @close=${this.#closed}
        @click=${event => event.target.localName === 'dialog' && event.target.close()}>
      ${question ? html`<form method="dialog">
        <h2 id="confirm-title">${question.title}</h2>
        <p>${question.text}</p>
        ${question.items ? html`<ul>${question.items.map(item => html`<li class="mono">${item}</li>`)}</ul>` : nothing}
        <div class="buttons">
          <button class="button" value="" autofocus>Cancel</button>
          <button class="button danger-fill" value="yes">${question.action}</button>
        </div>
      </form>` : nothing}
    </dialog>`;
  }
}
customElements.define('confirm-dialog', ConfirmDialog);
