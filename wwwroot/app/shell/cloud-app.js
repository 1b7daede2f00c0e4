import { html, keyed, nothing } from '../../lib/lit/lit.js';
import { Element } from '../ui/element.js';
import { icon, mark } from '../ui/icon.js';
import { onSession, resume, signedIn } from '../api/session.js';
import { problemNotice } from '../ui/notice.js';
import { currentRoute, href, onRoute } from './router.js';
import { findPage } from './pages.js';
import './nav-bar.js';
import './connection-banner.js';
import '../pages/sign-in.js';
import '../ui/toast.js';
import '../ui/confirm-dialog.js';

/** The frame: sign-in page, or navigation and the page that the address asks for. */
class CloudApp extends Element {
  static properties = { _navOpen: { state: true }, _problem: { state: true } };

  constructor() {
    super();
    this._navOpen = false;
    this._page = null;
    onSession(() => this.requestUpdate());
    onRoute(() => {
      this._navOpen = false;
      this.requestUpdate();
    });
    addEventListener('keydown', event => {
      if (event.key === 'Escape' && this._navOpen)
        this.#closeNav();
    });
    this.#resume();
  }

  async #resume() {
    this._problem = null;
    try {
      await resume();
    } catch (problem) {
      this._problem = problem;
    }
  }

  async #openNav() {
    this._navOpen = true;
    await this.updateComplete;
    this.querySelector('.nav-link').focus();
  }

  #closeNav() {
    this._navOpen = false;
    this.querySelector('.top-bar button').focus();
  }

  #skip() {
    this.querySelector('#main').focus();
  }

  // The element of one page stays while only its tab changes; a new page begins at its top, and screen readers there.
  updated() {
    if (this._page === this._shown)
      return;
    const before = this._shown;
    this._shown = this._page;
    document.title = this._page ? `${this._page.title} · CloudPv` : 'CloudPv';
    if (before && this._page) {
      scrollTo(0, 0);
      this.querySelector('#main').focus({ preventScroll: true });
    }
  }

  #unknown() {
    return this._problem
      ? html`<div class="sign-in"><div class="card card-body fields">${problemNotice(this._problem)}
          <button type="button" class="button" @click=${this.#resume}>Try again</button></div></div>`
      : nothing;
  }

  render() {
    if (!signedIn) {
      this._page = null;
      return signedIn === false ? html`<sign-in-page></sign-in-page>` : this.#unknown();
    }
    const route = currentRoute();
    const page = findPage(route);
    if (page.key !== this._page?.key)
      this._page = page;
    return html`
      <button type="button" class="skip-link" @click=${this.#skip}>Skip to the page</button>
      <div class="shell">
        <header class="top-bar">
          <button type="button" class="icon-button" aria-label="Menu" aria-expanded=${String(this._navOpen)} aria-controls="nav"
            @click=${this.#openNav}>${icon('menu')}</button>
          <a class="brand" href=${href('instances')}>${mark} CloudPv</a>
        </header>
        <nav-bar id="nav" class="nav" role="region" aria-label="CloudPv" .section=${page.section} ?data-open=${this._navOpen}></nav-bar>
        ${this._navOpen ? html`<div class="nav-veil" @click=${this.#closeNav}></div>` : nothing}
        <main id="main" class="page" tabindex="-1" ?inert=${this._navOpen}><connection-banner></connection-banner>${keyed(page.key, page.render(route))}</main>
      </div>
      <confirm-dialog></confirm-dialog>
      <toast-list></toast-list>`;
  }
}
customElements.define('cloud-app', CloudApp);
