import { svg, html } from '../../lib/lit/lit.js';

// Drawn on 20 × 20 with strokes of the text's colour.
const shapes = {
  instance: svg`<rect x="3" y="3.5" width="14" height="5" rx="1.2"/><rect x="3" y="11.5" width="14" height="5" rx="1.2"/><path d="M6 6h.01M6 14h.01M9 6h5M9 14h5"/>`,
  image: svg`<path d="M10 2.5 16.5 6v8L10 17.5 3.5 14V6z"/><path d="M3.5 6 10 9.7 16.5 6M10 9.7v7.8"/>`,
  type: svg`<rect x="5.5" y="5.5" width="9" height="9" rx="1.2"/><path d="M8 2.5v3M12 2.5v3M8 14.5v3M12 14.5v3M2.5 8h3M2.5 12h3M14.5 8h3M14.5 12h3"/>`,
  host: svg`<rect x="2.5" y="3.5" width="15" height="10" rx="1.5"/><path d="M7 17h6M10 13.5V17"/>`,
  event: svg`<path d="M2.5 10.5h3l2.5-6 4 11 2.5-5h3"/>`,
  key: svg`<circle cx="7" cy="13" r="3.5"/><path d="m9.5 10.5 7-7M13.5 6.5 16 9M11.5 8.5l1.7 1.7"/>`,
  search: svg`<circle cx="9" cy="9" r="5.2"/><path d="m13 13 4 4"/>`,
  plus: svg`<path d="M10 4v12M4 10h12"/>`,
  play: svg`<path d="M6 4.2v11.6L15.5 10z"/>`,
  stop: svg`<rect x="5" y="5" width="10" height="10" rx="1.2"/>`,
  reboot: svg`<path d="M16 10a6 6 0 1 1-1.8-4.3L16 7.5"/><path d="M16 3.5v4h-4"/>`,
  trash: svg`<path d="M3.5 5.5h13M8 5V3.5h4V5M5.5 5.5l.7 11h7.6l.7-11M8.5 8.5v5M11.5 8.5v5"/>`,
  terminal: svg`<rect x="2.5" y="3.5" width="15" height="13" rx="1.5"/><path d="m5.8 7.5 2.7 2.5-2.7 2.5M10.5 13h3.5"/>`,
  upload: svg`<path d="M10 13V4M6.2 7.5 10 3.7l3.8 3.8M3.5 13v2.2c0 .7.6 1.3 1.3 1.3h10.4c.7 0 1.3-.6 1.3-1.3V13"/>`,
  download: svg`<path d="M10 4v9M6.2 9.2 10 13l3.8-3.8M3.5 13v2.2c0 .7.6 1.3 1.3 1.3h10.4c.7 0 1.3-.6 1.3-1.3V13"/>`,
  copy: svg`<rect x="7" y="7" width="9.5" height="9.5" rx="1.4"/><path d="M13 7V4.9c0-.8-.6-1.4-1.4-1.4H4.9c-.8 0-1.4.6-1.4 1.4v6.7c0 .8.6 1.4 1.4 1.4H7"/>`,
  paste: svg`<path d="M7 4.5H5.4C4.6 4.5 4 5.1 4 5.9v9.7c0 .8.6 1.4 1.4 1.4h9.2c.8 0 1.4-.6 1.4-1.4V5.9c0-.8-.6-1.4-1.4-1.4H13"/><rect x="7" y="3" width="6" height="3.2" rx="1"/>`,
  check: svg`<path d="m4 10.5 4 4 8-9"/>`,
  close: svg`<path d="m5 5 10 10M15 5 5 15"/>`,
  alert: svg`<path d="M10 3 2.5 16.2h15z"/><path d="M10 8v4M10 14.2h.01"/>`,
  info: svg`<circle cx="10" cy="10" r="7"/><path d="M10 9.3v4M10 6.7h.01"/>`,
  chevron: svg`<path d="m7.5 5 5 5-5 5"/>`,
  down: svg`<path d="m5 7.5 5 5 5-5"/>`,
  sun: svg`<circle cx="10" cy="10" r="3.2"/><path d="M10 2.5v1.8M10 15.7v1.8M2.5 10h1.8M15.7 10h1.8M4.7 4.7 6 6M14 14l1.3 1.3M4.7 15.3 6 14M14 6l1.3-1.3"/>`,
  moon: svg`<path d="M16.3 11.8A6.8 6.8 0 0 1 8.2 3.7a6.8 6.8 0 1 0 8.1 8.1z"/>`,
  system: svg`<circle cx="10" cy="10" r="6.8"/><path d="M10 3.2a6.8 6.8 0 0 1 0 13.6z" fill="currentColor"/>`,
  signOut: svg`<path d="M8 3.5H5c-.8 0-1.5.7-1.5 1.5v10c0 .8.7 1.5 1.5 1.5h3M12.5 6.5 16 10l-3.5 3.5M16 10H8"/>`,
  menu: svg`<path d="M3 5.5h14M3 10h14M3 14.5h14"/>`,
  expand: svg`<path d="M12 3.5h4.5V8M8 16.5H3.5V12M16.5 3.5 11.5 8.5M3.5 16.5l5-5"/>`,
  eye: svg`<path d="M2 10s2.8-5.2 8-5.2S18 10 18 10s-2.8 5.2-8 5.2S2 10 2 10z"/><circle cx="10" cy="10" r="2.3"/>`,
  code: svg`<path d="m7 6-4 4 4 4M13 6l4 4-4 4"/>`,
};

/** A drawing beside a text that says the same; alone, its button needs an aria-label. */
export const icon = name => html`<svg viewBox="0 0 20 20" fill="none" stroke="currentColor" stroke-width="1.6"
  stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${shapes[name]}</svg>`;

export const mark = html`<svg viewBox="0 0 32 32" fill="none" aria-hidden="true">
  <rect width="32" height="32" rx="8" fill="var(--accent-fill)"/>
  <path d="M10.4 22.5a5.1 5.1 0 0 1-.6-10.2 6.6 6.6 0 0 1 12.6 1.5 4.4 4.4 0 0 1-.6 8.7z" stroke="#fff" stroke-width="2" stroke-linejoin="round"/>
  <path d="m12.6 15.4 2.5 2-2.5 2M17 19.6h3" stroke="#fff" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"/>
</svg>`;
