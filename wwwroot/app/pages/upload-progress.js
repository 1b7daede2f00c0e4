import { html } from '../../lib/lit/lit.js';
import { Element } from '../ui/element.js';
import { bytes, seconds } from '../ui/format.js';

/** How far an upload is, how fast, and how long it will take; then that the service looks into the file. */
class UploadProgress extends Element {
  /** { sent, total, since }: bytes, bytes, and when it began. */
  static properties = { sent: { attribute: false } };

  render() {
    const { sent, total, since } = this.sent;
    const percent = total ? Math.floor(100 * sent / total) : 100;
    const checking = sent >= total;
    const perSecond = sent / Math.max(0.25, (Date.now() - since) / 1000);
    const left = perSecond > 0 ? `${bytes(perSecond)}/s, ${seconds((total - sent) / perSecond)} left` : '';
    return html`<div class="progress">
      <div class="track" role="progressbar" aria-label="Upload" aria-valuemin="0" aria-valuemax="100" aria-valuenow=${percent}>
        <div class="bar" ?data-checking=${checking} style="width:${percent}%"></div></div>
      <div class="line"><span>${checking ? 'Looking into the file…' : `${bytes(sent)} of ${bytes(total)}`}</span><span>${checking ? '' : left}</span></div>
    </div>`;
  }
}
customElements.define('upload-progress', UploadProgress);
