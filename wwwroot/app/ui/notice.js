import { html, nothing } from '../../lib/lit/lit.js';
import { icon } from './icon.js';

/** A message that stays on the page. */
export const notice = (tone, title, text) => html`
  <div class="notice" data-tone=${tone} role=${tone === 'bad' ? 'alert' : 'status'}>
    ${icon(tone === 'idle' ? 'info' : 'alert')}
    <div>${title ? html`<p class="title">${title}</p>` : nothing}${text ? html`<p>${text}</p>` : nothing}</div>
  </div>`;

/** A refusal of the service, in its words. */
export const problemNotice = problem => problem
  ? html`<div class="notice" data-tone="bad" role="alert">${icon('alert')}
      <div><p class="title">${problem.title}</p>${problem.detail ? html`<p>${problem.detail}</p>` : nothing}
      ${problem.code ? html`<code>${problem.code}</code>` : nothing}</div></div>`
  : nothing;

/** What stands where nothing is yet, and what to do about it. */
export const empty = (drawing, title, text, actions = nothing) => html`
  <div class="empty">${icon(drawing)}<h2>${title}</h2><p>${text}</p><div class="page-actions">${actions}</div></div>`;
