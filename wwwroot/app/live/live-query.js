import { eventStream } from './event-stream.js';

/** Events come in bursts (a launch of ten instances): one fetch answers those that come this close together. */
const burst = 80;

/**
 * Keeps what a component shows true: fetches it, and fetches it again when an event concerns it or when the event
 * stream has (again) connected. A Lit reactive controller.
 */
export class LiveQuery {
  /** What was fetched last; undefined before the first time. */
  data;

  /** Why the last fetch failed; null where it didn't. */
  problem = null;

  /** Whether there is nothing to show, because it could not be fetched. */
  get failed() {
    return Boolean(this.problem) && this.data === undefined;
  }

  #host;
  #load;
  #concerns;
  #timer;
  #loading = false;
  #again = false;
  #connected = false;

  /**
   * @param host The component.
   * @param {() => Promise<any>} load
   * @param {(event: {resourceId: string, kind: string}) => boolean} concerns Whether an event may have changed it.
   */
  constructor(host, load, concerns) {
    this.#host = host;
    this.#load = load;
    this.#concerns = concerns;
    host.addController(this);
  }

  hostConnected() {
    this.#connected = true;
    eventStream.addEventListener('event', this.#onEvent);
    eventStream.addEventListener('connected', this.refresh);
    this.refresh();
  }

  hostDisconnected() {
    this.#connected = false;
    clearTimeout(this.#timer);
    eventStream.removeEventListener('event', this.#onEvent);
    eventStream.removeEventListener('connected', this.refresh);
  }

  refresh = async () => {
    if (this.#loading) {
      this.#again = true;
      return;
    }
    this.#loading = true;
    try {
      this.data = await this.#load();
      this.problem = null;
    } catch (problem) {
      this.problem = problem;
    }
    this.#loading = false;
    this.#host.requestUpdate();
    if (this.#again && this.#connected) {
      this.#again = false;
      this.refresh();
    }
  };

  #onEvent = ({ detail }) => {
    if (!this.#concerns(detail))
      return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.refresh, burst);
  };
}

export const concernsInstances = event => event.resourceId.startsWith('i-');
export const concernsImages = event => /^a[mkr]i-/.test(event.resourceId);
export const concernsAccessKeys = event => event.resourceId.startsWith('ak-');
