// The connection keeps a line standing as long as something is wanted, and brings topics
// from one line to the next.

import { Backoff } from './backoff.ts';
import { Failure, closed, failureOf } from './failure.ts';
import type { Host, Line, Opening } from './line.ts';
import { remember, remembered } from './memory.ts';
import { allTransports } from './options.ts';
import type { Options, Transport } from './options.ts';
import { Polls } from './poll.ts';
import { groupsOf, race } from './race.ts';
import { Stream } from './stream.ts';
import type { Desk, Subscription } from './subscription.ts';
import { Tokens } from './token.ts';
import { Topic } from './topic.ts';
import type { Mark } from './topic.ts';
import { offline, watch } from './wake.ts';
import { Socket } from './websocket.ts';

export type State = 'idle' | 'connecting' | 'connected' | 'offline' | 'closed';

/** What the connection tells its owner. */
export interface Owner {
  _changed(state: State, reason?: string): void;
  _failed(failure: Failure): void;
}

// A line is kept for so long after nothing is wanted any more.
const linger = 1000;
const longestUpgrade = 15 * 60_000;
// A line that stood so long may be followed by another at once.
const solid = 2000;

export class Connection implements Host, Desk {
  readonly _topics = new Map<string, Topic>();
  readonly _tokens: Tokens;
  readonly _name: string;
  readonly _fetch: typeof fetch;
  readonly _WebSocket: any;
  /** Aborted once it is closed. */
  readonly _ended: AbortSignal;
  /** How many commands are under way. */
  _commands = 0;
  _line?: Line;

  private readonly _usable: Transport[];
  // Those that are tried.
  private _transports: Transport[];
  private readonly _end = new AbortController();
  // The line before, as long as it serves what the new one has not begun with.
  private _old?: Line;
  private _racing?: AbortController;
  private _retry?: Timer;
  private _upgrade?: Timer;
  private _upgrades = 0;
  private _idle?: Timer;
  private _applying = false;
  private _away = false;
  private readonly _backoff = new Backoff();
  private _unwatch?: () => void;

  constructor(readonly _origin: string, readonly _options: Options, private readonly _owner: Owner) {
    this._name = _options.client ?? randomName();
    this._fetch = _options.fetch ?? ((...request) => fetch(...request));
    this._WebSocket = _options.WebSocket ?? globalThis.WebSocket;
    this._transports = this._usable = (_options.transports ?? allTransports).filter((t) => t !== 'websocket' || this._WebSocket);
    this._ended = this._end.signal;
    this._tokens = new Tokens(_options.token, this._ended, () => this._expiring());
  }

  get _token(): string | undefined {
    return this._tokens._current;
  }

  // What is wanted.

  _enter(sub: Subscription): void {
    let topic = this._topics.get(sub.channel);
    if (!topic) this._topics.set(sub.channel, topic = new Topic(sub.channel));
    topic._subs.add(sub);
    this._changed();
  }

  _leave(sub: Subscription): void {
    sub._detach();
    const topic = this._topics.get(sub.channel);
    if (topic?._subs.delete(sub) && !topic._subs.size) this._topics.delete(sub.channel);
    this._changed();
  }

  // What changes together is applied together.
  private _changed(): void {
    if (this._applying) return;
    this._applying = true;
    queueMicrotask(() => {
      this._applying = false;
      this._apply();
    });
  }

  private _apply(): void {
    if (this._ended.aborted || this._away) return;
    clearTimeout(this._idle);
    if (!this._topics.size) {
      this._idle = setTimeout(() => {
        this._shut();
        this._owner._changed('idle');
      }, linger);
    }
    this._unwatch ??= watch((type) => this._seen(type));
    const { _line: line } = this;
    if (line) {
      if (!line._follow(this._each((topic) => topic._mark(line._marks.get(topic._name)))) && this._topics.size) this._connect([[line._transport]]);
      // The old line is closed once nothing depends on it.
      if (!this._each((topic) => topic._line).includes(this._old)) {
        this._old?._close();
        this._old = undefined;
      }
    } else if (this._topics.size && !this._retry) this._connect();
  }

  private _again(wait: number): void {
    clearTimeout(this._retry);
    this._retry = setTimeout(() => {
      this._retry = undefined;
      this._apply();
    }, wait);
  }

  private _each<T>(map: (topic: Topic) => T): T[] {
    return [...this._topics.values()].map(map);
  }

  // Getting a line.

  private async _connect(groups?: Transport[][]): Promise<void> {
    if (this._racing || this._ended.aborted || this._away) return;
    const racing = this._racing = new AbortController();
    clearTimeout(this._retry);
    this._retry = undefined;
    if (!this._line) this._owner._changed(offline() ? 'offline' : 'connecting');
    let line: Line | undefined;
    let failure = new Failure('network', 'next');
    try {
      if (!this._options._line) await this._tokens._get();
      line = await race(groups ?? groupsOf(this._transports, remembered(this._origin)), (transport, opening) => this._open(transport, opening),
        (line) => line._start(this._marks()), racing.signal);
    } catch (error) {
      failure = failureOf(error);
    }
    // Whoever gave this up has seen to what follows.
    if (this._racing !== racing) return line?._close();
    this._racing = undefined;
    if (line && !line._over) this._adopt(line);
    else this._lost(failure);
  }

  // Where a new line begins: with what the present one cannot take, else where all stand.
  private _marks(): Mark[] {
    return this._each((topic) => {
      const existing = this._line?._marks.get(topic._name);
      const mark = topic._mark(existing);
      return mark === existing ? topic._mark() : mark;
    });
  }

