import { html } from '../../lib/lit/lit.js';
import { Element } from '../ui/element.js';
import { icon, mark } from '../ui/icon.js';
import { complain } from '../ui/toast.js';
import { signOut } from '../api/session.js';
import { eventStream } from '../live/event-stream.js';
import { href } from './router.js';
import { sections } from './pages.js';
import './theme-switch.js';

const liveWords = { connecting: 'Connecting', live: 'Live', reconnecting: 'Reconnecting' };

/** The navigation, whether the page is live, and who-am-I's two switches. */
class NavBar extends Element {
  static properties = { section: {} };

  #update = () => this.requestUpdate();

  connectedCallback() {
    super.connectedCallback();
    eventStream.addEventListener('state', this.#update);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    eventStream.removeEventListener('state', this.#update);
  }

  async #signOut() {
    try {
      await signOut();
    } catch (problem) {
      complain(problem);
    }
  }

  render() {
    return html`
      <a class="brand" href=${href('instances')}>${mark} CloudPv</a>
      <nav aria-label="Main">${[...new Set(sections.map(s => s.group))].map(group => html`
        <p class="nav-group">${group}</p>
        ${sections.filter(s => s.group === group).map(s => html`
          <a class="nav-link" href=${href(s.section)} aria-current=${s.section === this.section ? 'page' : 'false'}>${icon(s.icon)} ${s.title}</a>`)}`)}
      </nav>
      <div class="nav-foot">
        <a class="nav-link" href="swagger" target="_blank" rel="noopener">${icon('code')} REST API</a>
        <div class="nav-foot-row">
          <theme-switch></theme-switch>
          <button type="button" class="icon-button" aria-label="Sign out" title="Sign out" @click=${this.#signOut}>${icon('signOut')}</button>
        </div>
        <p class="live" role="status" data-state=${eventStream.state}
          title="Whether this page hears of changes as they happen">${liveWords[eventStream.state]}</p>
      </div>`;
  }
}
customElements.define('nav-bar', NavBar);
