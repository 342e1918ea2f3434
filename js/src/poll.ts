// Long polling, and plain polling: complete answers, which pass what holds streams back.

import { Failure, failureOf } from './failure.ts';
import { Line } from './line.ts';
import { messageOf } from './message.ts';
import { formatCursor, parseCursor } from './position.ts';
import { post, within } from './request.ts';
import type { Mark } from './topic.ts';

// The server takes so many channels at once. With more they take turns, each held shortly.
const most = 100;
const turn = 0.5;

export class Polls extends Line {
  // Where this line stands, by channel; who waited longest for something first.
  private _cursor = new Map<string, string | undefined>();
  private _abort = new AbortController();
  private _again = () => {};
  // How long a poll is held, in seconds.
  private _hold = this.transport === 'poll' ? 0 : 25;

  start(marks: Mark[]): void {
    this.follow(marks);
    this._loop().catch((error) => this.fail(failureOf(error)));
  }

  follow(marks: Mark[]): boolean {
    let changed = marks.length !== this.marks.size;
    const cursor = new Map<string, string | undefined>();
    for (const mark of marks) {
      const same = this.marks.get(mark.name) === mark;
      changed ||= !same;
      cursor.set(mark.name, same ? this._cursor.get(mark.name) : mark.since);
    }
    if (changed) {
      this.marks.clear();
      for (const mark of marks) this.marks.set(mark.name, mark);
      // Those that are known keep their turn.
      this._cursor = new Map([...this._cursor].filter(([name]) => cursor.has(name)));
      for (const [name, pos] of cursor) this._cursor.set(name, pos);
      this._abort.abort();
      this._abort = new AbortController();
      this._again();
    }
    return true;
  }

  protected shut(): void {
    this._abort.abort();
    this._again();
  }

  private async _loop(): Promise<void> {
    for (let first = true; !this.over; first = false) {
      const { signal } = this._abort;
      const batch = [...this._cursor].slice(0, most);
      const fresh = batch.some(([name]) => !this.marks.get(name)?.confirmed);
      const hold = first || fresh ? 0 : Math.min(this._hold, this._cursor.size > most ? turn : 60);
      const begun = Date.now();
      let answer: any;
      try {
        answer = await within(hold * 1000 + 10_000, signal, async (signal) => {
          const response = await post(this.host, '/v1/poll', { cursor: formatCursor(batch), wait: hold, limit: 1000 }, signal);
          return response.json().catch((error) => { throw failureOf(error); });
        });
      } catch (error) {
        if (signal.aborted) continue; // the marks changed, or it is over
        const { consequence, after } = failureOf(error);
        const stood = Date.now() - begun;
        // Something on the way ends what is idle: ask in time.
        if (consequence !== 'next' || after || stood < 3000 || hold < 2) throw error;
        this._hold = Math.max(1, Math.floor(stood / 1500));
        continue;
      }
      if (signal.aborted) continue;
      if (!Array.isArray(answer?.messages)) throw new Failure('bad_answer', 'the answer is not the server\'s', 'next');
      this._take(answer, new Map(batch));
      this.opened();
      if (answer.retry) throw new Failure('restart', 'the server leaves', 'again', { after: answer.retry });
      if (!this._hold && !answer.more && ![...this.marks.values()].some((mark) => !mark.confirmed)) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, this.host.pollEvery);
          this._again = () => { clearTimeout(timer); resolve(); };
        });
      }
    }
  }

  private _take(answer: any, asked: Map<string, string | undefined>): void {
    this.heard = Date.now();
    const cursor = parseCursor(answer.cursor);
    for (const [name, pos] of cursor) {
      // To the end of the queue, in the order of the answer.
      this._cursor.delete(name);
      this._cursor.set(name, pos);
    }
    this.tell(() => {
      for (const name of cursor.keys()) {
        const mark = this.marks.get(name);
        const since = asked.get(name);
        // From '0' it begins in front of the first that came.
        if (mark && !mark.confirmed) this.host.confirmed(this, mark, since && since !== '0' ? since : this._front(answer, name) ?? cursor.get(name)!);
      }
      for (const gap of answer.gaps) this.host.gap(this, gap);
      for (const message of answer.messages) this.host.message(this, messageOf(message));
    });
  }

  // '0' itself where messages of the channel came: the first of them says where it stands.
  private _front(answer: any, name: string): string | undefined {
    return answer.messages.some((message: any) => message.channel === name) ? '0' : undefined;
  }
}
