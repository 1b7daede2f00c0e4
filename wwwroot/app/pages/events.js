import { html } from '../../lib/lit/lit.js';
import { Element } from '../ui/element.js';
import './event-log.js';

/** All that happened. */
class EventsPage extends Element {
  render() {
    return html`
      <div class="page-head"><div><h1>Events</h1><p class="lead">What happened in this cloud, newest first. Nothing is ever changed or removed here.</p></div></div>
      <event-log></event-log>`;
  }
}
customElements.define('events-page', EventsPage);
