import { html, nothing, repeat, live } from '../../lib/lit/lit.js';
import { Element } from './element.js';
import { icon } from './icon.js';
import { plural } from './format.js';
import { searchBox } from './search-box.js';
import { currentRoute, keepQuery, onRoute } from '../shell/router.js';

/**
 * Rows with an id, to filter, sort and pick; on a phone, cards.
 *
 * columns: [{ key, title, cell: row => template, text?: row => string (searched), sort?: row => comparable, className? }]
 *   className: 'state' stands beside the first column on a phone, 'end' has a row's buttons, 'extra' goes where it is narrow.
 * picked: Set of ids, or undefined where rows aren't picked; 'pick' tells of a change.
 * plain: no filter. tools: template beside the filter. empty: template where there are no rows at all.
 * few: so few and short columns that they fit a phone (styled).
 * addressed: filter and segment stand in the page's address, so that Back and a bookmark bring them back.
 */
class DataTable extends Element {
  static properties = {
    columns: { attribute: false }, rows: { attribute: false }, picked: { attribute: false },
    tools: { attribute: false }, segments: { attribute: false }, empty: { attribute: false },
    more: { attribute: false }, noun: {}, plain: { type: Boolean }, addressed: { type: Boolean },
    _filter: { state: true }, _segment: { state: true }, _sort: { state: true },
  };

  #endRoute;

  constructor() {
    super();
    this._filter = '';
    this._segment = 0;
    this._sort = null;
  }

  connectedCallback() {
    super.connectedCallback();
    if (!this.addressed)
      return;
    this.#readAddress();
    this.#endRoute = onRoute(() => this.#readAddress());
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#endRoute?.();
  }

