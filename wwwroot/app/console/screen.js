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

const found = {
  decorations: {
    matchBackground: '#4d3f16', matchOverviewRuler: '#f0c05a', activeMatchBackground: '#9a7410', activeMatchColorOverviewRuler: '#ffffff',
  },
};

/** A phone's width has room for few columns. */
const fontSize = matchMedia('(max-width: 40rem)').matches ? 11 : 13;

/**
 * The terminal on the page. Dispatches 'input' (detail: Uint8Array), 'resize', 'found' (detail: { resultIndex, resultCount }),
 * and what the keyboard asks of the page: 'copy', 'find' and 'leave' (Ctrl+], as in `xl console`).
 */
export class Screen extends EventTarget {
  #terminal = new Terminal({ fontFamily: `${fontFamily}, monospace`, fontSize, lineHeight: 1.25, theme, scrollback: 20_000, cursorBlink: true, allowProposedApi: true });
  #fit = new FitAddon();
  #search = new SearchAddon();
  #shown = false;
  #unshown = 0;
  #answers = false;

  constructor() {
    super();
    const terminal = this.#terminal;
    terminal.loadAddon(this.#fit);
    terminal.loadAddon(this.#search);
    terminal.loadAddon(new WebLinksAddon());
    const encoder = new TextEncoder();
    terminal.onData(text => this.#input(encoder.encode(text)));
    this.#search.onDidChangeResults(results => this.dispatchEvent(new CustomEvent('found', { detail: results })));
    terminal.onBinary(text => this.#input(Uint8Array.from(text, c => c.charCodeAt(0))));
    terminal.onResize(() => this.dispatchEvent(new Event('resize')));
    terminal.attachCustomKeyEventHandler(event => this.#key(event));
    this.#silenceQueries();
  }

  /** Shows the terminal in an element, and keeps it as large as that. */
  async open(element) {
    // Cells are measured once: the font has to be there.
    await document.fonts.load(`${fontSize}px ${fontFamily}`);
    this.#terminal.open(element);
    this.#fit.fit();
    new ResizeObserver(() => element.clientHeight && this.#fit.fit()).observe(element);
  }

  /** A new connection's output begins with the scrollback: what is shown makes way for it. */
  beginReplay() {
    // In line with output that is still being written, which Terminal.reset() would overtake.
    this.#terminal.write('\x1bc');
    this.#shown = this.#answers = false;
  }

  write(bytes) {
    this.#unshown++;
    this.#terminal.write(bytes, () => {
      this.#unshown--;
      this.#shown = true;
    });
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

  /** Types what a key of this name types: for keyboards that don't have it. */
  press(key) {
    const arrow = this.#terminal.modes.applicationCursorKeysMode ? '\x1bO' : '\x1b[';
    this.#terminal.input({
      Escape: '\x1b', Tab: '\t', 'Ctrl+C': '\x03', 'Ctrl+D': '\x04', Up: `${arrow}A`, Down: `${arrow}B`, Right: `${arrow}C`, Left: `${arrow}D`,
    }[key]);
  }

  /** Whether a program has the whole screen for itself (an editor, a pager), so that what is typed is no shell's. */
  get isTaken() {
    return this.#terminal.buffer.active.type === 'alternate';
  }

  /** Finds the newest occurrence. */
  find(text) {
    this.#terminal.clearSelection();
    this.#search.findPrevious(text, found);
  }

  findOlder(text) {
    this.#search.findPrevious(text, found);
  }

  findNewer(text) {
    this.#search.findNext(text, found);
  }

  endFind() {
    this.#search.clearDecorations();
  }

  dispose() {
    this.#terminal.dispose();
  }

  #input(bytes) {
    this.#answers ||= this.#shown && this.#unshown === 0;
    this.dispatchEvent(new CustomEvent('input', { detail: bytes }));
  }

  #key(event) {
    if (event.ctrlKey && event.key === ']') {
      if (event.type === 'keydown')
        this.dispatchEvent(new Event('leave'));
      return false;
    }
    const asked = event.ctrlKey && event.shiftKey && { KeyC: 'copy', KeyF: 'find' }[event.code];
    if (!asked)
      return true;
    event.preventDefault();
    if (event.type === 'keydown')
      this.dispatchEvent(new Event(asked));
    return false;
  }

  // A terminal answers the guest's questions (where is the cursor? what are you?) as if it were typed. The scrollback's
  // old questions, and those that other watchers see as well, must not be answered here: the answers would land in the shell.
  // So nothing is answered before somebody types here, to a screen that shows all that came.
  #silenceQueries() {
    const silent = () => !this.#answers || !this.#terminal.element?.contains(document.activeElement);
    const parser = this.#terminal.parser;
    for (const question of [{ final: 'n' }, { prefix: '?', final: 'n' }, { final: 'c' }, { prefix: '>', final: 'c' }, { prefix: '=', final: 'c' },
      { intermediates: '$', final: 'p' }, { prefix: '?', intermediates: '$', final: 'p' }])
      parser.registerCsiHandler(question, silent);
    parser.registerDcsHandler({ intermediates: '$', final: 'q' }, silent);
    for (const colour of [4, 10, 11, 12])
      parser.registerOscHandler(colour, data => data.includes('?') && silent());
  }
}
