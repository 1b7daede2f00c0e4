import { html, nothing, repeat } from '../../lib/lit/lit.js';
import { Element } from '../ui/element.js';
import { searchBox } from '../ui/search-box.js';
import { empty, loadProblem } from '../ui/notice.js';
import { fullTime } from '../ui/format.js';
import { listEvents } from '../api/cloud.js';
import { LiveQuery } from '../live/live-query.js';
import { pagesOf } from '../live/pages-of.js';
import { href } from '../shell/router.js';

const nothingYet = empty('event', 'Nothing has happened yet', 'Launches, changes of state and images that come or go are written down here.');

/** What happened, newest first: to one resource, or to all. */
class EventLog extends Element {
  static properties = { resourceId: {}, _filter: { state: true } };

  #pages = 1;
  #query = new LiveQuery(this, () => pagesOf(listEvents, this.#pages, { resourceId: this.resourceId }),
    event => !this.resourceId || event.resourceId === this.resourceId);

  constructor() {
    super();
    this._filter = '';
  }

  #more() {
    this.#pages++;
    this.#query.refresh();
  }

  #resource(id) {
    const address = id.startsWith('i-') ? href('instances', id) : /^a[mkr]i-/.test(id) ? href('images', id) : id.startsWith('ak-') ? href('access-keys') : null;
    return address ? html`<a class="mono" href=${address}>${id}</a>` : html`<code class="muted">${id}</code>`;
  }

  render() {
    if (!this.#query.data)
      return loadProblem(this.#query);
    const { items, more } = this.#query.data;
    if (items.length === 0)
      return html`<div class="card">${nothingYet}</div>`;
    const wanted = this._filter.trim().toLowerCase();
    const shown = items.filter(event => `${event.message} ${event.resourceId} ${event.kind}`.toLowerCase().includes(wanted));
    return html`${loadProblem(this.#query)}<div class="card">
      <div class="table-tools">${searchBox('Filter events', this._filter, text => this._filter = text)}</div>
      <ol class="event-list">${repeat(shown, event => event.id, event => html`<li class="event" data-kind=${event.kind}>
        <time datetime=${event.at}>${fullTime(event.at)}</time><p>${event.message}</p>${this.resourceId ? nothing : this.#resource(event.resourceId)}</li>`)}</ol>
      ${shown.length === 0 ? html`<div class="empty"><p>No event matches.</p></div>` : nothing}
      ${more ? html`<div class="table-foot"><button type="button" class="button plain" @click=${this.#more}>Show older ones</button></div>` : nothing}
    </div>`;
  }
}
customElements.define('event-log', EventLog);
