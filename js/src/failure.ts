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
  static _byAnswer(status: number, said: any, after?: number): Failure {
    return typeof said?.code === 'string' ? byCode(said, after) : new Failure(`http_${status}`, 'next', undefined, after);
  }

  /** @internal */
  constructor(readonly code: string, next: Consequence, readonly detail = code, after?: number, readonly channel?: string) {
    super(detail);
    this._next = next;
    this._after = after;
  }
}

/** A failure by the code that stands in problems and in errors of commands. */
export const byCode = ({ code, detail, channel }: { code: string; detail?: string; channel?: string }, after?: number) =>
  new Failure(code, code === 'token_expired' ? 'token' : passing.test(code) ? 'busy' : otherwise.test(code) ? 'next' : 'stop', detail, after, channel);

const passing = /^(unavailable|outcome_unknown|not_replicated|rate_limited|over_capacity|starting|draining|internal|timeout)$/;

// What is not known at a path may be known by another transport.
const otherwise = /^(not_found|method_not_allowed|unsupported_media_type|upgrade_required|not_supported)$/;

/** A failure by close code. What to do follows from the hundreds, also for codes that come later. */
export function byClose(code: number, reason: string, after?: number, said?: Failure): Failure {
  const next = code === 4203 ? 'token' : code === 1012 ? 'again' : (['stop', 'busy', 'again'] as const)[Math.floor(code / 100) - 40] ?? 'next';
  return new Failure(said?.code ?? (reason || `close_${code}`), next, said?.detail, after, said?.channel);
}

/** Whatever was thrown, as a failure. */
export const failureOf = (thrown: any): Failure => (thrown instanceof Failure ? thrown : new Failure('network', 'next', String(thrown)));

/** What an end is that was wished for. */
export const closed = () => new Failure('closed', 'stop');
