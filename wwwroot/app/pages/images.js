import { html, nothing } from '../../lib/lit/lit.js';
import { Element } from '../ui/element.js';
import { icon } from '../ui/icon.js';
import { empty, loadProblem } from '../ui/notice.js';
import { bytes } from '../ui/format.js';
import { listImages } from '../api/cloud.js';
import { LiveQuery, concernsImages } from '../live/live-query.js';
import { pagesOf } from '../live/pages-of.js';
import { href } from '../shell/router.js';
import { kindTag } from './image-kinds.js';
import '../ui/data-table.js';
import '../ui/time-ago.js';
import './upload-progress.js';

const segments = [
  { title: 'All', has: () => true },
  { title: 'Machine', has: image => image.kind === 'machine' },
  { title: 'Kernel', has: image => image.kind === 'kernel' },
  { title: 'Ramdisk', has: image => image.kind === 'ramdisk' },
];

const columns = [
  {
    key: 'name', title: 'Name', sort: i => i.name, text: i => `${i.name} ${i.id}`,
    cell: i => html`<span class="two-lines"><a class="clamp" href=${href('images', i.id)} title=${i.name}>${i.name}</a><small class="mono">${i.id}</small></span>`,
  },
  { key: 'kind', title: 'Kind', sort: i => i.kind, text: i => i.kind, cell: kindTag },
  { key: 'what', title: 'What it is', className: 'extra', text: i => i.description, cell: i => html`<span class="muted">${i.description}</span>` },
  { key: 'size', title: 'Size', sort: i => i.sizeBytes, className: 'number nowrap', cell: i => i.sizeBytes ? bytes(i.sizeBytes) : html`<span class="muted">None</span>` },
  { key: 'created', title: 'Added', sort: i => Date.parse(i.createdAt), cell: i => html`<time-ago .time=${i.createdAt}></time-ago>` },
  {
    key: 'launch', title: html`<span class="visually-hidden">Launch</span>`, className: 'end',
    cell: i => i.kind === 'machine' ? html`<a class="button" href="${href('instances', 'launch')}?image=${i.id}" aria-label="Launch ${i.name}">Launch</a>` : '',
  },
];

const upload = html`<a class="button primary" href=${href('images', 'upload')}>${icon('upload')} Upload an image</a>`;

const nothingYet = empty('image', 'No images yet', 'Instances boot from images. Upload a Xen PV kernel first, then a machine image that uses it; or run “./cloudpv up” once, which makes the starter image.', upload);

/** The catalogue of images. */
class ImagesPage extends Element {
  #pages = 1;
  #query = new LiveQuery(this, () => pagesOf(listImages, this.#pages), concernsImages);

  #more = () => {
    this.#pages++;
    this.#query.refresh();
  };

  render() {
    const data = this.#query.data;
    return html`
      <div class="page-head">
        <div><h1>Images</h1><p class="lead">What instances boot from: machine images, and the kernels and ramdisks that they use.</p></div>
        <div class="page-actions">${data?.items.length ? upload : nothing}</div>
      </div>
      ${loadProblem(this.#query)}
      <upload-progress></upload-progress>
      <data-table ?hidden=${this.#query.failed} noun="image" addressed .columns=${columns} .rows=${data?.items} .segments=${segments} .empty=${nothingYet}
        .more=${data?.more ? this.#more : null}></data-table>`;
  }
}
customElements.define('images-page', ImagesPage);
