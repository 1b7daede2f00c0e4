// Milliseconds between two attempts to connect; doubled from one to the next.
const firstWait = 500;
const longestWait = 8000;

/**
 * A console's WebSocket, opened again where it breaks. Dispatches
 * - 'open': what comes next begins with the whole scrollback,
 * - 'output' (detail: Uint8Array), from the guest,
 * - 'state' when `state` changes: 'connecting' | 'open' | 'waiting' | 'closed'.
 */
export class ConsoleConnection extends EventTarget {
  state = 'closed';

  #url;
  #socket = null;
  #timer;
  #wait = firstWait;

  constructor(instanceId) {
    super();
    this.#url = new URL(`api/v1/instances/${encodeURIComponent(instanceId)}/console`, document.baseURI);
    this.#url.protocol = this.#url.protocol.replace('http', 'ws');
  }

  open() {
    clearTimeout(this.#timer);
    this.#drop();
    this.#become('connecting');
    const socket = this.#socket = new WebSocket(this.#url);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      this.#wait = firstWait;
      this.#become('open');
      this.dispatchEvent(new Event('open'));
    };
    socket.onmessage = event => this.dispatchEvent(new CustomEvent('output', { detail: new Uint8Array(event.data) }));
    socket.onclose = () => {
      this.#socket = null;
      this.#become('waiting');
      this.#timer = setTimeout(() => this.open(), this.#wait);
      this.#wait = Math.min(this.#wait * 2, longestWait);
    };
  }

  close() {
    clearTimeout(this.#timer);
    this.#drop();
    this.#become('closed');
  }

  /** Types bytes; says whether they could be sent. */
  send(bytes) {
    if (this.#socket?.readyState !== WebSocket.OPEN)
      return false;
    this.#socket.send(bytes);
    return true;
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }

  #become(state) {
    if (this.state === state)
      return;
    this.state = state;
    this.dispatchEvent(new Event('state'));
  }
}
