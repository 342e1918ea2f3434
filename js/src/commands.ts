// Commands: over the line if it takes any, else by POST to /v1/send; and again, when what
// failed passes.

import { Backoff } from './backoff.ts';
import type { Connection } from './connection.ts';
import { Failure, failureOf } from './failure.ts';
import { base64Of } from './message.ts';
import { sleep, within } from './patience.ts';
import { post } from './request.ts';

// Keys of publishes are known for 5 minutes: a repeat beyond that might publish twice.
const longest = 4 * 60_000;
// What one try is given.
const patience = 10_000;
// The longest wait between two tries, whatever the server hints at.
const pause = 5000;
// So many commands may be under way.
const most = 1000;

/** Sends a command that may be repeated until it is answered, or signal or the connection ends. */
export async function send(connection: Connection, command: object, payload?: Uint8Array, signal?: AbortSignal): Promise<any> {
  if (connection._commands >= most) throw new Failure('overflow', 'stop', `${most} commands wait for their answers already`);
  connection._commands++;
  const backoff = new Backoff();
  const end = Date.now() + longest;
  return within(longest + pause, async (ended) => {
    for (;;) {
      try {
        return await within(patience, (signal) => once(connection, command, payload, signal), ended);
      } catch (error) {
        const { _next, _after = 0 } = failureOf(error);
        const wait = Math.min(Math.max(_after, backoff._next()), pause);
        if (ended.aborted || _next === 'stop' || Date.now() + wait > end) throw error;
        if (_next === 'token') connection._tokens._expire();
        await sleep(wait, ended);
      }
    }
  }, signal, connection._ended).finally(() => connection._commands--);
}

async function once(connection: Connection, command: object, payload: Uint8Array | undefined, signal: AbortSignal): Promise<any> {
  const { _line, _tokens } = connection;
  if (_line?._command) return _line._command(command, payload);
  await _tokens._get();
  return (await post(connection, '/v1/send', payload ? { ...command, data_base64: base64Of(payload) } : command, signal)).json();
}
