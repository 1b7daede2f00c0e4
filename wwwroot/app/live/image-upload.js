import { uploadImage } from '../api/cloud.js';

/**
 * The upload of an image, which goes on while other pages are looked at; one at a time. Dispatches 'change' as it comes
 * along, and when it ends.
 */
class ImageUpload extends EventTarget {
  /** { name, sent, total, since }: bytes, bytes, and when it began; null where nothing is uploaded. */
  running = null;

  #cancel;

  /** Closing the window would end it: the browser asks first. */
  #warn = event => event.preventDefault();

  /**
   * @returns {Promise<object>} The image.
   * @throws {Problem} Or an AbortError where it was cancelled.
   */
  async start(image, file, sha256) {
    this.#cancel = new AbortController();
    this.#become({ name: image.name, sent: 0, total: file.size, since: Date.now() });
    addEventListener('beforeunload', this.#warn);
    try {
      return await uploadImage(image, file, {
        sha256,
        progress: (sent, total) => this.#become({ ...this.running, sent, total }),
        signal: this.#cancel.signal,
      });
    } finally {
      removeEventListener('beforeunload', this.#warn);
      this.#become(null);
    }
  }

  cancel() {
    this.#cancel?.abort();
  }

  #become(running) {
    this.running = running;
    this.dispatchEvent(new Event('change'));
  }
}

export const imageUpload = new ImageUpload();
