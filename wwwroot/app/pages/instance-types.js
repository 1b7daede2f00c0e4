import { html } from '../../lib/lit/lit.js';
import { Element } from '../ui/element.js';
import { loadProblem } from '../ui/notice.js';
import { memory } from '../ui/format.js';
import { listInstanceTypes } from '../api/cloud.js';
import { LiveQuery } from '../live/live-query.js';
import { href } from '../shell/router.js';
import '../ui/data-table.js';

const columns = [
  { key: 'name', title: 'Type', sort: t => t.name, text: t => t.name, cell: t => html`<strong>${t.name}</strong>` },
  { key: 'vcpus', title: 'vCPUs', sort: t => t.vcpus, className: 'number', cell: t => t.vcpus },
  { key: 'memory', title: 'Memory', sort: t => t.memoryMiB, className: 'number', cell: t => memory(t.memoryMiB) },
  { key: 'cpu-weight', title: 'CPU weight', sort: t => t.cpuWeight, className: 'number', cell: t => t.cpuWeight },
  { key: 'cpu-cap', title: 'CPU cap', sort: t => t.cpuCap, className: 'number', cell: t => (t.cpuCap ? `${t.cpuCap} %` : 'none') },
  {
    key: 'launch', title: html`<span class="visually-hidden">Launch</span>`, className: 'end',
    cell: t => html`<a class="button" href="${href('instances', 'launch')}?type=${t.name}" aria-label="Launch ${t.name}">Launch</a>`,
  },
];

/** The sizes that instances come in. */
class InstanceTypesPage extends Element {
  #query = new LiveQuery(this, async () => (await listInstanceTypes()).items.map(type => ({ id: type.name, ...type })), () => false);

  render() {
    return html`
      <div class="page-head"><div><h1>Instance types</h1><p class="lead">The sizes that instances come in. A launch can also ask for vCPUs and memory of its own.</p></div></div>
      ${loadProblem(this.#query)}
      <data-table ?hidden=${this.#query.failed} plain noun="type" .columns=${columns} .rows=${this.#query.data}></data-table>`;
  }
}
customElements.define('instance-types-page', InstanceTypesPage);
