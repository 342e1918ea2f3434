// Commands: over the line if it takes any, else by POST to /v1/send; and again, when what
// failed passes.

import { Backoff } from './backoff.ts';
import type { Connection } from './connection.ts';
import { Failure, failureOf } from './failure.ts';
import { base64Of } from './message.ts';
import { post, within } from './request.ts';

// Keys of publishes are known for 5 minutes: a repeat beyond that might publish twice.
const longest = 4 * 60_000;
const patience = 10_000;
// The longest wait between two tries, whatever the server hints at.
const pause = 5000;
// So many commands may be under way.
const most = 1000;

export class Commands {
  private _count = 0;
  private _closed = new AbortController();

  constructor(private readonly _connection: Connection) {}

  /** Sends one until it is answered. It must be one that may be repeated. */
  async send(command: object, payload?: Uint8Array, signal?: AbortSignal): Promise<any> {
    if (this._count >= most) throw new Failure('overflow', `${most} commands wait for their answers already`, 'stop');
    this._count++;
    const backoff = new Backoff();
    const given = new Promise<never>((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason));
      this._closed.signal.addEventListener('abort', () => reject(closed()));
    });
    given.catch(() => {});
    try {
      for (const end = Date.now() + longest; ;) {
        signal?.throwIfAborted();
        if (this._closed.signal.aborted) throw closed();
        try {
          return await Promise.race([this._try(command, payload, signal), given]);
        } catch (error) {
          if (signal?.aborted) throw error;
          const failure = failureOf(error);
          const wait = Math.min(Math.max(failure.after ?? 0, backoff.next()), pause);
          if (failure.consequence === 'stop' || Date.now() + wait > end) throw failure;
          if (failure.consequence === 'token') await this._connection.tokens.renew('expired').catch(() => {});
          await Promise.race([new Promise((resolve) => setTimeout(resolve, wait)), given]);
        }
      }
    } finally {
      this._count--;
    }
  }

  private async _try(command: object, payload: Uint8Array | undefined, signal: AbortSignal | undefined): Promise<any> {
    const { line, tokens } = this._connection;
    if (line?.command) return line.command(command, payload);
    await tokens.get();
    return within(patience, signal, async (signal) => {
      const body = payload ? { ...command, data_base64: base64Of(payload) } : command;
      const answer = await post(this._connection, '/v1/send', body, signal);
      return answer.json().catch((error) => { throw failureOf(error); });
    });
  }

  close(): void {
    this._closed.abort();
  }
}

const closed = () => new Failure('closed', 'the client is closed', 'stop');
