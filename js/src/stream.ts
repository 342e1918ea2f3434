// Server-sent events and the HTTP stream, both by fetch, so that the token stands in the
// body and a refusal can be read.

import { Failure, byClose, failureOf } from './failure.ts';
import { Line } from './line.ts';
import { messageOf } from './message.ts';
import { formatCursor, parseCursor } from './position.ts';
import { post } from './request.ts';
import type { Mark } from './topic.ts';

// The server takes so many channels at once.
const most = 100;

export class Stream extends Line {
  private _abort = new AbortController();

  start(marks: Mark[]): void {
    for (const mark of marks) this.marks.set(mark.name, mark);
    this._run().catch((error) => this.fail(failureOf(error)));
  }

  follow(marks: Mark[]): boolean {
    return marks.length === this.marks.size && marks.every((mark) => this.marks.get(mark.name) === mark);
  }

  protected shut(): void {
    this._abort.abort();
  }

  private async _run(): Promise<void> {
    if (this.marks.size > most) throw new Failure('too_many_channels', `a stream takes ${most} channels`, 'next');
    const cursor = formatCursor([...this.marks.values()].map((mark) => [mark.name, mark.since] as const));
    const answer = await post(this.host, `/v1/${this.transport}`, { cursor }, this._abort.signal);
    const reader = answer.body!.getReader();
    const decoder = new TextDecoder();
    const parse = this.transport === 'sse' ? events((object) => this._hear(object)) : (line: string) => { if (line) this._hear(JSON.parse(line)); };
    for (let rest = ''; !this.over;) {
      const { done, value } = await reader.read();
      if (done) throw new Failure('network', 'the stream ended without a word', 'next');
      this.heard = Date.now();
      const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
      rest = lines.pop()!;
      for (const line of lines) parse(line);
    }
  }

  private _hear(object: any): void {
    const { type } = object;
    if (type === 'welcome') {
      this.silence = object.heartbeat * 2000;
      const cursor = parseCursor(object.cursor);
      this.tell(() => {
        for (const mark of this.marks.values()) this.host.confirmed(this, mark, cursor.get(mark.name)!);
      });
      this.opened();
    } else if (type === 'message') this.tell(() => this.host.message(this, messageOf(object)));
    else if (type === 'gap') this.tell(() => this.host.gap(this, object));
    else if (type === 'close') throw byClose(object.code, object.reason, object.retry);
  }
}

// Reads lines of server-sent events as the server writes them: data on one line. The id of
// a welcome is its cursor.
function events(hear: (object: any) => void): (line: string) => void {
  let event: Record<string, string> = {};
  return (line) => {
    if (!line) {
      if (event.data) hear({ ...JSON.parse(event.data), type: event.event, cursor: event.id });
      event = {};
    }
    const colon = line.indexOf(': ');
    if (colon > 0) event[line.slice(0, colon)] = line.slice(colon + 2);
  };
}
