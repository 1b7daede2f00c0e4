// Numbers and times as people read them.

const number = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const moment = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** Bytes, in powers of 1024. */
export function bytes(count) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  for (; count >= 1024 && unit < units.length - 1; unit++)
    count /= 1024;
  return `${number.format(count)} ${units[unit]}`;
}

/** Memory, given in MiB. */
export const memory = mebibytes => bytes(mebibytes * 1024 * 1024);

export const vcpus = count => `${count} vCPU${count === 1 ? '' : 's'}`;

export const plural = (count, noun) => `${number.format(count)} ${noun}${count === 1 ? '' : 's'}`;

/** A time in full, in the reader's time zone. */
export const fullTime = time => moment.format(new Date(time));

/** "just now", "5 minutes ago", "yesterday". */
export function timeAgo(time, now = Date.now()) {
  const seconds = Math.round((new Date(time) - now) / 1000);
  if (seconds > -45)
    return 'just now';
  for (const [unit, size] of [['day', 86400], ['hour', 3600], ['minute', 60]]) {
    if (-seconds >= size)
      return relative.format(Math.ceil(seconds / size), unit);
  }
  return relative.format(-1, 'minute');
}

export const seconds = count => count < 90 ? `${Math.ceil(count)} s` : count < 5400 ? `${Math.ceil(count / 60)} min` : `${number.format(count / 3600)} h`;
