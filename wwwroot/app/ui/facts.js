import { html } from '../../lib/lit/lit.js';

/** A name and what it is. */
export const fact = (name, value) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`;

/** A card of facts. */
export const facts = (title, ...all) => html`
  <section class="card"><div class="card-head"><h2>${title}</h2></div><div class="card-body"><dl class="facts">${all}</dl></div></section>`;
