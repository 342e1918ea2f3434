// Commands: over the line if it takes any, else by POST to /v1/send; and again, when what
// failed passes.

import type { Connection } from './connection.ts';
import { Failure, failureOf } from './failure.ts';
import { jitter, sleep, within } from './patience.ts';
import { post } from './requests.ts';

// Keys of publishes are known for 5 minutes: a repeat beyond that might publish twice.
const longest = 4 * 60_000;
// What one try is given.
const patience = 10_000;
// The longest wait between two tries, whatever the server hints at.
const pause = 5000;
// So many commands may be under way.
const most = 1000;

/** Sends a command that may be repeated until it is answered, or signal or the connection ends. */
export async function send(connection: Connection, command: object, signal?: AbortSignal): Promise<any> {
  const { _ended, _tokens } = connection;
  if (connection._commands >= most) throw new Failure('overflow', 'stop');
  connection._commands++;
  const end = Date.now() + longest;
  try {
    for (let tries = 0; ;) {
      try {
        return await within(patience, async (signal) => {
          const { _line } = connection;
          if (_line?._command) return _line._command(command);
          await _tokens._get();
          return (await post(connection, '/v1/send', command, signal)).json();
        }, signal, _ended);
      } catch (error) {
        const { _next, _after = 0 } = failureOf(error);
        if (_next === 'stop' || Date.now() > end) throw error;
        if (_next === 'token') _tokens._expire();
        await sleep(Math.min(Math.max(_after, jitter(tries++)), pause), signal, _ended);
      }
    }
  } finally {
    connection._commands--;
  }
}