  #readAddress() {
    const { query } = currentRoute();
    this._filter = query.get('filter') ?? '';
    this._segment = Math.max(0, this.segments?.findIndex(segment => segment.title.toLowerCase() === query.get('show')) ?? 0);
  }

  #show(filter, segment) {
    this._filter = filter;
    this._segment = segment;
    if (this.addressed)
      keepQuery({ filter, show: segment ? this.segments[segment].title.toLowerCase() : '' });
    // What is out of sight isn't acted on.
    if (this.picked?.size) {
      const shown = new Set(this.#matching().map(row => row.id));
      this.#pick(new Set([...this.picked].filter(id => shown.has(id))));
    }
  }

  #matching() {
    const wanted = this._filter.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const segment = this.segments?.[this._segment];
    const rows = this.rows.filter(row => {
      const text = this.columns.map(c => c.text?.(row) ?? '').join(' ').toLowerCase();
      return wanted.every(word => text.includes(word)) && (segment?.has(row) ?? true);
    });
    const column = this.columns.find(c => c.key === this._sort?.key);
    if (!column)
      return rows;
    const order = this._sort.descending ? -1 : 1;
    return rows.sort((a, b) => {
      const [x, y] = [column.sort(a), column.sort(b)];
      return order * (typeof x === 'number' ? x - y : String(x).localeCompare(String(y), 'en', { numeric: true }));
    });
  }

  #sortBy(key) {
    this._sort = this._sort?.key !== key ? { key } : this._sort.descending ? null : { key, descending: true };
  }

  #pick(ids) {
    this.dispatchEvent(new CustomEvent('pick', { detail: ids }));
  }

  #toggle(id) {
    const picked = new Set(this.picked);
    if (!picked.delete(id))
      picked.add(id);
    this.#pick(picked);
  }

  // Roles are written out: what is laid out otherwise than a table, as on a phone, is no longer read out as one.
  #head(rows) {
    const all = rows.length > 0 && rows.every(row => this.picked?.has(row.id));
    const some = rows.some(row => this.picked?.has(row.id));
    return html`<thead role="rowgroup"><tr role="row">
      ${this.picked ? html`<th class="pick" scope="col" role="columnheader"><label><input type="checkbox" aria-label="Select all" .checked=${live(all)}
        .indeterminate=${some && !all} @change=${() => this.#pick(new Set(all ? [] : rows.map(row => row.id)))}><span aria-hidden="true">All</span></label></th>` : nothing}
      ${this.columns.map(column => html`<th scope="col" role="columnheader" class=${column.className ?? ''}
          aria-sort=${this._sort?.key === column.key ? (this._sort.descending ? 'descending' : 'ascending') : nothing}>
        ${column.sort ? html`<button type="button" @click=${() => this.#sortBy(column.key)}>${column.title}${icon('down')}</button>` : html`<span>${column.title}</span>`}
      </th>`)}
    </tr></thead>`;
  }

  #body(rows) {
    return html`<tbody role="rowgroup">${repeat(rows, row => row.id, row => html`
      <tr role="row" data-id=${row.id} aria-selected=${this.picked ? String(this.picked.has(row.id)) : nothing}>
        ${this.picked ? html`<td class="pick" role="cell"><label><input type="checkbox" aria-label="Select ${row.name || row.id}"
          .checked=${live(this.picked.has(row.id))} @change=${() => this.#toggle(row.id)}></label></td>` : nothing}
        ${this.columns.map(column => html`<td role="cell" class=${column.className ?? ''} data-title=${typeof column.title === 'string' ? column.title : ''}>${column.cell(row)}</td>`)}
      </tr>`)}</tbody>`;
  }

  #loading() {
    return html`<tbody aria-busy="true">${[62, 48, 55].map(width => html`<tr class="skeleton">
      ${this.picked ? html`<td class="pick"></td>` : nothing}
      ${this.columns.map((column, i) => html`<td class=${column.className ?? ''}><span style="--width:${(width + i * 17) % 60 + 25}%"></span></td>`)}</tr>`)}</tbody>`;
  }

  #tools() {
    return html`<div class="table-tools">
      ${searchBox(`Filter ${this.noun}s`, live(this._filter), text => this.#show(text, this._segment))}
      ${this.segments ? html`<div class="segments" role="group" aria-label="Show">${this.segments.map((segment, i) => html`
        <button type="button" aria-pressed=${String(i === this._segment)} @click=${() => this.#show(this._filter, i)}>${segment.title}
          <span class="count">${this.rows?.filter(segment.has).length ?? ''}</span></button>`)}</div>` : nothing}
      ${this.tools ? html`<div class="end" role="group" aria-label="With the selected ${this.noun}s" ?data-idle=${!this.picked?.size}>${this.#pickedCount()}${this.tools}</div>` : nothing}
    </div>`;
  }

  #pickedCount() {
    return html`<span class="picked number" role="status">${this.picked?.size ? html`${this.picked.size} selected
      <button type="button" class="icon-button" aria-label="Select none" title="Select none" @click=${() => this.#pick(new Set())}>${icon('close')}</button>` : nothing}</span>`;
  }

  #foot(rows) {
    const shown = rows.length === this.rows.length ? plural(rows.length, this.noun) : `${rows.length} of ${plural(this.rows.length, this.noun)}`;
    return html`<div class="table-foot number" role="status">${shown}${this.more
      ? html` shown; there are older ones. <button type="button" class="button plain" @click=${this.more}>Show more</button>` : nothing}</div>`;
  }

  render() {
    if (this.rows?.length === 0 && this.empty)
      return html`<div class="card">${this.empty}</div>`;
    const rows = this.rows ? this.#matching() : [];
    return html`<div class="card">
      ${this.plain ? nothing : this.#tools()}
      <table class="table" role="table">${this.#head(rows)}${this.rows ? this.#body(rows) : this.#loading()}</table>
      ${this.rows && rows.length === 0 ? html`<div class="empty"><p>No ${this.noun} matches.</p>
        <button type="button" class="button" @click=${() => this.#show('', 0)}>Show all</button></div>` : nothing}
      ${this.rows ? this.#foot(rows) : nothing}
    </div>`;
  }
}
customElements.define('data-table', DataTable);
