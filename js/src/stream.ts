// Server-sent events and the HTTP stream, both by fetch, so that the token stands in the
// body and a refusal can be read.

import { Failure, byClose, failureOf } from './failure.ts';
import { Line } from './line.ts';
import { formatCursor, parseCursor } from './position.ts';
import { post } from './request.ts';
import type { Mark } from './topic.ts';

// The server takes so many channels at once.
const most = 100;

export class Stream extends Line {
  private _abort = new AbortController();

  _start(marks: Mark[]): void {
    for (const mark of marks) this._marks.set(mark._name, mark);
    this._run(formatCursor(marks.map((mark) => [mark._name, mark._since]))).catch((error) => this._fail(failureOf(error)));
  }

  _follow(marks: Mark[]): boolean {
    return marks.length === this._marks.size && marks.every((mark) => this._marks.get(mark._name) === mark);
  }

  protected _shut(): void {
    this._abort.abort();
  }

  private async _run(cursor: string): Promise<void> {
    if (this._marks.size > most) throw new Failure('too_many_channels', 'next');
    const answer = await post(this._host, `/v1/${this._transport}`, { cursor }, this._abort.signal);
    const reader = answer.body!.getReader();
    const decoder = new TextDecoder();
    let event: Record<string, string> = {};
    for (let rest = ''; ;) {
      const { done, value } = await reader.read();
      if (done) throw new Failure('network', 'next');
      this._heard = Date.now();
      const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        // A JSON object, or of server-sent events one field: data is one line here, and the
        // id of a welcome its cursor. An empty line ends the event.
        const [, field, text] = /^(\w*): (.*)/.exec(line) ?? [];
        if (field !== undefined) event[field] = text!;
        else if (line) this._hear(JSON.parse(line));
        else {
          if (event.data) this._hear({ cursor: event.id, ...JSON.parse(event.data), type: event.event });
          event = {};
        }
      }
    }
  }

  private _hear(object: any): void {
    const { type } = object;
    if (type === 'close') throw byClose(object.code, object.reason, object.retry);
    if (type === 'welcome') {
      this._silence = object.heartbeat * 2000;
      const cursor = parseCursor(object.cursor);
      this._tell(() => this._marks.forEach((mark) => this._host._confirmed(this, mark, cursor.get(mark._name)!)));
      this._opened();
    } else this._tell(() => this._host._hear(this, object));
  }
}
