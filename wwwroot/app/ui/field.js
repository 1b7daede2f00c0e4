import { html, nothing } from '../../lib/lit/lit.js';

/**
 * A labelled control with its hint and what is wrong with it.
 * @param {{id: string, label: any, hint?: any, wrong?: string, optional?: boolean, control: (described: {invalid: string, by: string}) => any}} field
 */
export const field = ({ id, label, hint, wrong, optional, control }) => html`
  <div class="field">
    <label for=${id}>${label}${optional ? html` <span class="optional">optional</span>` : nothing}</label>
    ${control({ invalid: String(Boolean(wrong)), by: `${id}-about` })}
    <div id="${id}-about">
      ${wrong ? html`<p class="wrong" role="alert">${wrong}</p>` : hint ? html`<p class="hint">${hint}</p>` : nothing}
    </div>
  </div>`;

/** A one-line text or number. `attributes` are the input's own: type, min, max, placeholder, mono. */
export const inputField = ({ value, change, attributes = {}, ...rest }) => field({
  ...rest,
  control: ({ invalid, by }) => html`<input id=${rest.id} class="input ${attributes.mono ? 'mono' : ''}" type=${attributes.type ?? 'text'} autocomplete="off" spellcheck="false"
    min=${attributes.min ?? nothing} max=${attributes.max ?? nothing} placeholder=${attributes.placeholder ?? nothing}
    .value=${value} aria-invalid=${invalid} aria-describedby=${by} @input=${event => change(event.target.value)}>`,
});

/** One of several. options: [{value, title}] */
export const selectField = ({ value, change, options, ...rest }) => field({
  ...rest,
  control: ({ invalid, by }) => html`<select id=${rest.id} class="select" aria-invalid=${invalid} aria-describedby=${by} @change=${event => change(event.target.value)}>
    ${options.map(option => html`<option value=${option.value} ?selected=${option.value === value}>${option.title}</option>`)}</select>`,
});

/** Whether text is a whole number in this range. */
export const isWhole = (text, least, most) => /^\d{1,9}$/.test(text.trim()) && +text >= least && +text <= most;

/** Puts the keyboard where the first mistake is. */
export const focusFirstMistake = form => form.querySelector('[aria-invalid=true], [data-invalid] button')?.focus();
