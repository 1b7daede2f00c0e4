import { html, nothing } from '../../lib/lit/lit.js';
import { Element } from '../ui/element.js';
import { icon } from '../ui/icon.js';
import { problemNotice } from '../ui/notice.js';
import { focusFirstMistake, inputField, selectField } from '../ui/field.js';
import { complain, say } from '../ui/toast.js';
import { listImages } from '../api/cloud.js';
import { imageUpload } from '../live/image-upload.js';
import { LiveQuery, concernsImages } from '../live/live-query.js';
import { pagesOf } from '../live/pages-of.js';
import { go, href } from '../shell/router.js';
import { kinds } from './image-kinds.js';
import '../ui/file-drop.js';
import './upload-progress.js';

/** Takes an image into the catalogue. What the file is, the service finds out from the file. */
class ImageUploadPage extends Element {
  static properties = { _image: { state: true }, _file: { state: true }, _tried: { state: true }, _problem: { state: true } };

  #images = new LiveQuery(this, () => pagesOf(listImages, Infinity), concernsImages);
  #busy = Boolean(imageUpload.running);

  constructor() {
    super();
    this._image = { kind: 'machine', name: '', kernelId: '', ramdiskId: '', commandLine: '', sha256: '' };
  }

  connectedCallback() {
    super.connectedCallback();
    imageUpload.addEventListener('change', this.#follow);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    imageUpload.removeEventListener('change', this.#follow);
  }

  /** Progress, Cancel and a refusal are at the form's end, which may be below the window. */
  #follow = async () => {
    if (this.#busy === Boolean(imageUpload.running))
      return;
    this.#busy = !this.#busy;
    this.requestUpdate();
    await this.updateComplete;
    this.querySelector('form')?.scrollIntoView({ block: 'end' });
  };

  #set(changes) {
    this._image = { ...this._image, ...changes };
    this._problem = null;
  }

  #take(file) {
    this._file = file;
    this._problem = null;
    if (!this._image.name)
      this.#set({ name: file.name.replace(/\.(img|raw|bin|gz|xz|zst)$/, '').slice(0, 128) });
  }

  #mistakes() {
    const { kind, name, kernelId, sha256 } = this._image;
    return {
      name: !name.trim() ? 'Give it a name.' : name.trim().length > 128 ? 'A name has at most 128 characters.' : null,
      kernelId: kind === 'machine' && !kernelId ? 'Choose the kernel that boots this disk.' : null,
      file: kind !== 'machine' && !this._file ? `Choose the ${kinds[kind].file}.` : null,
      sha256: sha256 && !/^[0-9a-f]{64}$/i.test(sha256.trim()) ? 'A SHA-256 has 64 hex digits.' : null,
    };
  }

  async #submit(event) {
    event.preventDefault();
    if (this.#busy)
      return;
    this._tried = true;
    await this.updateComplete;
    if (Object.values(this.#mistakes()).some(Boolean))
      return focusFirstMistake(this);
    const { kind, name, kernelId, ramdiskId, commandLine, sha256 } = this._image;
    const query = kind === 'machine' ? { kind, name: name.trim(), kernelId, ramdiskId, commandLine: commandLine.trim() } : { kind, name: name.trim() };
    this._problem = null;
    try {
      const image = await imageUpload.start(query, this._file ?? new Blob([]), sha256.trim());
      say(`${image.name} is in the catalogue`);
      if (this.isConnected)
        go('images', image.id);
    } catch (problem) {
      if (problem.name !== 'AbortError')
        this.#refused(problem);
    }
  }

  #refused(problem) {
    if (this.isConnected)
      this._problem = problem;
    else
      complain(problem);
  }

  #kinds() {
    return html`<fieldset class="card"><div class="card-head"><legend><h2>What is it?</h2></legend></div><div class="card-body">
      <div class="choices thirds">${Object.entries(kinds).map(([kind, { title, short, text }]) => html`
        <label class="choice"><input type="radio" name="kind" value=${kind} .checked=${kind === this._image.kind} ?disabled=${this.#busy}
          @change=${() => this.#set({ kind })}><span class="two-lines"><strong>${title} <span class="optional">${short}</span></strong><small>${text}</small></span></label>`)}
      </div></div></fieldset>`;
  }

  #fields(wrong) {
    const image = this._image;
    const choose = kind => (this.#images.data?.items ?? []).filter(i => i.kind === kind).map(i => ({ value: i.id, title: `${i.name} (${i.id})` }));
    return html`<section class="card"><div class="card-head"><h2>About it</h2></div><div class="card-body fields">
      ${inputField({ id: 'name', label: 'Name', value: image.name, wrong: wrong.name, change: name => this.#set({ name }) })}
      ${image.kind === 'machine' ? html`<div class="fields pair">
        ${selectField({
          id: 'kernel', label: 'Kernel', value: image.kernelId, wrong: wrong.kernelId, change: kernelId => this.#set({ kernelId }),
          options: [{ value: '', title: 'Choose a kernel' }, ...choose('kernel')],
          hint: this.#images.data && choose('kernel').length === 0 ? 'There is no kernel yet: upload one first.' : undefined,
        })}
        ${selectField({
          id: 'ramdisk', label: 'Ramdisk', optional: true, value: image.ramdiskId, change: ramdiskId => this.#set({ ramdiskId }),
          options: [{ value: '', title: 'None' }, ...choose('ramdisk')],
        })}</div>
        ${inputField({
          id: 'command-line', label: 'Kernel command line', optional: true, value: image.commandLine, change: commandLine => this.#set({ commandLine }),
          attributes: { mono: true, placeholder: this._file ? 'root=/dev/xvda ro console=hvc0' : 'console=hvc0' },
        })}` : nothing}
      ${inputField({
        id: 'sha256', label: 'SHA-256', optional: true, value: image.sha256, wrong: wrong.sha256, change: sha256 => this.#set({ sha256 }), attributes: { mono: true },
        hint: 'Paste the published checksum, and a file that arrives damaged or altered is refused.',
      })}
    </div></section>`;
  }

  #drop(wrong) {
    const kind = this._image.kind;
    const hint = kind === 'machine' ? 'A raw root disk of any size. Without one, instances run from their ramdisk.' : `A ${kinds[kind].file} of any size.`;
    return html`<section class="card"><div class="card-head"><h2>File</h2></div><div class="card-body fields">
      <file-drop .file=${this._file} .hint=${hint} ?disabled=${this.#busy} ?data-invalid=${Boolean(wrong.file)} @file=${event => this.#take(event.detail)}></file-drop>
      ${wrong.file ? html`<div class="field"><p class="wrong" role="alert">${wrong.file}</p></div>` : nothing}
    </div></section>`;
  }

  #end() {
    const label = this._file || this._image.kind !== 'machine' ? 'Upload' : 'Register without a disk';
    return html`
      <upload-progress></upload-progress>
      ${problemNotice(this._problem)}
      <div class="page-actions"><button class="button primary large" aria-disabled=${String(this.#busy)}>${icon('upload')} ${label}</button></div>`;
  }

  render() {
    const wrong = this._tried ? this.#mistakes() : {};
    return html`
      <div class="page-head"><div>
        <div class="crumbs"><a href=${href('images')}>Images</a>${icon('chevron')}Upload</div>
        <h1>Upload an image</h1><p class="lead">The service looks into the file, and says plainly where it can’t be used.</p>
      </div></div>
      <form class="form-cards narrow" novalidate @submit=${this.#submit}>${this.#kinds()}${this.#drop(wrong)}${this.#fields(wrong)}${this.#end()}</form>`;
  }
}
customElements.define('image-upload-page', ImageUploadPage);
