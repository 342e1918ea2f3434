// How long to wait before the next try: anywhere between nothing and a bound that doubles,
// so that clients that lost their lines together do not come back together.

const first = 500;
const longest = 20_000;

export class Backoff {
  private _tries = 0;

  /** The next wait in milliseconds. */
  _next(): number {
    return Math.random() * Math.min(longest, first * 2 ** this._tries++);
  }

  /** A line ended that stood for so many milliseconds. One that stood long was no failed try. */
  _stood(ms: number): void {
    if (ms > 10_000) this._tries = 0;
    else if (ms > 2000) this._tries = Math.min(this._tries, 1);
  }

  _reset(): void {
    this._tries = 0;
  }
}
