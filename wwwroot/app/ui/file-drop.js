import { html } from '../../lib/lit/lit.js';
import { Element } from './element.js';
import { bytes } from './format.js';
import { icon } from './icon.js';

/** Takes one file, dropped or picked; tells of it with 'file'. */
class FileDrop extends Element {
  static properties = { file: { attribute: false }, hint: {}, disabled: { type: Boolean }, _over: { state: true } };

  #take(file) {
    this._over = false;
    if (file && !this.disabled)
      this.dispatchEvent(new CustomEvent('file', { detail: file }));
  }

  #over(event) {
    event.preventDefault();
    this._over = !this.disabled;
  }

  #drop(event) {
    event.preventDefault();
    this.#take(event.dataTransfer.files[0]);
  }

  render() {
    return html`<div class="drop" ?data-over=${this._over} @dragover=${this.#over} @dragleave=${() => this._over = false} @drop=${this.#drop}>
      ${icon('upload')}
      ${this.file
        ? html`<p class="file">${this.file.name}</p><p class="muted number">${bytes(this.file.size)}</p>`
        : html`<p class="file">Drop the file here</p><p class="muted">${this.hint}</p>`}
      <button type="button" class="button" ?disabled=${this.disabled} @click=${() => this.querySelector('input').click()}>
        ${this.file ? 'Choose another file' : 'Choose a file'}</button>
      <input type="file" hidden aria-label="File" @change=${event => this.#take(event.target.files[0])}>
    </div>`;
  }
}
customElements.define('file-drop', FileDrop);
