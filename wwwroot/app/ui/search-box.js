import { html } from '../../lib/lit/lit.js';
import { icon } from './icon.js';

/** Filters what is below it; '/' goes there from anywhere on the page. */
export const searchBox = (label, value, change) => html`<div class="search">${icon('search')}<input class="input" type="search" placeholder="Filter"
  aria-label=${label} aria-keyshortcuts="/" .value=${value} @input=${event => change(event.target.value)}><kbd aria-hidden="true">/</kbd></div>`;

addEventListener('keydown', event => {
  if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.('input:not([type=checkbox], [type=radio]), textarea, select, dialog'))
    return;
  const box = document.querySelector('.search input');
  if (!box)
    return;
  event.preventDefault();
  box.select();
});
