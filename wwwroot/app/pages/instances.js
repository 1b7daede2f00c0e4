import { html, nothing } from '../../lib/lit/lit.js';
import { Element } from '../ui/element.js';
import { icon } from '../ui/icon.js';
import { empty, loadProblem } from '../ui/notice.js';
import { instanceBadge } from '../ui/badge.js';
import { memory, vcpus } from '../ui/format.js';
import { listImages, listInstances } from '../api/cloud.js';
import { LiveQuery, concernsImages, concernsInstances } from '../live/live-query.js';
import { pagesOf } from '../live/pages-of.js';
import { href } from '../shell/router.js';
import { actionButton, actions } from './instance-actions.js';
import '../ui/data-table.js';
import '../ui/time-ago.js';

const segments = [
  { title: 'All', has: () => true },
  { title: 'Running', has: instance => instance.state === 'running' },
  { title: 'Stopped', has: instance => instance.state === 'stopped' },
  { title: 'Terminated', has: instance => instance.state === 'terminated' },
];

const launch = html`<a class="button primary" href=${href('instances', 'launch')}>${icon('plus')} Launch instances</a>`;

const nothingYet = empty('instance', 'No instances yet', 'An instance is a virtual machine that boots from one of your images. Launch one, and its console opens here in the browser.', launch);

/** All instances. */
class InstancesPage extends Element {
  static properties = { _picked: { state: true } };

  #pages = 1;
  #instances = new LiveQuery(this, () => pagesOf(listInstances, this.#pages), concernsInstances);
  #images = new LiveQuery(this, () => pagesOf(listImages, Infinity), concernsImages);

  constructor() {
    super();
    this._picked = new Set();
  }

  #columns() {
    const images = new Map(this.#images.data?.items.map(image => [image.id, image.name]));
    return [
      {
        key: 'name', title: 'Name', sort: i => i.name, text: i => `${i.name} ${i.id}`,
        cell: i => html`<span class="two-lines"><a class="clamp" href=${href('instances', i.id)} title=${i.name}>${i.name}</a><small class="mono">${i.id}</small></span>`,
      },
      { key: 'state', title: 'State', sort: i => i.state, text: i => i.state, className: 'state', cell: i => instanceBadge(i) },
      {
        key: 'type', title: 'Type', sort: i => i.memoryMiB, text: i => i.instanceType,
        cell: i => html`<span class="two-lines nowrap">${i.instanceType}<small>${vcpus(i.vcpus)}, ${memory(i.memoryMiB)}</small></span>`,
      },
      {
        key: 'image', title: 'Image', className: 'extra', sort: i => images.get(i.imageId) ?? i.imageId, text: i => `${i.imageId} ${images.get(i.imageId) ?? ''}`,
        cell: i => html`<a class="clamp" href=${href('images', i.imageId)}>${images.get(i.imageId) ?? i.imageId}</a>`,
      },
      { key: 'ip', title: 'Private IP', sort: i => i.privateIp, text: i => i.privateIp, cell: i => html`<code>${i.privateIp}</code>` },
      { key: 'launched', title: 'Launched', sort: i => Date.parse(i.launchedAt), cell: i => html`<time-ago .time=${i.launchedAt}></time-ago>` },
      {
        key: 'console', title: html`<span class="visually-hidden">Console</span>`, className: 'end',
        cell: i => i.state === 'terminated' ? '' : html`<a class="icon-button" href=${href('instances', i.id, 'console')} aria-label="Console of ${i.name}" title="Console">${icon('terminal')}</a>`,
      },
    ];
  }

  #tools(picked) {
    return ['start', 'stop', 'reboot', 'terminate'].map(name => actionButton(actions[name], picked));
  }

  #more = () => {
    this.#pages++;
    this.#instances.refresh();
  };

  render() {
    const data = this.#instances.data;
    const picked = data?.items.filter(instance => this._picked.has(instance.id)) ?? [];
    return html`
      <div class="page-head">
        <h1>Instances</h1>
        <div class="page-actions">${data?.items.length ? launch : nothing}</div>
      </div>
      ${loadProblem(this.#instances)}
      <data-table ?hidden=${this.#instances.failed} noun="instance" addressed .columns=${this.#columns()} .rows=${data?.items} .segments=${segments} .picked=${this._picked}
        .tools=${this.#tools(picked)} .empty=${nothingYet} .more=${data?.more ? this.#more : null}
        @pick=${event => this._picked = event.detail}></data-table>`;
  }
}
customElements.define('instances-page', InstancesPage);
