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

/** What went wrong, with a stable code: those of docs/protocol.md, and network, timeout, silent, token, aborted, closed. */
export class Failure extends Error {
  /** @internal */
  readonly _next: Consequence;
  /** @internal Milliseconds after which to come back, by the server's word. */
  readonly _after?: number;

  /** @internal A failure by an answer that is no 2xx. Only the server has codes: pages of proxies and portals say nothing about it. */
  static _byAnswer(status: any, said: any, after?: number): Failure {
    if (typeof said?.code !== 'string') return failureBy({ code: `http_${status}` }, 'next', after);
    // What is not known at a path may be known by another transport.
    return failureBy(said, /404|405|415|426|501/.test(status) ? 'next' : /408|429|5../.test(status) ? 'busy' : undefined, after);
  }

  /** @internal */
  constructor(readonly code: string, next: Consequence, readonly detail = code, after?: number, readonly channel?: string) {
    super(detail);
    this._next = next;
    this._after = after;
  }
}

/** A failure by what the server said: a problem, or the error of a command. */
export function failureBy({ code, detail, channel }: { code: string; detail?: string; channel?: string }, next?: Consequence, after?: number): Failure {
  return new Failure(code, next ?? (code === 'token_expired' ? 'token' : passing.test(code) ? 'busy' : 'stop'), detail, after, channel);
}

// What passes, of what a command over a WebSocket is answered: there is no status.
const passing = /^(unavailable|outcome_unknown|not_replicated|rate_limited|internal)$/;

/** A failure by close code. What to do follows from the hundreds, also for codes that come later. */
export const byClose = (code: number, reason: string, after?: number, said = { code: reason || `close_${code}` }): Failure =>
  failureBy(said, code === 4203 ? 'token' : code === 1012 ? 'again' : (['stop', 'busy', 'again'] as const)[Math.floor(code / 100) - 40] ?? 'next', after);

/** Whatever was thrown, as a failure. */
export const failureOf = (thrown: any): Failure => (thrown instanceof Failure ? thrown : new Failure('network', 'next', String(thrown)));

/** What an end is that was wished for. */
export const closed = () => new Failure('closed', 'stop');
