import { Terminal } from '../../lib/xterm/xterm.js';
import { FitAddon } from '../../lib/xterm/addon-fit.js';
import { SearchAddon } from '../../lib/xterm/addon-search.js';
import { WebLinksAddon } from '../../lib/xterm/addon-web-links.js';

const fontFamily = '"JetBrains Mono"';

const theme = {
  background: '#0b0e13', foreground: '#d7dde6', cursor: '#8ab4ff', cursorAccent: '#0b0e13', selectionBackground: '#2c4a7c',
  black: '#1c222b', red: '#ff7b85', green: '#5bd597', yellow: '#f0c05a', blue: '#6aa2ff', magenta: '#c89bff', cyan: '#58cfd6', white: '#d7dde6',
  brightBlack: '#667284', brightRed: '#ff9da4', brightGreen: '#86e6b3', brightYellow: '#ffd987', brightBlue: '#94bdff', brightMagenta: '#dcbfff',
  brightCyan: '#8ae6eb', brightWhite: '#ffffff',
};

/** After this long without output, or this long in all, what comes is no longer the scrollback's replay. Milliseconds. */
const replayQuiet = 200;
const longestReplay = 1500;

/** The terminal on the page. Dispatches 'input' (detail: Uint8Array), 'resize' and 'leave' (Ctrl+], as in `xl console`). */
export class Screen extends EventTarget {
  #terminal = new Terminal({ fontFamily: `${fontFamily}, monospace`, fontSize: 13, lineHeight: 1.25, theme, scrollback: 20_000, cursorBlink: true, allowProposedApi: true });
  #fit = new FitAddon();
  #search = new SearchAddon();
  #replayStart = 0;
  #lastOutput = 0;

  constructor() {
    super();
    const terminal = this.#terminal;
    terminal.loadAddon(this.#fit);
    terminal.loadAddon(this.#search);
    terminal.loadAddon(new WebLinksAddon());
    const encoder = new TextEncoder();
    terminal.onData(text => this.#input(encoder.encode(text)));
    terminal.onBinary(text => this.#input(Uint8Array.from(text, c => c.charCodeAt(0))));
    terminal.onResize(() => this.dispatchEvent(new Event('resize')));
    terminal.attachCustomKeyEventHandler(event => this.#key(event));
    this.#silenceQueries();
  }

  /** Shows the terminal in an element, and keeps it as large as that. */
  async open(element) {
    // Cells are measured once: the font has to be there.
    await document.fonts.load(`13px ${fontFamily}`);
    this.#terminal.open(element);
    this.#fit.fit();
    new ResizeObserver(() => element.clientHeight && this.#fit.fit()).observe(element);
  }

  /** A new connection's output begins with the scrollback: what is shown makes way for it. */
  beginReplay() {
    // In line with output that is still being written, which Terminal.reset() would overtake.
    this.#terminal.write('\x1bc');
    this.#replayStart = this.#lastOutput = performance.now();
  }

  write(bytes) {
    const now = performance.now();
    if (now - this.#lastOutput > replayQuiet || now - this.#replayStart > longestReplay)
      this.#replayStart = -Infinity;
    this.#lastOutput = now;
    this.#terminal.write(bytes);
  }

  get columns() {
    return this.#terminal.cols;
  }

  get rows() {
    return this.#terminal.rows;
  }

  get selection() {
    return this.#terminal.getSelection();
  }

  /** All that is kept, as text. */
  get text() {
    const buffer = this.#terminal.buffer.normal;
    const lines = [];
    for (let i = 0; i < buffer.length; i++) {
      const line = buffer.getLine(i);
      if (line.isWrapped)
        lines[lines.length - 1] += line.translateToString(true);
      else
        lines.push(line.translateToString(true));
    }
    return lines.join('\n').trimEnd() + '\n';
  }

  focus() {
    this.#terminal.focus();
  }

  paste(text) {
    this.#terminal.paste(text);
  }

  find(text, { back = false } = {}) {
    return back ? this.#search.findPrevious(text) : this.#search.findNext(text);
  }

  dispose() {
    this.#terminal.dispose();
  }

  #input(bytes) {
    this.dispatchEvent(new CustomEvent('input', { detail: bytes }));
  }

  #key(event) {
    if (event.ctrlKey && event.key === ']') {
      if (event.type === 'keydown')
        this.dispatchEvent(new Event('leave'));
      return false;
    }
    if (event.ctrlKey && event.shiftKey && event.code === 'KeyC') {
      event.preventDefault();
      if (event.type === 'keydown')
        this.dispatchEvent(new Event('copy'));
      return false;
    }
    return true;
  }

  // A terminal answers the guest's questions (where is the cursor? what are you?) as if it were typed. The scrollback's
  // old questions, and those that other watchers see as well, must not be answered here: the answers would land in the shell.
  #silenceQueries() {
    const silent = () => performance.now() - this.#replayStart < longestReplay || !this.#terminal.element?.contains(document.activeElement);
    const parser = this.#terminal.parser;
    for (const question of [{ final: 'n' }, { prefix: '?', final: 'n' }, { final: 'c' }, { prefix: '>', final: 'c' }, { prefix: '=', final: 'c' },
      { intermediates: '$', final: 'p' }, { prefix: '?', intermediates: '$', final: 'p' }])
      parser.registerCsiHandler(question, silent);
    parser.registerDcsHandler({ intermediates: '$', final: 'q' }, silent);
    for (const colour of [4, 10, 11, 12])
      parser.registerOscHandler(colour, data => data.includes('?') && silent());
  }
}
