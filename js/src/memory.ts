// What worked is remembered per origin for a while, so that the next page does not begin
// with what does not get through. For the tab where there is a session's storage, else for
// the program.

const keep = 30 * 60_000;

const store: Record<string, string> = (() => {
  try {
    return sessionStorage; // throws where the user forbids it, and where there is none
  } catch {
    return {} as any;
  }
})();

/** Keeps the transport that works; without one, forgets. */
export function remember(origin: string, transport = ''): void {
  try {
    store[`wsbridge:${origin}`] = `${transport} ${Date.now() + keep}`;
  } catch { /* it is full */ }
}

export function remembered(origin: string): string | undefined {
  const [transport, until] = (store[`wsbridge:${origin}`] ?? '').split(' ');
  return Number(until) > Date.now() ? transport : undefined;
}
