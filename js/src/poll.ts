// Long polling, and plain polling: complete answers, which pass what holds streams back.

import { Failure, failureOf } from './failure.ts';
import { Line } from './line.ts';
import { within, sleep } from './patience.ts';
import { formatCursor, parseCursor } from './position.ts';
import { post } from './request.ts';
import type { Mark } from './topic.ts';

// The server takes so many channels at once. With more they take turns, each held shortly.
const most = 100;
const turn = 0.5;

export class Polls extends Line {
  // Where this line stands, by channel; who waited longest for something first.
  private _cursor = new Map<string, string | undefined>();
  private _abort = new AbortController();
  // How long a poll is held, in seconds.
  private _hold = this._transport === 'poll' ? 0 : 25;

  _start(marks: Mark[]): void {
    this._follow(marks);
    this._loop().catch((error) => this._fail(failureOf(error)));
  }

  _follow(marks: Mark[]): boolean {
    const old = new Map(this._marks);
    this._marks.clear();
    // Those that are known keep their turn.
    const cursor = new Map([...this._cursor].filter(([name]) => marks.some((mark) => mark._name === name)));
    let changed = cursor.size < old.size;
    for (const mark of marks) {
      this._marks.set(mark._name, mark);
      if (old.get(mark._name) !== mark) {
        changed = true;
        cursor.set(mark._name, mark._since);
      }
    }
    this._cursor = cursor;
    if (changed) {
      this._abort.abort();
      this._abort = new AbortController();
    }
    return true;
  }

  protected _shut(): void {
    this._abort.abort();
  }

  private async _loop(): Promise<void> {
    for (let first = true; !this._over;) {
      const { signal } = this._abort;
      const batch = [...this._cursor].slice(0, most);
      const fresh = first || batch.some(([name]) => !this._marks.get(name)!._confirmed);
      const wait = fresh ? 0 : this._cursor.size > most ? Math.min(turn, this._hold) : this._hold;
      const begun = Date.now();
      try {
        const answer = await within(wait * 1000 + 10_000, async (signal) =>
          (await post(this._host, '/v1/poll', { cursor: formatCursor(batch), wait, limit: 1000 }, signal)).json(), signal);
        this._take(answer, new Map(batch));
        first = false;
        this._opened();
        if (answer.retry) throw new Failure('restart', 'again', undefined, answer.retry);
        if (!this._hold && !answer.more) await sleep(this._host._options.pollEvery ?? 3000, signal);
      } catch (error) {
        if (signal.aborted) continue; // the marks changed, or it is over
        const { _next, _after } = failureOf(error);
        const stood = Date.now() - begun;
        // Something on the way ends what is idle: ask in time.
        if (_next !== 'next' || _after || stood < 3000 || wait < 2) throw error;
        this._hold = Math.max(1, stood / 1500 | 0);
      }
    }
  }

  private _take(answer: any, asked: Map<string, string | undefined>): void {
    this._heard = Date.now();
    const cursor = parseCursor(answer.cursor);
    for (const [name, pos] of cursor) {
      // To the end of the queue, in the order of the answer.
      this._cursor.delete(name);
      this._cursor.set(name, pos);
    }
    this._tell(() => {
      for (const [name, pos] of cursor) {
        const mark = this._marks.get(name)!;
        if (!mark._confirmed) this._host._confirmed(this, mark, asked.get(name) ?? pos!);
      }
      for (const gap of answer.gaps) this._host._hear(this, { ...gap, type: 'gap' });
      for (const message of answer.messages) this._host._hear(this, message);
    });
  }
}
