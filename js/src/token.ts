// The client's token: a string, or a callback that is asked when one is needed.

import { Failure } from './failure.ts';

export type TokenReason = 'connect' | 'expiring' | 'expired';
export type TokenSource = string | ((request: { reason: TokenReason; signal: AbortSignal }) => string | Promise<string>);

// A callback is given this long.
const patience = 30_000;
// A token is renewed this long before it expires, or after three quarters of what it has left.
const ahead = 60_000;

export class Tokens {
  private _token?: string;
  private _asking?: Promise<string | undefined>;
  private _timer?: ReturnType<typeof setTimeout>;
  private _abort = new AbortController();

  /** expiring is called when a token should be renewed while it still holds. */
  constructor(private _source: TokenSource | undefined, private _expiring: () => void) {}

  /** The token to show, if there is any. */
  get current(): string | undefined {
    return this._token;
  }

  /** Asks for a token unless there is one that holds. */
  get(): Promise<string | undefined> {
    return this._token === undefined ? this.renew('connect') : Promise.resolve(this._token);
  }

  /** Asks for a new one. Who asks meanwhile gets the same. */
  renew(reason: TokenReason): Promise<string | undefined> {
    return this._asking ??= this._ask(reason).finally(() => { this._asking = undefined; });
  }

  private async _ask(reason: TokenReason): Promise<string | undefined> {
    const source = this._source;
    if (typeof source !== 'function') {
      if (source && reason !== 'connect') throw new Failure('token_expired', 'the token has expired; give a callback that gets a new one', 'stop');
      return this._token = source;
    }
    const abort = new AbortController();
    const end = () => abort.abort();
    const timer = setTimeout(end, patience);
    this._abort.signal.addEventListener('abort', end);
    try {
      const token = await new Promise<string>((resolve, reject) => {
        abort.signal.addEventListener('abort', () => reject(new Error('it took too long')));
        Promise.resolve(source({ reason, signal: abort.signal })).then(resolve, reject);
      });
      this._plan(token);
      return this._token = token;
    } catch (error: any) {
      throw new Failure('token', `the token callback failed: ${error?.message ?? error}`, 'busy');
    } finally {
      clearTimeout(timer);
      this._abort.signal.removeEventListener('abort', end);
    }
  }

  private _plan(token: string): void {
    clearTimeout(this._timer);
    const left = expiry(token) - Date.now();
    // Nothing is left of a fresh token where the clock is wrong: the server will say when.
    if (left > 0) this._timer = setTimeout(this._expiring, Math.min(Math.max(left - ahead, left * 0.75), 2 ** 31 - 1));
  }

  close(): void {
    clearTimeout(this._timer);
    this._abort.abort();
  }
}

// When a JWT expires, in milliseconds since 1970; 0 if it does not say. Nothing is verified
// here: the server does that.
function expiry(token: string): number {
  try {
    return JSON.parse(atob(token.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/'))).exp * 1000 || 0;
  } catch {
    return 0;
  }
}
