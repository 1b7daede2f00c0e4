import { html, nothing } from '../../lib/lit/lit.js';
import { Element } from '../ui/element.js';
import { icon } from '../ui/icon.js';
import { loadProblem, missing } from '../ui/notice.js';
import { bytes, fullTime } from '../ui/format.js';
import { fact, facts } from '../ui/facts.js';
import { confirm } from '../ui/confirm-dialog.js';
import { complain, say } from '../ui/toast.js';
import { deregisterImage, getImage } from '../api/cloud.js';
import { LiveQuery } from '../live/live-query.js';
import { go, href } from '../shell/router.js';
import { kinds, kindTag } from './image-kinds.js';
import './event-log.js';
import '../ui/copy-text.js';

/** One image. */
class ImagePage extends Element {
  static properties = { imageId: {} };

  #query = new LiveQuery(this, () => getImage(this.imageId), event => event.resourceId === this.imageId);

  async #deregister(image) {
    const sure = await confirm({
      title: 'Deregister this image?', action: 'Deregister', items: [`${image.id}  ${image.name}`],
      text: 'Nothing new can be launched from it. Instances that were launched from it go on.',
    });
    if (!sure)
      return;
    try {
      await deregisterImage(image.id);
      say(`${image.name} was deregistered`);
      go('images');
    } catch (problem) {
      complain(problem);
    }
  }

  #link(id) {
    return id ? html`<a class="mono" href=${href('images', id)}>${id}</a>` : html`<span class="muted">None</span>`;
  }

  #machine(image) {
    return facts('Boots with',
      fact('Kernel', this.#link(image.kernelId)),
      fact('Ramdisk', this.#link(image.ramdiskId)),
      fact('Root device', image.rootDevice ? html`<code>${image.rootDevice}</code>` : html`<span class="muted">None</span>`),
      fact('Kernel command line', html`<copy-text .text=${image.commandLine} label="the command line"></copy-text>`));
  }

  updated() {
    if (this.#query.data)
      document.title = `${this.#query.data.name} · Images · CloudPv`;
  }

  render() {
    const image = this.#query.data;
    if (this.#query.problem?.status === 404)
      return missing('No such image', this.#query.problem, html`<a class="button primary" href=${href('images')}>Go to the images</a>`);
    if (!image)
      return loadProblem(this.#query);
    return html`
      <div class="page-head">
        <div>
          <div class="crumbs"><a href=${href('images')}>Images</a>${icon('chevron')}<copy-text .text=${image.id} label="the image’s id"></copy-text></div>
          <h1 class="titled">${image.name} ${kindTag(image)}</h1>
        </div>
        <div class="page-actions">
          ${image.kind === 'machine' ? html`<a class="button primary" href="${href('instances', 'launch')}?image=${image.id}">${icon('plus')} Launch</a>` : nothing}
          <button type="button" class="button danger" @click=${() => this.#deregister(image)}>${icon('trash')} Deregister</button>
        </div>
      </div>
      ${loadProblem(this.#query)}
      <div class="fact-cards">${facts('Content',
        fact('What it is', image.description),
        fact('Kind', `${kinds[image.kind].title} (${kinds[image.kind].short})`),
        fact('Architecture', image.architecture),
        fact('Size', image.sizeBytes ? bytes(image.sizeBytes) : html`<span class="muted">No file</span>`),
        fact('Added', fullTime(image.createdAt)),
        image.sha256 ? fact('SHA-256', html`<copy-text .text=${image.sha256} label="the checksum"></copy-text>`) : nothing)}
      ${image.kind === 'machine' ? this.#machine(image) : nothing}</div>
      <h2>Events</h2>
      <event-log .resourceId=${image.id}></event-log>`;
  }
}
customElements.define('image-page', ImagePage);
