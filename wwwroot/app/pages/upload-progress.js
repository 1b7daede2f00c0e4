import { html, nothing } from '../../lib/lit/lit.js';
import { Element } from '../ui/element.js';
import { bytes, seconds } from '../ui/format.js';
import { imageUpload } from '../live/image-upload.js';

/** How far the upload is, how fast, and how long it will take; then that the service looks into the file. */
class UploadProgress extends Element {
  #update = () => this.requestUpdate();

  connectedCallback() {
    super.connectedCallback();
    imageUpload.addEventListener('change', this.#update);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    imageUpload.removeEventListener('change', this.#update);
  }

  render() {
    if (!imageUpload.running)
      return nothing;
    const { name, sent, total, since } = imageUpload.running;
    const percent = total ? Math.floor(100 * sent / total) : 100;
    const checking = sent >= total;
    const perSecond = sent / Math.max(0.25, (Date.now() - since) / 1000);
    const left = perSecond > 0 ? `${bytes(perSecond)}/s, ${seconds((total - sent) / perSecond)} left` : '';
    return html`<div class="card card-body progress">
      <div class="line"><strong>Uploading ${name}</strong><button type="button" class="button" @click=${() => imageUpload.cancel()}>Cancel</button></div>
      <div class="track" role="progressbar" aria-label="Upload" aria-valuemin="0" aria-valuemax="100" aria-valuenow=${percent}>
        <div class="bar" ?data-checking=${checking} style="width:${percent}%"></div></div>
      <div class="line"><span>${checking ? 'Looking into the file…' : `${bytes(sent)} of ${bytes(total)}`}</span><span>${checking ? '' : left}</span></div>
    </div>`;
  }
}
customElements.define('upload-progress', UploadProgress);
