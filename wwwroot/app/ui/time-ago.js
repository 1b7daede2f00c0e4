import { html, nothing } from '../../lib/lit/lit.js';
import { Element } from './element.js';
import { fullTime, timeAgo } from './format.js';

const shown = new Set();
setInterval(() => shown.forEach(element => element.requestUpdate()), 20_000);

/** How long ago a time was, kept true while it is shown; the full time on hover. */
class TimeAgo extends Element {
  static properties = { time: {} };

  connectedCallback() {
    super.connectedCallback();
    shown.add(this);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    shown.delete(this);
  }

  render() {
    return this.time
      ? html`<time class="nowrap" datetime=${this.time} title=${fullTime(this.time)}>${timeAgo(this.time)}</time>`
      : nothing;
  }
}
customElements.define('time-ago', TimeAgo);
