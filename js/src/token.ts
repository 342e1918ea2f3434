// The client's token: a string, or a callback that is asked when one is needed.

import { Failure } from './failure.ts';
import { within } from './patience.ts';

export type TokenReason = 'connect' | 'expiring' | 'expired';
export type TokenSource = string | ((request: { reason: TokenReason; signal: AbortSignal }) => string | Promise<string>);

// A callback is given this long.
const patience = 30_000;
// A token is renewed this long before it expires, or after three quarters of what it has left.
const ahead = 60_000;

export class Tokens {
  /** The token to show, if there is any. */
  _current?: string;
  /** When it should be renewed, while it still holds. */
  _due = Infinity;
  private _asking?: Promise<string | undefined>;
  private _reason: TokenReason = 'connect';

  constructor(private _source: TokenSource | undefined, private _ended: AbortSignal) {}

  /** The token that holds, or a new one. Who asks meanwhile gets the same. */
  async _get(reason = this._current === undefined && this._reason): Promise<string | undefined> {
    return reason ? this._asking ??= this._ask(reason).finally(() => { this._asking = undefined; }) : this._current;
  }

  /** The server says that it has expired. */
  _expire(): void {
    this._current = undefined;
    this._reason = 'expired';
  }

  private async _ask(reason: TokenReason): Promise<string | undefined> {
    const source = this._source;
    this._due = Infinity;
    if (typeof source !== 'function') {
      if (source && reason !== 'connect') throw new Failure('token_expired', 'stop');
      return this._current = source;
    }
    const token = await within(patience, (signal) => source({ reason, signal }), this._ended)
      .catch((error) => { throw new Failure('token', 'busy', String(error)); });
    const left = expiry(token) - Date.now();
    // Nothing is left of a fresh token where the clock is wrong: the server will say when.
    if (left > 0) this._due = Date.now() + Math.max(left - ahead, left * 0.75);
    return this._current = token;
  }
}

// When a JWT expires, in milliseconds since 1970; 0 if it does not say. Nothing is verified
// here: the server does that. Base64url has two letters that atob does not know; they stand
// for nothing that is read here, so one of its own does for both.
function expiry(token: string): number {
  try {
    return JSON.parse(atob(token.split('.')[1]!.replace(/[-_]/g, '/'))).exp * 1000;
  } catch {
    return 0;
  }
}
