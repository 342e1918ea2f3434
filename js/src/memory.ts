// What worked is remembered per origin for a while, so that the next page does not begin
// with what does not get through. For the tab where there is a session's storage, else for
// the program.

import type { Transport } from './options.ts';

const keep = 30 * 60_000;
const program = new Map<string, string>();

// Storage throws where the user forbids it.
const guarded = <T>(use: (storage: Storage) => T): T | undefined => {
  try {
    return use(sessionStorage);
  } catch {
    return undefined;
  }
};

const keyOf = (base: URL) => `wsbridge:${base.origin}`;

export function remember(base: URL, transport: Transport): void {
  const entry = `${transport} ${Date.now() + keep}`;
  program.set(keyOf(base), entry);
  guarded((storage) => storage.setItem(keyOf(base), entry));
}

export function remembered(base: URL): string | undefined {
  const [transport, until] = (guarded((storage) => storage.getItem(keyOf(base))) ?? program.get(keyOf(base)) ?? '').split(' ');
  return Number(until) > Date.now() ? transport : undefined;
}

export function forget(base: URL): void {
  program.delete(keyOf(base));
  guarded((storage) => storage.removeItem(keyOf(base)));
}
