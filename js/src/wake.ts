// When a line may be dead without a word, or a try worth the while: the network is back, the
// page is looked at again, comes out of the back/forward cache, or the machine has slept.

export interface Sleeper {
  /** The network came back, maybe another one. */
  _online(): void;
  /** The page or the machine was away. */
  _woke(): void;
  /** The page goes, maybe to come back. A page with open lines would not be kept. */
  _hidden(): void;
  _shown(): void;
  /** Comes every second, more seldom in pages that nobody looks at. */
  _tick(): void;
}

const second = 1000;
// A second that took so long was slept through.
const slept = 10_000;

/** Watches until the returned function is called. Where there is no page, sleep alone is seen. */
export function watch(sleeper: Sleeper): () => void {
  const listeners: [any, string, (event: any) => void][] = [
    [globalThis, 'online', () => sleeper._online()],
    [globalThis, 'pagehide', () => sleeper._hidden()],
    [globalThis, 'pageshow', ({ persisted }) => persisted && sleeper._shown()],
    [globalThis.document, 'visibilitychange', () => document.hidden || sleeper._woke()],
    [globalThis.document, 'resume', () => sleeper._woke()],
  ];
  for (const [target, type, listener] of listeners) target?.addEventListener?.(type, listener);
  let last = Date.now();
  const timer = setInterval(() => {
    const now = Date.now();
    if (now - last > slept) sleeper._woke();
    last = now;
    sleeper._tick();
  }, second);
  return () => {
    clearInterval(timer);
    for (const [target, type, listener] of listeners) target?.removeEventListener?.(type, listener);
  };
}

/** Whether the system says that there is no network. That there is one it may say wrongly. */
export const offline = () => globalThis.navigator?.onLine === false;
