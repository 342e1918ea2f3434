// A Line is one client of the server: one channel over one transport. It connects, keeps
// its cursor, reconnects as the close codes ask for, and can be cut and resumed.

// End says how a connection ended: stop for good, or try again after retry milliseconds
// (undefined: back off).
export class End extends Error {
  constructor(reason, { stop = false, retry } = {}) {
    super(reason);
    this.stop = stop;
    this.retry = retry;
  }

  // closed reads a close code of the protocol, which means the same on every transport.
  static closed(code, reason, retry) {
    if (code >= 4000 && code < 4100) return new End(reason, { stop: true });
    if (code === 1012 || (code >= 4200 && code < 4300)) return new End(reason, { retry: retry ?? 0 });
    return new End(reason, { retry });
  }

  // refused reads an answer that is not 2xx.
  static async refused(response) {
    const problem = await response.json().catch(() => ({}));
    const after = Number(response.headers.get('Retry-After')) * 1000 || undefined;
    const again = response.status === 429 || response.status >= 500 || problem.code === 'token_expired';
    return new End(problem.code ?? `status ${response.status}`, { stop: !again, retry: after });
  }
}

export class Line {
  state = 'idle'; // idle, connecting, live, waiting, resting, cut, refused
  reason = '';
  cursor = ''; // as the server gave it; empty before the first
  position = '';
  returnedAt = -Infinity; // performance.now() of when it last came back with a cursor
  #run = null;

  // transport is one of transports.js; on.state, on.message and on.gap hear of everything.
  constructor(transport, on) {
    Object.assign(this, transport);
    this.on = on;
  }

  get running() {
    return this.#run !== null;
  }

  // follow starts the line at the channel's end, on a channel that it did not follow before.
  follow(channel, token) {
    this.#end();
    Object.assign(this, { channel, token, cursor: '', position: '' });
    this.resume('');
  }

  resume(cursor = this.cursor) {
    this.#end();
    this.cursor = cursor;
    this.#run = new AbortController();
    this.#loop(this.#run.signal);
  }

  cut() {
    this.#end();
    this.#enter('cut');
  }

  // rest lets go of a connection that other tabs may need; wake takes it up again.
  rest() {
    if (!this.running || !this.holds) return;
    this.#end();
    this.#enter('resting');
  }

  wake() {
    if (this.state === 'resting') this.resume();
  }

  #end() {
    this.#run?.abort();
    this.#run = null;
  }

  #enter(state, reason = '') {
    this.state = state;
    this.reason = reason;
    this.on.state(this);
  }

  async #loop(signal) {
    for (let failures = 0; !signal.aborted; ) {
      this.returnedAt = this.cursor ? performance.now() : -Infinity;
      this.#enter('connecting');
      const session = new Session(this, signal, () => {
        failures = 0;
        this.#enter('live');
      });
      const end = await this.open(session).then(() => new End('ended', { retry: 0 }), asEnd);
      if (signal.aborted) return;
      if (end.stop) {
        this.#run = null;
        this.#enter('refused', end.message);
        return;
      }
      this.#enter('waiting', end.message);
      failures++;
      const backoff = Math.min(15e3, 250 * 2 ** failures) * (0.5 + Math.random() / 2);
      await pause(end.retry ?? backoff, signal);
    }
  }
}

// A Session is what a transport sees of its line while one connection lasts: what arrives
// after the line was cut is dropped, and asked for again by the cursor.
class Session {
  constructor(line, signal, opened) {
    Object.assign(this, { line, signal, opened });
  }

  // query is what every transport asks for, see "Resuming" in the protocol.
  query(more = {}) {
    const { channel, cursor, id } = this.line;
    const query = new URLSearchParams({ channels: channel, client: `page-${id}`, ...more });
    if (cursor) query.set('cursor', cursor);
    return query;
  }

  get headers() {
    return this.line.token ? { Authorization: `Bearer ${this.line.token}` } : {};
  }

  stands(position, cursor = `${this.line.channel}@${position}`) {
    if (this.signal.aborted) return;
    this.line.cursor = cursor;
    this.line.position = position;
    this.line.on.state(this.line);
  }

  message(message, cursor) {
    if (this.signal.aborted) return;
    this.stands(message.pos, cursor);
    this.line.on.message(this.line, message);
  }

  gap(gap, cursor) {
    if (this.signal.aborted) return;
    this.stands(gap.to, cursor);
    this.line.on.gap(this.line, gap);
  }
}

function asEnd(error) {
  return error instanceof End ? error : new End('connection lost');
}

export function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}
