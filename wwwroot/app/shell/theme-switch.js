import { html } from '../../lib/lit/lit.js';
import { Element } from '../ui/element.js';
import { icon } from '../ui/icon.js';

const themes = [
  { theme: 'light', title: 'Light', icon: 'sun' },
  { theme: 'system', title: 'As the system', icon: 'system' },
  { theme: 'dark', title: 'Dark', icon: 'moon' },
];

/** Light, dark, or as the system says; kept for this browser. theme-early.js applies it before the page shows. */
class ThemeSwitch extends Element {
  #choose(theme) {
    if (theme === 'system') {
      localStorage.removeItem('theme');
      delete document.documentElement.dataset.theme;
    } else {
      localStorage.setItem('theme', theme);
      document.documentElement.dataset.theme = theme;
    }
    this.requestUpdate();
  }

  render() {
    const chosen = document.documentElement.dataset.theme ?? 'system';
    return html`<div class="segments" role="group" aria-label="Theme">${themes.map(({ theme, title, icon: drawing }) => html`
      <button type="button" aria-label=${title} title=${title} aria-pressed=${String(theme === chosen)}
        @click=${() => this.#choose(theme)}>${icon(drawing)}</button>`)}</div>`;
  }
}
customElements.define('theme-switch', ThemeSwitch);
