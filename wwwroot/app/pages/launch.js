import { html, nothing } from '../../lib/lit/lit.js';
import { Element } from '../ui/element.js';
import { icon } from '../ui/icon.js';
import { empty, loadProblem, notice, problemNotice } from '../ui/notice.js';
import { field, focusFirstMistake, inputField, isWhole, selectField } from '../ui/field.js';
import { searchBox } from '../ui/search-box.js';
import { memory, plural, vcpus } from '../ui/format.js';
import { say } from '../ui/toast.js';
import { launchInstances, listHosts, listImages, listInstanceTypes, newToken } from '../api/cloud.js';
import { LiveQuery, concernsImages, concernsInstances } from '../live/live-query.js';
import { pagesOf } from '../live/pages-of.js';
import { go, href } from '../shell/router.js';
import { launchMistakes, roomOf, toLaunch } from './launch-rules.js';

/** The launch form: one page, everything with a sensible start. */
class LaunchPage extends Element {
  static properties = {
    image: {}, type: {}, _launch: { state: true }, _tried: { state: true }, _busy: { state: true }, _problem: { state: true }, _search: { state: true },
  };

  #catalogue = new LiveQuery(this, async () => {
    const [images, types, hosts] = await Promise.all([pagesOf(listImages, Infinity), listInstanceTypes(), listHosts()]);
    this.#choose(images.items, types.items);
    return { images: images.items, types: types.items, room: roomOf(hosts.items) };
  }, event => concernsImages(event) || concernsInstances(event));

  // Of one filled-in form: sending it again after an answer was lost launches nothing twice.
  #token = newToken();

  constructor() {
    super();
    this._search = '';
    this._launch = { name: '', count: '1', imageId: '', instanceType: '', vcpus: '', memoryMiB: '', kernelId: '', ramdiskId: '', commandLine: '' };
  }

  #choose(images, types) {
    const machines = images.filter(image => image.kind === 'machine');
    if (!machines.some(image => image.id === this._launch.imageId))
      this._launch = { ...this._launch, imageId: (machines.find(image => image.id === this.image) ?? machines[0])?.id ?? '' };
    if (!this._launch.instanceType)
      this._launch = { ...this._launch, instanceType: (types.find(type => type.name === this.type) ?? types.find(type => type.memoryMiB >= 256) ?? types[0])?.name ?? '' };
  }

  #set(changes) {
    this._launch = { ...this._launch, ...changes };
    this._problem = null;
    this.#token = newToken();
  }

  async #submit(event) {
    event.preventDefault();
    if (this._busy)
      return;
    this._tried = true;
    await this.updateComplete;
    if (Object.keys(launchMistakes(this._launch)).length > 0) {
      this.querySelectorAll('details').forEach(part => part.open ||= Boolean(part.querySelector('[aria-invalid=true]')));
      return focusFirstMistake(this);
    }
    this._busy = true;
    this._problem = null;
    try {
      const { instances } = await launchInstances(toLaunch(this._launch), this.#token);
      say(`Launching ${instances.length === 1 ? instances[0].name : plural(instances.length, 'instance')}`);
      go('instances', ...(instances.length === 1 ? [instances[0].id] : []));
    } catch (problem) {
      this._problem = problem;
      await this.updateComplete;
      this.querySelector('.summary [role=alert]')?.scrollIntoView({ block: 'nearest' });
    }
    this._busy = false;
  }

  #naming(wrong) {
    const launch = this._launch;
    return html`<section class="card"><div class="card-head"><h2>Name and number</h2></div><div class="card-body fields pair">
      ${inputField({
        id: 'name', label: 'Name', optional: true, value: launch.name, wrong: wrong.name, change: name => this.#set({ name }),
        attributes: { placeholder: this.#image()?.name },
      })}
      ${inputField({
        id: 'count', label: 'Number of instances', value: launch.count, wrong: wrong.count, change: count => this.#set({ count }),
        attributes: { type: 'number', min: 1, max: 100 },
      })}
    </div></section>`;
  }

  #image = () => this.#catalogue.data?.images.find(image => image.id === this._launch.imageId);
  #type = () => this.#catalogue.data?.types.find(type => type.name === this._launch.instanceType);

  #images({ images }) {
    const machines = images.filter(image => image.kind === 'machine');
    const wanted = this._search.trim().toLowerCase();
    const shown = machines.filter(image => `${image.name} ${image.id} ${image.description}`.toLowerCase().includes(wanted));
    return html`<fieldset class="card"><div class="card-head"><legend><h2>Image</h2></legend>
      ${machines.length > 6 ? searchBox('Filter images', this._search, text => this._search = text) : nothing}</div>
      <div class="card-body"><div class="choices scroll">${shown.map(image => html`
        <label class="choice"><input type="radio" name="image" value=${image.id} .checked=${image.id === this._launch.imageId}
          @change=${() => this.#set({ imageId: image.id })}>
          <span class="two-lines"><strong>${image.name}</strong><small><span class="mono">${image.id}</span>, ${image.description}</small></span></label>`)}
      ${shown.length === 0 ? html`<p class="muted">No image matches.</p>` : nothing}</div></div></fieldset>`;
  }

  #types({ types, room }) {
    return html`<fieldset class="card"><div class="card-head"><legend><h2>Instance type</h2></legend></div><div class="card-body">
      <div class="choices grid">${types.map(type => html`
        <label class="choice"><input type="radio" name="type" value=${type.name} .checked=${type.name === this._launch.instanceType}
          @change=${() => this.#set({ instanceType: type.name })}>
          <span class="two-lines"><strong>${type.name}</strong><small class="nowrap">${vcpus(type.vcpus)}, ${memory(type.memoryMiB)}</small>
            ${type.memoryMiB > room.largest ? html`<small class="warn">Fits no host</small>` : type.memoryMiB > room.free ? html`<small class="warn">No room now</small>` : nothing}</span></label>`)}
      </div></div></fieldset>`;
  }

  #size(wrong) {
    const { vcpus: cpus, memoryMiB } = this._launch;
    const type = this.#type();
    return html`<details class="card advanced"><summary>Another size than the type’s</summary><div class="card-body fields pair">
      ${inputField({
        id: 'vcpus', label: 'vCPUs', optional: true, value: cpus, wrong: wrong.vcpus, change: value => this.#set({ vcpus: value }),
        attributes: { type: 'number', min: 1, max: 32, placeholder: type?.vcpus },
      })}
      ${inputField({
        id: 'memory', label: 'Memory in MiB', optional: true, value: memoryMiB, wrong: wrong.memoryMiB, change: value => this.#set({ memoryMiB: value }),
        attributes: { type: 'number', min: 32, placeholder: type?.memoryMiB },
      })}
    </div></details>`;
  }

  #advanced(wrong, { images }) {
    const launch = this._launch;
    const of = (kind, own) => [{ value: '', title: own }, ...images.filter(i => i.kind === kind).map(i => ({ value: i.id, title: `${i.name} (${i.id})` }))];
    return html`<details class="card advanced"><summary>Advanced</summary><div class="card-body fields">
      ${field({
        id: 'command-line', label: 'Kernel command line', optional: true, wrong: wrong.commandLine,
        hint: 'Instead of the image’s. Keep console=hvc0, or the console stays dark.',
        control: ({ invalid, by }) => html`<textarea id="command-line" class="textarea mono" rows="2" spellcheck="false" placeholder=${this.#image()?.commandLine ?? ''}
          .value=${launch.commandLine} aria-invalid=${invalid} aria-describedby=${by}
          @input=${event => this.#set({ commandLine: event.target.value })}></textarea>`,
      })}
      <div class="fields pair">
        ${selectField({ id: 'kernel', label: 'Kernel', optional: true, value: launch.kernelId, options: of('kernel', 'The image’s'), change: kernelId => this.#set({ kernelId }) })}
        ${selectField({ id: 'ramdisk', label: 'Ramdisk', optional: true, value: launch.ramdiskId, options: of('ramdisk', 'The image’s'), change: ramdiskId => this.#set({ ramdiskId }) })}
      </div></div></details>`;
  }

  #summary() {
    const { count, vcpus: cpus, memoryMiB } = this._launch;
    const type = this.#type();
    const number = isWhole(count, 1, 100) ? +count : 0;
    const each = type && (+memoryMiB || type.memoryMiB);
    const room = this.#catalogue.data.room.free;
    const row = (name, value) => html`<dt>${name}</dt><dd>${value}</dd>`;
    const total = type && number ? html`${vcpus((+cpus || type.vcpus) * number)}, ${memory(each * number)}` : '';
    return html`<aside class="card summary"><div class="card-head"><h2>Summary</h2></div><div class="card-body">
      <dl>${row('Image', this.#image()?.name ?? '')}${row('Type', type?.name ?? '')}${row('Instances', number || '')}${row('In all', total)}${row('Free now', memory(room))}</dl>
      ${each * number > room ? notice('busy', 'There may be no room for this', 'The hosts have less memory free right now. Terminate or stop instances, or choose a smaller type.') : nothing}
      <button class="button primary large" aria-disabled=${String(Boolean(this._busy))}>${this._busy ? 'Launching…' : number > 1 ? `Launch ${number} instances` : 'Launch instance'}</button>
      <a class="button plain" href=${href('instances')}>Cancel</a>
      ${problemNotice(this._problem)}
    </div></aside>`;
  }

  render() {
    const catalogue = this.#catalogue.data;
    const wrong = this._tried ? launchMistakes(this._launch) : {};
    const head = html`<div class="page-head"><div>
      <div class="crumbs"><a href=${href('instances')}>Instances</a>${icon('chevron')}Launch</div><h1>Launch instances</h1></div></div>`;
    if (!catalogue)
      return html`${head}${loadProblem(this.#catalogue)}`;
    if (!catalogue.images.some(image => image.kind === 'machine')) {
      return html`${head}<div class="card">${empty('image', 'There is no machine image to launch from',
        'Upload one, or run “./cloudpv up” once more: it makes the starter image where it is missing.',
        html`<a class="button primary" href=${href('images', 'upload')}>${icon('upload')} Upload an image</a>`)}</div>`;
    }
    return html`${head}<form class="with-summary" novalidate @submit=${this.#submit}>
      <div class="form-cards">${this.#naming(wrong)}${this.#images(catalogue)}${this.#types(catalogue)}${this.#size(wrong)}${this.#advanced(wrong, catalogue)}</div>
      ${this.#summary()}</form>`;
  }
}
customElements.define('launch-page', LaunchPage);
