// Lines of requests by fetch, one after the other, so that the token stands in the body and a
// refusal can be read: server-sent events and the HTTP stream, whose answers go on, and long
// polling and plain polling, whose answers are complete and pass what holds streams back.

import { Failure, byClose, failureOf } from './failure.ts';
import { Line } from './line.ts';
import type { Host } from './line.ts';
import type { Mark } from './mark.ts';
import type { Transport } from './options.ts';
import { sleep, within } from './patience.ts';
import { formatCursor, parseCursor } from './position.ts';

/** Whether something on the way may hold it back. */
export const isStream = (transport: Transport) => transport === 'sse' || transport === 'http-stream';

// The server takes so many channels at once. With more, polls take turns, each held shortly.
const most = 100;
const turn = 0.5;

/**
 * POSTs a body, as text/plain with the token inside, which no browser asks permission for, and
 * which leaves no token in a URL. Whatever is no 2xx is thrown as a Failure.
 */
export async function post({ _origin, _name, _tokens, _options }: Host, path: string, body: object, signal: AbortSignal): Promise<Response> {
  const answer = await (_options.fetch ?? fetch)(_origin + path, {
    method: 'POST', body: JSON.stringify({ ...body, token: _tokens._current, client: _name }), credentials: 'omit', signal,
  });
  if (answer.ok) return answer;
  throw Failure._byAnswer(answer.status, await answer.json().catch(() => 0), (answer.headers.get('Retry-After') as any) * 1000 || undefined);
}

export class Requests extends Line {
  private _abort = new AbortController();
  // How long a poll is held, in seconds.
  private _hold = this._transport === 'poll' ? 0 : 25;

  protected async _run(marks: Mark[]): Promise<void> {
    this._follow(marks);
    while (!this._over) {
      const { signal } = this._abort;
      const batch = [...this._marks.values()].slice(0, most);
      const cursor = formatCursor(batch.map((mark) => [mark._name, mark._since]));
      try {
        await (isStream(this._transport) ? this._stream(cursor, signal) : this._poll(cursor, batch, signal));
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }
  }

  // What is under way is asked again, with the marks as they are.
  protected _changed(): void {
    this._abort.abort();
    this._abort = new AbortController();
  }

  override _refresh(): void {
    this._changed();
  }

  protected _shut(): void {
    this._abort.abort();
  }

  // The marks that it begins or has moved with are those of the cursor, and stand there.
  private async _moved(cursor: string, signal: AbortSignal): Promise<void> {
    this._heard = Date.now();
    await this._opening?._open();
    signal.throwIfAborted();
    for (const [name, pos] of parseCursor(cursor)) {
      const mark = this._marks.get(name)!;
      // The first cursor of a stream is where it begins, that of a poll where it has come to.
      if (!mark._confirmed) this._host._confirmed(this, mark, (!this._silence && mark._since) || pos!);
      mark._since = pos;
      // To the end of the queue, in the order of the answer.
      this._marks.delete(name);
      this._marks.set(name, mark);
    }
  }

  private async _stream(cursor: string, signal: AbortSignal): Promise<void> {
    if (this._marks.size > most) throw new Failure('too_many_channels', 'next');
    const answer = await post(this._host, `/v1/${this._transport}`, { cursor }, signal);
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    const fields: Record<string, string> = {};
    for (let rest = ''; ;) {
      const { done, value } = await reader.read();
      if (done) throw new Failure('network', 'next');
      this._heard = Date.now();
      const lines = (rest + value).split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        // A JSON object; or one field of a server-sent event, of which data is the last, and
        // the id of a welcome its cursor.
        const [, field, text] = /^(\w*): (.*)/.exec(line) ?? [, 'data', line];
        fields[field!] = text!;
        if (field !== 'data' || !text) continue;
        const object = { type: fields.event, cursor: fields.id, ...JSON.parse(text) };
        signal.throwIfAborted();
        if (object.type === 'close') throw byClose(object.code, object.reason, object.retry);
        if (object.type === 'welcome') {
          this._silence = object.heartbeat * 2000;
          await this._moved(object.cursor, signal);
        } else {
          const mark = this._marks.get(object.channel);
          if (mark) mark._since = object.pos ?? object.to;
          this._host._hear(this, object);
        }
      }
    }
  }

  private async _poll(cursor: string, batch: Mark[], signal: AbortSignal): Promise<void> {
    const wait = batch.some((mark) => !mark._confirmed) ? 0 : this._marks.size > most ? Math.min(turn, this._hold) : this._hold;
    const begun = Date.now();
    try {
      const answer = await within(wait * 1000 + 10_000, async (signal) =>
        (await post(this._host, '/v1/poll', { cursor, wait, limit: 1000 }, signal)).json(), signal);
      await this._moved(answer.cursor, signal);
      for (const gap of answer.gaps) this._host._hear(this, { ...gap, type: 'gap' });
      for (const message of answer.messages) this._host._hear(this, message);
      if (answer.retry) throw new Failure('restart', 'again', undefined, answer.retry);
      if (!this._hold && !answer.more) await sleep(this._host._options.pollEvery ?? 3000, signal);
    } catch (error) {
      const { _next, _after } = failureOf(error);
      const stood = Date.now() - begun;
      // Something on the way ends what is idle: ask in time.
      if (_next !== 'next' || _after || stood < 3000 || wait < 2) throw error;
      this._hold = Math.max(1, stood / 1500 | 0);
    }
  }
}
