import { html, nothing } from '../../lib/lit/lit.js';
import { Element } from '../ui/element.js';
import { fullTime, memory } from '../ui/format.js';
import { fact, facts } from '../ui/facts.js';
import { listHosts, listImages } from '../api/cloud.js';
import { LiveQuery, concernsImages } from '../live/live-query.js';
import { pagesOf } from '../live/pages-of.js';
import { href } from '../shell/router.js';
import '../ui/copy-text.js';
import '../ui/time-ago.js';

/** What an instance is made of, and where it runs. */
class InstanceDetails extends Element {
  static properties = { instance: { attribute: false } };

  #images = new LiveQuery(this, () => pagesOf(listImages, Infinity), concernsImages);
  #hosts = new LiveQuery(this, listHosts, () => false);

  #image(id) {
    if (!id)
      return html`<span class="muted">None</span>`;
    const image = this.#images.data?.items.find(i => i.id === id);
    return html`<span class="two-lines"><a href=${href('images', id)}>${image?.name ?? id}</a><small class="mono">${id}</small></span>`;
  }

  #machine(instance) {
    return facts('Machine',
      fact('Instance type', instance.instanceType),
      fact('vCPUs', instance.vcpus),
      fact('Memory', memory(instance.memoryMiB)),
      fact('Host', html`<a href=${href('hosts')}>${this.#hosts.data?.items.find(h => h.id === instance.hostId)?.name ?? instance.hostId}</a>`),
      fact('Launched', html`<time-ago .time=${instance.launchedAt}></time-ago>`),
      fact('State since', html`<time-ago .time=${instance.stateChangedAt}></time-ago>`),
      instance.stateReason ? fact('State reason', html`${instance.stateReason.message || instance.stateReason.code}`) : nothing);
  }

  #boot(instance) {
    return facts('Boots from',
      fact('Image', this.#image(instance.imageId)),
      fact('Kernel', this.#image(instance.kernelId)),
      fact('Ramdisk', this.#image(instance.ramdiskId)),
      fact('Kernel command line', html`<copy-text .text=${instance.commandLine} label="the command line"></copy-text>`));
  }

  #network(instance) {
    return facts('Network',
      fact('Private IP', html`<copy-text .text=${instance.privateIp}></copy-text>`),
      fact('MAC address', html`<copy-text .text=${instance.macAddress}></copy-text>`));
  }

  #origin(instance) {
    return facts('Origin',
      fact('Launch', html`<code>${instance.reservationId}</code>`),
      fact('Number in it', instance.launchIndex + 1),
      fact('Created', fullTime(instance.createdAt)));
  }

  render() {
    const instance = this.instance;
    return html`<div class="fact-cards">${this.#machine(instance)}${this.#boot(instance)}<div class="fact-cards stacked">${this.#network(instance)}${this.#origin(instance)}</div></div>`;
  }
}
customElements.define('instance-details', InstanceDetails);
