// Why something failed, and with it what there is to do: the server's codes of problems and
// of closes, and what goes wrong on the way to it.

/**
 * What follows from a failure.
 * next: the transport does not get through, or its line broke; another may.
 * busy: the server said so itself; every transport would be told the same. Wait.
 * again: come back at once, or when the server says.
 * token: a new token is needed first.
 * stop: it would be the same again.
 */
export type Consequence = 'next' | 'busy' | 'again' | 'token' | 'stop';

/** What went wrong, with a stable code: those of docs/protocol.md, `network`, `timeout`, `silent`, `closed`. */
export class Failure extends Error {
  /** The channel it is about, if it is about one. */
  channel?: string;
  /** Milliseconds after which to come back, by the server's word. */
  after?: number;

  constructor(readonly code: string, readonly detail: string, readonly consequence: Consequence, hints?: { channel?: string; after?: number }) {
    super(`${code}: ${detail}`);
    this.name = 'Failure';
    Object.assign(this, hints);
  }
}

/** A failure by the code that stands in problems and in errors of commands, and by the status beside it. */
export function byCode({ code, detail, channel }: { code: string; detail?: string; channel?: string }, after?: number): Failure {
  const consequence = code === 'token_expired' ? 'token' : passing.test(code) ? 'busy' : 'stop';
  return new Failure(code, detail ?? code, consequence, { channel, after });
}

const passing = /^(unavailable|outcome_unknown|not_replicated|rate_limited|over_capacity|starting|draining|internal|timeout)$/;

/** A failure by close code. What to do follows from the hundreds, also for codes that come later. */
export function byClose(code: number, reason: string, after?: number): Failure {
  const hundred = Math.floor(code / 100);
  const consequence = code === 4203 ? 'token' : hundred === 40 ? 'stop' : hundred === 41 ? 'busy' : hundred === 42 || code === 1012 ? 'again' : 'next';
  return new Failure(reason || `close_${code}`, `the server closed the line with ${code}`, consequence, { after });
}

/** Whatever was thrown, as a failure. */
export const failureOf = (thrown: any): Failure =>
  thrown instanceof Failure ? thrown : new Failure('network', String(thrown?.message ?? thrown), 'next');
