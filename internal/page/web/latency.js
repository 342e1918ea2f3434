// How long messages took. For what this page published, both ends are read from one
// monotonic clock: from the click to the arrival. For all else the start is the broker's
// time, by its clock and in whole milliseconds, which is honest on one machine and a guess
// between two.

const page = Math.random().toString(36).slice(2, 10).padEnd(8, '0');
const sent = new Map(); // number of the publish → performance.now() of its click
const kept = 1000;
let last = 0;

// stamp returns what to send as meta.page for a message published now.
export function stamp() {
  sent.set(++last, performance.now());
  sent.delete(last - kept);
  return `${page}.${last}`;
}

// since returns the milliseconds since the message was sent, never less than 0.
export function since(message) {
  const [from, n] = (message.meta?.page ?? '').split('.');
  const click = from === page ? sent.get(Number(n)) : undefined;
  if (click !== undefined) return performance.now() - click;
  return Math.max(0, Math.round(Date.now() - Date.parse(message.time)));
}

// format writes a duration in at most six characters, so that it fits the narrowest
// column, and never breaks between the number and its unit.
export function format(ms) {
  const unit = (number, name) => `${number}\u00a0${name}`;
  if (ms < 9.95) return unit(Number.isInteger(ms) ? ms : ms.toFixed(1), 'ms');
  if (ms < 999.5) return unit(Math.round(ms), 'ms');
  if (ms < 9995) return unit((ms / 1000).toFixed(2), 's');
  if (ms < 99950) return unit((ms / 1000).toFixed(1), 's');
  if (ms < 90 * 60e3) return unit(Math.round(ms / 60e3), 'min');
  return unit(Math.round(ms / 3600e3), 'h');
}

export function median(values) {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
