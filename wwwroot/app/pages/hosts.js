import { html } from '../../lib/lit/lit.js';
import { Element } from '../ui/element.js';
import { empty, loadProblem } from '../ui/notice.js';
import { badge } from '../ui/badge.js';
import { memory } from '../ui/format.js';
import { listHosts } from '../api/cloud.js';
import { LiveQuery, concernsInstances } from '../live/live-query.js';
import '../ui/data-table.js';
import '../ui/time-ago.js';

/** Heartbeats are no events: the page asks for them, as often as they come. */
const heartbeat = 10_000;

const share = host => Math.min(100, 100 * host.memoryHeldMiB / host.memoryMiB);

const columns = [
  {
    key: 'name', title: 'Host', sort: h => h.name, text: h => `${h.name} ${h.id}`,
    cell: h => html`<span class="two-lines"><strong>${h.name}</strong><small class="mono anywhere">${h.id}</small></span>`,
  },
  { key: 'state', title: 'State', sort: h => h.state, text: h => h.state, cell: h => badge(h.state) },
  { key: 'instances', title: 'Instances', sort: h => h.instances, className: 'number', cell: h => h.instances },
  { key: 'cpus', title: 'CPUs', sort: h => h.cpus, className: 'number', cell: h => h.cpus },
  {
    key: 'memory', title: 'Memory held by instances', sort: share,
    cell: h => html`<div class="meter"><div class="track" role="meter" aria-label="Memory held" aria-valuemin="0" aria-valuemax=${h.memoryMiB} aria-valuenow=${h.memoryHeldMiB}>
      <div class="bar" style="width:${share(h)}%"></div></div><small class="number">${memory(h.memoryHeldMiB)} of ${memory(h.memoryMiB)}</small></div>`,
  },
  { key: 'heartbeat', title: 'Last heard of', sort: h => Date.parse(h.heartbeatAt), cell: h => html`<time-ago .time=${h.heartbeatAt}></time-ago>` },
];

const nothingYet = empty('host', 'No host has reported yet', 'A host shows up here when its worker (cloudpv-worker) has started. ./cloudpv status says whether it runs.');

/** The machines that run the instances. */
class HostsPage extends Element {
  #query = new LiveQuery(this, listHosts, concernsInstances);
  #timer;

  connectedCallback() {
    super.connectedCallback();
    this.#timer = setInterval(this.#query.refresh, heartbeat);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearInterval(this.#timer);
  }

  render() {
    return html`
      <div class="page-head"><div><h1>Hosts</h1><p class="lead">The machines that run the instances, and how full they are.</p></div></div>
      ${loadProblem(this.#query)}
      <data-table ?hidden=${this.#query.failed} plain noun="host" .columns=${columns} .rows=${this.#query.data?.items} .empty=${nothingYet}></data-table>`;
  }
}
customElements.define('hosts-page', HostsPage);