  private _open(transport: Transport, opening: Opening): Line {
    return this._options._line?.(this, opening) ?? new (transport === 'websocket' ? Socket : isStream(transport) ? Stream : Polls)(transport, this, opening);
  }

  private _adopt(line: Line): void {
    this._old?._close();
    this._old = this._line;
    this._line = line;
    const best = line._transport === this._transports[0];
    if (best) this._upgrades = 0;
    remember(this._origin, best ? '' : line._transport);
    this._planUpgrade();
    this._owner._changed('connected');
    line._accept();
    this._apply();
  }

  private _planUpgrade(): void {
    clearTimeout(this._upgrade);
    const transport = this._line?._transport;
    if (transport === this._transports[0]) return;
    this._upgrade = setTimeout(() => {
      this._connect(groupsOf(this._transports.slice(0, this._transports.indexOf(transport!))));
    }, Math.min((this._options.upgradeAfter ?? 60_000) * 2 ** this._upgrades++, longestUpgrade));
  }

  // Losing it.

  _broke(line: Line, failure: Failure): void {
    this._unserve(line);
    if (line === this._old) this._old = undefined;
    if (line !== this._line) return;
    this._line = undefined;
    clearTimeout(this._upgrade);
    const stood = Date.now() - line._since;
    this._backoff._stood(stood);
    if (failure.code === 'silent' && isStream(line._transport)) {
      // Something holds streams back.
      const others = this._transports.filter((t) => !isStream(t));
      if (others[0]) this._transports = others;
      remember(this._origin);
    }
    if (!this._racing) this._lost(failure, stood > solid);
  }

  private _unserve(line?: Line): void {
    for (const topic of this._topics.values()) if (!line || topic._line === line) topic._leave();
  }

  private _lost({ _next, _after, code, channel }: Failure, solid = false, failure = arguments[0]): void {
    if (_next === 'stop') {
      // One forbidden channel refuses a request over HTTP as a whole. It goes, the others stay.
      const topic = this._topics.get(channel!);
      if (!topic) return this._owner._failed(failure);
      topic._end(failure);
      return this._apply();
    }
    if (_next === 'token') this._tokens._expire();
    if (code === 'token') this._owner._failed(failure);
    if (!this._topics.size) return;
    const wait = _after ?? (solid && /again|token/.test(_next) ? 0 : this._backoff._next());
    // A line that is there was to be replaced: what the new one was for is looked at again.
    if (this._line) this._planUpgrade();
    else this._owner._changed(offline() ? 'offline' : 'connecting', code);
    this._again(wait);
  }

  private async _expiring(): Promise<void> {
    try {
      const token = await this._tokens._get('expiring');
      const { _line: line } = this;
      if (line?._command) await line._command({ type: 'refresh', token });
      else if (line && isStream(line._transport)) this._connect([[line._transport]]); // a poll shows it with the next
    } catch (error) {
      // The old one holds still. When it does not, the server says so.
      this._owner._failed(failureOf(error));
    }
  }

  // What is seen of the network, the page and the clock.
  private _seen(type: string): void {
    const { _line: line } = this;
    const silent = line && Date.now() - line._heard;
    if (type === 'tick') {
      if (line?._silence && silent! > line._silence) line._fail(new Failure('silent', 'next'));
      return;
    }
    this._backoff._reset();
    if (type === 'pagehide') {
      // A page with open lines would not be kept.
      this._shut();
      this._away = true;
    } else if (type === 'pageshow') {
      this._away = false;
      this._changed();
    } else if (type === 'online') {
      // Maybe another network: nothing that was known of the old one holds.
      remember(this._origin);
      this._transports = this._usable;
      this._upgrades = 0;
      if (line || this._retry) this._connect();
    } else if (line ? silent! > (line._silence || 60_000) * 0.6 : this._retry) this._connect();
  }

  // What lines say.

  _confirmed(line: Line, mark: Mark, pos: string): void {
    if (line !== this._line) return;
    this._topics.get(mark._name)?._confirm(line, mark, pos);
    this._changed();
  }

  _hear(line: Line, object: any, payload?: Uint8Array): void {
    const topic = this._topics.get(object.channel);
    if (topic?._line === line) for (const sub of [...topic._subs]) sub._hear(object, payload);
  }

  /** A line is one of another program, whose state changed. */
  _report(line: Line, state: State): void {
    if (line === this._line) this._owner._changed(state);
  }

  _refused(line: Line, name: string, failure: Failure): void {
    if (line !== this._line) return;
    if (failure._next === 'stop') this._topics.get(name)?._end(failure);
    else this._again(failure._after ?? this._backoff._next()); // its mark is gone
  }

  // The end.

  private _shut(): void {
    this._racing?.abort();
    for (const timer of [this._retry, this._upgrade, this._idle]) clearTimeout(timer);
    this._old?._close();
    this._line?._close();
    this._racing = this._retry = this._old = this._line = undefined;
    this._unserve();
    if (!this._topics.size) {
      this._unwatch?.();
      this._unwatch = undefined;
    }
  }

  /** Ends everything. Subscriptions are told the failure, unless it is what closed gives. */
  _close(failure = closed()): void {
    if (this._ended.aborted) return;
    this._end.abort(closed());
    for (const topic of this._each((topic) => topic)) topic._end(failure);
    this._shut();
    this._owner._changed('closed', failure.code);
  }
}

type Timer = ReturnType<typeof setTimeout>;

const isStream = (transport: Transport) => transport === 'sse' || transport === 'http-stream';

/** 128 random bits. crypto.randomUUID is there on pages with TLS only. */
export const randomName = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
