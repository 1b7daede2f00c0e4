import { html, nothing } from '../../lib/lit/lit.js';
import { Element } from '../ui/element.js';
import { icon, mark } from '../ui/icon.js';
import { problemNotice } from '../ui/notice.js';
import { signIn } from '../api/session.js';

/** Takes the key. */
class SignInPage extends Element {
  static properties = { _problem: { state: true }, _wrong: { state: true }, _busy: { state: true }, _shown: { state: true } };

  firstUpdated() {
    this.querySelector('#key').focus();
  }

  async #submit(event) {
    event.preventDefault();
    if (this._busy)
      return;
    const field = this.querySelector('#key');
    const key = field.value.trim();
    this._problem = null;
    this._wrong = key ? null : 'Paste your key here first.';
    if (!key)
      return field.focus();
    this._busy = true;
    try {
      await signIn(key);
    } catch (problem) {
      this._problem = problem;
      field.select();
    }
    this._busy = false;
  }

  #problem() {
    const problem = this._problem;
    if (problem?.status !== 401)
      return problemNotice(problem);
    return problemNotice({ ...problem, title: 'This key doesn’t sign you in', detail: problem.detail });
  }

  render() {
    return html`<main class="sign-in">
      <form class="card" @submit=${this.#submit} novalidate>
        <div class="brand">${mark} CloudPv</div>
        <div><h1>Sign in</h1><p class="lead">With the access key that <code>./cloudpv up</code> printed.</p></div>
        ${this.#problem()}
        <div class="field">
          <label for="key">Access key</label>
          <div class="reveal">
            <input id="key" class="input mono" type=${this._shown ? 'text' : 'password'} autocomplete="current-password" spellcheck="false"
              aria-invalid=${String(Boolean(this._wrong))} aria-describedby="key-hint">
            <button type="button" class="icon-button" aria-label=${this._shown ? 'Hide the key' : 'Show the key'} aria-pressed=${String(Boolean(this._shown))}
              @click=${() => this._shown = !this._shown}>${icon('eye')}</button>
          </div>
          ${this._wrong ? html`<p class="wrong" role="alert">${this._wrong}</p>` : nothing}
          <p class="hint" id="key-hint">It is also in the file <code>admin.key</code> of the data folder.</p>
        </div>
        <button class="button primary large" aria-disabled=${String(Boolean(this._busy))}>${this._busy ? 'Signing in…' : 'Sign in'}</button>
      </form>
    </main>`;
  }
}
customElements.define('sign-in-page', SignInPage);
