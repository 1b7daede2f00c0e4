import { html, nothing } from '../../lib/lit/lit.js';
import { Element } from '../ui/element.js';
import { icon } from '../ui/icon.js';
import { loadProblem, missing, notice } from '../ui/notice.js';
import { badge, hasFailed } from '../ui/badge.js';
import { getInstance } from '../api/cloud.js';
import { LiveQuery } from '../live/live-query.js';
import { href } from '../shell/router.js';
import { actionButton, actions, can } from './instance-actions.js';
import './instance-details.js';
import './event-log.js';
import '../console/instance-console.js';
import '../ui/copy-text.js';

const tabs = [
  { tab: 'details', title: 'Details', body: instance => html`<instance-details class="page-element" .instance=${instance}></instance-details>` },
  { tab: 'console', title: 'Console', body: instance => html`<instance-console .instanceId=${instance.id} .name=${instance.name} .state=${instance.state}></instance-console>` },
  { tab: 'events', title: 'Events', body: instance => html`<event-log .resourceId=${instance.id}></event-log>` },
];

/** One instance. */
class InstancePage extends Element {
  static properties = { instanceId: {}, tab: {} };

  #query = new LiveQuery(this, () => getInstance(this.instanceId), event => event.resourceId === this.instanceId);

  #actions(instance) {
    return ['start', 'stop', 'reboot', 'forceStop', 'terminate']
      .filter(name => name !== 'forceStop' || can(actions.forceStop, [instance]))
      .map(name => actionButton(actions[name], [instance]));
  }

  // Arrow keys move between the tabs, as in every tab list.
  #key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step)
      return;
    const all = [...this.querySelectorAll('[role=tab]')];
    const next = all[(all.indexOf(event.target) + step + all.length) % all.length];
    next.focus();
    next.click();
  }

  #tabs(instance) {
    const chosen = this.#chosen;
    return html`
      <div class="tabs" role="tablist" @keydown=${this.#key}>${tabs.map(t => html`
        <a role="tab" id="tab-${t.tab}" href=${href('instances', instance.id, t.tab)} aria-selected=${String(t === chosen)} aria-controls="tab-panel"
          tabindex=${t === chosen ? 0 : -1}>${t.title}</a>`)}</div>
      <div id="tab-panel" role="tabpanel" aria-labelledby="tab-${chosen.tab}">${chosen.body(instance)}</div>`;
  }

  updated() {
    const instance = this.#query.data;
    if (instance)
      document.title = `${instance.name} · ${this.#chosen.title} · CloudPv`;
  }

  get #chosen() {
    return tabs.find(t => t.tab === this.tab) ?? tabs[0];
  }

  render() {
    const instance = this.#query.data;
    if (this.#query.problem?.status === 404)
      return missing('No such instance', this.#query.problem, html`<a class="button primary" href=${href('instances')}>Go to the instances</a>`);
    if (!instance)
      return loadProblem(this.#query);
    return html`
      <div class="page-head">
        <div>
          <div class="crumbs"><a href=${href('instances')}>Instances</a>${icon('chevron')}<copy-text .text=${instance.id} label="the instance’s id"></copy-text></div>
          <h1 class="titled">${instance.name} ${badge(instance.state, hasFailed(instance) ? 'bad' : undefined)}</h1>
        </div>
        <div class="page-actions">${this.#actions(instance)}</div>
      </div>
      ${loadProblem(this.#query)}
      ${hasFailed(instance) ? notice('bad', 'This instance stopped by itself', instance.stateReason.message) : nothing}
      ${this.#tabs(instance)}`;
  }
}
customElements.define('instance-page', InstancePage);
