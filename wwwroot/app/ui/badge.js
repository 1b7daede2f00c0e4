import { html } from '../../lib/lit/lit.js';

const tones = {
  running: 'good', available: 'good',
  pending: 'busy', stopping: 'busy', 'shutting-down': 'busy',
  unreachable: 'bad',
};
const hollow = new Set(['terminated', 'deregistered']);

/** Reasons to stop that nobody asked for. */
const failures = new Set(['crash', 'watchdog', 'build-failed', 'killed', 'lost']);

const words = state => (state[0].toUpperCase() + state.slice(1)).replaceAll('-', ' ');

/** A state in one word. */
export const badge = (state, tone = tones[state] ?? 'idle') => html`
  <span class="badge" data-state=${state} data-tone=${tone} ?data-hollow=${hollow.has(state)}>${words(state)}</span>`;

export const hasFailed = instance => failures.has(instance.stateReason?.code);

/** An instance's state; where it failed, that it did. The reason in full is on hover, and on its own page. */
export const instanceBadge = instance => hasFailed(instance)
  ? html`<span class="two-lines" title=${instance.stateReason.message}><span>${badge(instance.state, 'bad')}</span><small>${words(instance.stateReason.code)}</small></span>`
  : badge(instance.state);
