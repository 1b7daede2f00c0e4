import { LitElement } from '../../lib/lit/lit.js';

/** A component in the page's own tree: the style sheets of css/ reach it, and labels and ids work across components. */
export class Element extends LitElement {
  createRenderRoot() {
    return this;
  }
}
