// When a line may be dead without a word, or a try worth the while: the network is back, the
// page is looked at again, comes out of the back/forward cache, or the machine has slept.

const second = 1000;
// A second that took so long was slept through.
const slept = 10_000;

/**
 * Calls with online, pagehide, pageshow, visibilitychange and resume as they come, with wake after a
 * sleep, and with tick every second, more seldom in pages that nobody looks at. Where there
 * is no page, sleep alone is seen. Returns what ends it.
 */
export function watch(call: (type: string) => void): () => void {
  const end = new AbortController();
  for (const type of ['online', 'pagehide', 'pageshow', 'visibilitychange', 'resume']) {
    // What the document is told passes the window on its way.
    globalThis.addEventListener?.(type, () => call(type), { capture: true, signal: end.signal });
  }
  let last = Date.now();
  const timer = setInterval(() => {
    const now = Date.now();
    call(now - last > slept ? 'wake' : 'tick');
    last = now;
  }, second);
  return () => {
    clearInterval(timer);
    end.abort();
  };
}

/** Whether the system says that there is no network. That there is one it may say wrongly. */
export const offline = () => globalThis.navigator?.onLine === false;
