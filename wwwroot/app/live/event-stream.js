import { address } from '../api/client.js';
import { onSession, signedIn, signedOut } from '../api/session.js';

/**
 * What happens in the cloud, as it happens. Dispatches
 * - 'event' (detail: { id, at, resourceId, kind, message }),
 * - 'connected' when events come from now on, at first and after each break: what was fetched before may be old,
 * - 'state' when `state` changes: 'connecting' | 'live' | 'reconnecting'.
 *
 * Read with fetch rather than EventSource, which hears only the kinds of event that it was told of by name.
 * A page that nobody sees doesn't listen: browsers share six HTTP/1.1 connections to a service among all its tabs.
 */
class EventStream extends EventTarget {
  state = 'connecting';
  #running = null;

  constructor() {
    super();
    onSession(() => this.retry());
    addEventListener('online', () => this.retry());
    document.addEventListener('visibilitychange', () => this.retry());
  }

  /** Connects anew at once, if anybody is there to listen. */
  retry() {
    this.#running?.abort();
    this.#running = null;
    if (signedIn && document.visibilityState === 'visible') {
      this.#running = new AbortController();
      this.#run(this.#running.signal);
    }
  }

  async #run(signal) {
    let wait = 500;
    while (!signal.aborted) {
      try {
        const response = await fetch(address('events/stream'), { headers: { accept: 'text/event-stream' }, signal });
        if (response.status === 401)
          return signedOut();
        if (response.ok) {
          wait = 500;
          this.#become('live');
          this.dispatchEvent(new Event('connected'));
          await this.#read(response.body);
        }
      } catch {
        // Broken off or not reached: either way it is tried again below, and the state says so.
      }
      if (signal.aborted)
        return;
      this.#become('reconnecting');
      await new Promise(resolve => setTimeout(resolve, wait));
      wait = Math.min(wait * 2, 10_000);
    }
  }

  async #read(body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    for (let pending = ''; ;) {
      const { done, value } = await reader.read();
      if (done)
        return;
      const blocks = (pending + value).split(/\r?\n\r?\n/);
      pending = blocks.pop();
      for (const block of blocks) {
        const data = block.split(/\r?\n/).filter(line => line.startsWith('data:')).map(line => line.slice(5).trimStart()).join('\n');
        if (data)
          this.dispatchEvent(new CustomEvent('event', { detail: JSON.parse(data) }));
      }
    }
  }

  #become(state) {
    if (this.state === state)
      return;
    this.state = state;
    this.dispatchEvent(new Event('state'));
  }
}

export const eventStream = new EventStream();
