import { html, nothing } from '../../lib/lit/lit.js';
import { Element } from '../ui/element.js';
import { icon } from '../ui/icon.js';
import { copy, paste } from '../ui/clipboard.js';
import { complain, say } from '../ui/toast.js';
import { readConsole } from '../api/cloud.js';
import { ConsoleConnection } from './connection.js';
import './console-find.js';
import './touch-keys.js';

/** The states in which an instance has a console to talk to. */
const alive = new Set(['pending', 'running', 'stopping']);

/** An instance's console: a terminal that stays connected, and its bar. */
class InstanceConsole extends Element {
  static properties = { instanceId: {}, name: {}, state: {}, _size: { state: true }, _finding: { state: true } };

  #screen;
  #connection;

  connectedCallback() {
    super.connectedCallback();
    this.#connection ??= this.#newConnection();
    this.#follow();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#connection.close();
  }

  #newConnection() {
    const connection = new ConsoleConnection(this.instanceId);
    connection.addEventListener('state', () => this.requestUpdate());
    connection.addEventListener('open', () => this.#screen.beginReplay());
    connection.addEventListener('output', event => this.#screen.write(event.detail));
    return connection;
  }

  async firstUpdated() {
    // The terminal is most of the page's code: only who opens a console loads it.
    const { Screen } = await import('./screen.js');
    const screen = new Screen();
    screen.addEventListener('input', event => this.#connection.send(event.detail));
    screen.addEventListener('resize', () => this._size = `${screen.columns} × ${screen.rows}`);
    screen.addEventListener('leave', () => this.querySelector('.console-bar [aria-label=Find]').focus());
    screen.addEventListener('copy', () => this.#copy());
    screen.addEventListener('find', () => this.#find());
    await screen.open(this.querySelector('.console-screen'));
    this._size = `${screen.columns} × ${screen.rows}`;
    this.#screen = screen;
    screen.focus();
    this.#follow();
  }

  updated(changed) {
    if (changed.get('state'))
      this.#follow();
  }

  // Connects as soon as there is something to connect to; of an instance that is off, shows what it last said.
  #follow() {
    if (!this.#screen || !this.isConnected)
      return;
    if (alive.has(this.state)) {
      if (this.#connection.state !== 'open')
        this.#connection.open();
      return;
    }
    this.#connection.close();
    if (this.state === 'stopped')
      this.#showKept();
  }

  async #showKept() {
    try {
      const kept = await readConsole(this.instanceId);
      this.#screen.beginReplay();
      this.#screen.write(kept);
    } catch (problem) {
      complain(problem);
    }
  }

  async #copy() {
    await copy(this.#screen.selection || this.#screen.text);
    say(this.#screen.selection ? 'The selection is copied' : 'The whole console is copied');
    this.#screen.focus();
  }

  async #paste() {
    const text = await paste();
    if (text === null)
      complain({ detail: 'The browser doesn’t let this page read the clipboard. Press Ctrl+Shift+V in the terminal instead.' });
    else
      this.#screen.paste(text);
    this.#screen.focus();
  }

  // A Xen console has no channel for its size: the guest's shell can only be told by typing.
  #tellSize() {
    this.#screen.focus();
    if (this.#screen.isTaken)
      return complain({ detail: 'A program has the whole screen. Leave it first: the size is told by typing a command into the shell.' });
    this.#connection.send(new TextEncoder().encode(`stty cols ${this.#screen.columns} rows ${this.#screen.rows}\r`));
  }

  #download() {
    const address = URL.createObjectURL(new Blob([this.#screen.text], { type: 'text/plain' }));
    Object.assign(document.createElement('a'), { href: address, download: `${this.instanceId}-console.txt` }).click();
    URL.revokeObjectURL(address);
  }

  async #expand() {
    await (document.fullscreenElement ? document.exitFullscreen() : this.querySelector('.console').requestFullscreen());
    this.#screen.focus();
  }

  #find() {
    if (this._finding)
      this.querySelector('console-find').focus();
    this._finding = true;
  }

  #endFind() {
    this._finding = false;
    this.#screen.focus();
  }

  #status() {
    if (!alive.has(this.state)) {
      const text = this.state === 'stopped' ? 'What it last printed is kept below.' : 'Its console goes with it.';
      return { state: 'off', title: `The instance is ${this.state.replace('-', ' ')}`, text };
    }
    return {
      open: { state: 'open', title: 'Connected', text: '' },
      connecting: { state: 'connecting', title: 'Connecting', text: '' },
      waiting: { state: 'connecting', title: 'Not connected', text: 'It is tried again until it works.' },
      closed: { state: 'connecting', title: 'Connecting', text: '' },
    }[this.#connection.state];
  }

  #button(drawing, title, run, disabled = false) {
    return html`<button type="button" class="icon-button" aria-label=${title} title=${title} ?disabled=${disabled} @click=${run}>${icon(drawing)}</button>`;
  }

  render() {
    const status = this.#status();
    const open = status.state === 'open';
    return html`<section class="console" data-state=${status.state} aria-label="Console of ${this.name}">
      <div class="console-bar" role="toolbar" aria-label="Console">
        <p class="console-state" role="status" data-state=${status.state}>${status.title} <small>${status.text}</small></p>
        ${this._finding ? html`<console-find .screen=${this.#screen} @close=${this.#endFind}></console-find>` : nothing}
        <button type="button" class="console-size" title="Columns and rows: press to tell them to the guest’s shell (types stty)"
          aria-label="Tell the guest’s shell the size, ${this._size}" ?disabled=${!open} @click=${this.#tellSize}>${this._size ?? ''}</button>
        ${this.#button('search', 'Find', this.#find)}
        ${this.#button('copy', 'Copy the selection, or all', this.#copy)}
        ${this.#button('paste', 'Paste', this.#paste, !open)}
        ${this.#button('download', 'Save as a text file', this.#download)}
        ${this.#button('expand', 'Full screen', this.#expand)}
      </div>
      <div class="console-body"><div class="console-screen"></div></div>
      <touch-keys @press=${event => this.#screen.press(event.detail)}></touch-keys>
      <div class="console-foot"><span><kbd>Ctrl</kbd> <kbd>Shift</kbd> <kbd>C</kbd> / <kbd>V</kbd> copy and paste</span><span><kbd>Ctrl</kbd> <kbd>Shift</kbd> <kbd>F</kbd> find</span><span><kbd>Ctrl</kbd> <kbd>]</kbd> leave the keyboard</span></div>
    </section>`;
  }
}
customElements.define('instance-console', InstanceConsole);
