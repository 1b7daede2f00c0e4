import { html, nothing } from '../../lib/lit/lit.js';
import { icon } from './icon.js';

/** A message that stays on the page. */
export const notice = (tone, title, text) => html`
  <div class="notice" data-tone=${tone} role=${tone === 'bad' ? 'alert' : 'status'}>
    ${icon(tone === 'idle' ? 'info' : 'alert')}
    <div>${title ? html`<p class="title">${title}</p>` : nothing}${text ? html`<p>${text}</p>` : nothing}</div>
  </div>`;

/** A refusal of the service, in its words. */
export const problemNotice = (problem, action = nothing) => problem
  ? html`<div class="notice" data-tone="bad" role="alert">${icon('alert')}
      <div><p class="title">${problem.title}</p>${problem.detail ? html`<p>${problem.detail}</p>` : nothing}
      ${problem.code ? html`<code>${problem.code}</code>` : nothing}</div>${action}</div>`
  : nothing;

/**
 * Why a page's LiveQuery could not be fetched. Where the service can't be reached, the frame says so, and that what is
 * shown may be old.
 */
export const loadProblem = query => query.problem?.unreachable && !query.failed ? nothing
  : problemNotice(query.problem, html`<button type="button" class="button" @click=${query.refresh}>Try again</button>`);

/** The page of a resource that there isn't. */
export const missing = (title, problem, wayOut) => html`
  <div class="page-head"><h1>${title}</h1></div>
  <div class="card" role="alert">${empty('search', problem.detail, 'The address may be mistyped, or what it names is long gone.', wayOut)}</div>`;

/** What stands where nothing is yet, and what to do about it. */
export const empty = (drawing, title, text, actions = nothing) => html`
  <div class="empty">${icon(drawing)}<h2>${title}</h2><p>${text}</p><div class="page-actions">${actions}</div></div>`;
