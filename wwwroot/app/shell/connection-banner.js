import { html, nothing } from '../../lib/lit/lit.js';
import { Element } from '../ui/element.js';
import { icon } from '../ui/icon.js';
import { eventStream } from '../live/event-stream.js';

/** Says on every page that what it shows may be old, while the service can't be reached. */
class ConnectionBanner extends Element {
  #update = () => this.requestUpdate();

  connectedCallback() {
    super.connectedCallback();
    eventStream.addEventListener('state', this.#update);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    eventStream.removeEventListener('state', this.#update);
  }

  render() {
    return html`<div role="alert">${eventStream.state === 'reconnecting' ? html`<div class="notice connection-banner" data-tone="busy">
      ${icon('alert')}<div><strong>The service can’t be reached.</strong> What you see may be old; it is tried again until it works.</div>
      <button type="button" class="button" @click=${() => eventStream.retry()}>Try now</button></div>` : nothing}</div>`;
  }
}
customElements.define('connection-banner', ConnectionBanner);
