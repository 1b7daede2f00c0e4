import { html } from '../../lib/lit/lit.js';
import { icon } from '../ui/icon.js';
import { rebootInstance, startInstance, stopInstance, terminateInstance } from '../api/cloud.js';
import { confirm } from '../ui/confirm-dialog.js';
import { complain, say } from '../ui/toast.js';
import { plural } from '../ui/format.js';

// What can be done to instances, and in which states. The pages show them; the service decides.
export const actions = {
  start: { title: 'Start', icon: 'play', doing: 'Starting', from: ['stopped'], run: startInstance },
  stop: {
    title: 'Stop', icon: 'stop', doing: 'Stopping', from: ['running'], run: id => stopInstance(id),
    ofMany: { text: 'Their guests are asked to power off.', action: 'Stop' },
  },
  forceStop: {
    title: 'Force stop', icon: 'stop', doing: 'Stopping', from: ['stopping'], run: id => stopInstance(id, true),
    question: { title: 'Stop without asking the guest?', text: 'This is like pulling the plug: what the guest has not yet written to its disk is lost.', action: 'Force stop' },
  },
  reboot: {
    title: 'Reboot', icon: 'reboot', doing: 'Rebooting', from: ['running'], run: rebootInstance,
    ofMany: { text: 'Their guests are asked to reboot; whoever uses them is interrupted.', action: 'Reboot' },
  },
  terminate: {
    title: 'Terminate', icon: 'trash', doing: 'Terminating', danger: true, from: ['pending', 'running', 'stopping', 'stopped'], run: terminateInstance,
    question: { text: 'Terminating removes an instance with its disk. This can’t be undone.', action: 'Terminate' },
  },
};

export const can = (action, instances) => instances.length > 0 && instances.every(instance => action.from.includes(instance.state));

/** An action's button. Where it can't be done it says why, and keeps the focus that a disabled button would lose while states move on. */
export function actionButton(action, instances) {
  const possible = can(action, instances);
  const why = instances.length === 0 ? 'Select instances first' : `Only when ${action.from.join(', ')}`;
  return html`<button type="button" class="button ${action.danger ? 'danger' : ''}" aria-disabled=${String(!possible)} title=${possible ? '' : why}
    @click=${() => possible && perform(action, instances)}>${icon(action.icon)} ${action.title}</button>`;
}

/** Carries an action out on all of them, after a question where it needs one. */
export async function perform(action, instances) {
  const whom = count => instances.length === 1 ? instances[0].name : plural(count, 'instance');
  const question = action.question ?? (instances.length > 1 && action.ofMany);
  if (question && !await confirm({ title: `${action.title} ${whom(instances.length)}?`, ...question, items: instances.map(instance => `${instance.id}  ${instance.name}`) }))
    return;
  const results = await Promise.allSettled(instances.map(instance => action.run(instance.id)));
  const done = results.filter(result => result.status === 'fulfilled').length;
  if (done > 0)
    say(`${action.doing} ${whom(done)}`);
  results.filter(result => result.status === 'rejected').forEach(result => complain(result.reason));
}
