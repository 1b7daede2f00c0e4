import { isWhole } from '../ui/field.js';

/** What is plainly wrong with a filled-in launch form, by field. The service checks again, and knows more. */
export function launchMistakes({ name, count, vcpus, memoryMiB, commandLine }) {
  const mistakes = {
    name: name.length > 128 ? 'A name has at most 128 characters.' : null,
    count: isWhole(count, 1, 100) ? null : 'Launch 1 to 100 instances at a time.',
    vcpus: !vcpus || isWhole(vcpus, 1, 32) ? null : 'An instance has 1 to 32 vCPUs.',
    memoryMiB: !memoryMiB || isWhole(memoryMiB, 32, 999_999_999) ? null : 'An instance needs at least 32 MiB.',
    commandLine: commandLine.length > 1023 ? `Xen passes at most 1023 characters; these are ${commandLine.length}.`
      : /^[ -~\n]*$/.test(commandLine) ? null : 'A command line has printable ASCII characters only.',
  };
  return Object.fromEntries(Object.entries(mistakes).filter(([, mistake]) => mistake));
}

/** The memory that hosts have for instances, in MiB: what is free in all, and the largest host's whole. */
export function roomOf(hosts) {
  const available = hosts.filter(host => host.state === 'available');
  return {
    free: available.reduce((sum, host) => sum + Math.max(0, host.memoryMiB - host.memoryHeldMiB), 0),
    largest: Math.max(0, ...hosts.map(host => host.memoryMiB)),
  };
}

/** The form as the service takes it: what was left empty is the image's or the type's. */
export function toLaunch({ name, count, imageId, instanceType, vcpus, memoryMiB, kernelId, ramdiskId, commandLine }) {
  return {
    imageId,
    instanceType,
    count: +count,
    name: name.trim() || undefined,
    vcpus: +vcpus || undefined,
    memoryMiB: +memoryMiB || undefined,
    kernelId: kernelId || undefined,
    ramdiskId: ramdiskId || undefined,
    commandLine: commandLine.replaceAll('\n', ' ').trim() || undefined,
  };
}
