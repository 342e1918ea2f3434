// The connection keeps a line standing as long as something is wanted, and brings topics
// from one line to the next.

import { Backoff } from './backoff.ts';
import { Failure, failureOf } from './failure.ts';
import type { Host, Line, Opening } from './line.ts';
import { forget, remember, remembered } from './memory.ts';
import type { Gap, Message } from './message.ts';
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
  changed(state: State, reason?: string): void;
  failed(failure: Failure): void;
}

// A line is kept for so long after nothing is wanted any more.
const linger = 1000;
// Where a stream was held back, streams are not tried for so long.
const heldBack = 15 * 60_000;
const longestUpgrade = 15 * 60_000;
// A line that stood so long may be followed by another at once.
const solid = 2000;

export class Connection implements Host, Desk {
  readonly topics = new Map<string, Topic>();
  readonly tokens: Tokens;
  readonly name: string;
  readonly pollEvery: number;
  readonly fetch: typeof fetch;
  readonly WebSocket: any;
  line?: Line;

  private readonly _upgradeAfter: number;
  private readonly _transports: Transport[];
  // The line before, as long as it serves what the new one has not begun with.
  private _old?: Line;
  private _racing?: AbortController;
  private _retry?: ReturnType<typeof setTimeout>;
  private _upgrade?: ReturnType<typeof setTimeout>;
  private _upgrades = 0;
  private _idle?: ReturnType<typeof setTimeout>;
  private _refused?: ReturnType<typeof setTimeout>;
  private _applying = false;
  private _away = false;
  private _closed = false;
  private _expired = false;
  private _heldBackUntil = 0;
  private readonly _backoff = new Backoff();
  private _unwatch?: () => void;

  constructor(readonly base: URL, options: Options, private readonly _owner: Owner) {
    this.name = options.client ?? randomName();
    this.pollEvery = options.pollEvery ?? 3000;
    this._upgradeAfter = options.upgradeAfter ?? 60_000;
    this.fetch = options.fetch ?? ((...request) => globalThis.fetch(...request));
    this.WebSocket = options.WebSocket ?? globalThis.WebSocket;
    this._transports = (options.transports ?? allTransports).filter((t) => t !== 'websocket' || this.WebSocket);
    this.tokens = new Tokens(options.token, () => this._expiring());
  }

  get token(): string | undefined {
    return this.tokens.current;
  }

  // What is wanted.

  enter(sub: Subscription): void {
    let topic = this.topics.get(sub.channel);
    if (!topic) this.topics.set(sub.channel, topic = new Topic(sub.channel));
    topic.subs.add(sub);
    this._changed();
  }

  leave(sub: Subscription): void {
    sub._detach();
    const topic = this.topics.get(sub.channel);
    if (topic?.subs.delete(sub) && !topic.subs.size) this.topics.delete(sub.channel);
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
    if (this._closed || this._away) return;
    clearTimeout(this._idle);
    if (!this.topics.size) {
      this._idle = setTimeout(() => {
        this._shut();
        this._owner.changed('idle');
      }, linger);
    }
    this._unwatch ??= watch({
      online: () => this._online(), woke: () => this._woke(), tick: () => this._tick(),
      hidden: () => { this._shut(); this._away = true; },
      shown: () => { this._away = false; this._backoff.reset(); this._changed(); },
    });
    const { line } = this;
    if (line) {
      const marks = [...this.topics.values()].map((topic) => topic.mark(line.marks.get(topic.name)));
      if (!line.follow(marks) && this.topics.size) this._connect([[line.transport]]);
      this._retire();
    } else if (this.topics.size && !this._retry) this._connect();
  }

  // Getting a line.

  private async _connect(groups?: Transport[][]): Promise<void> {
    if (this._racing || this._closed || this._away) return;
    const racing = this._racing = new AbortController();
    clearTimeout(this._retry);
    this._retry = undefined;
    if (!this.line) this._owner.changed(offline() ? 'offline' : 'connecting');
    let line: Line | undefined;
    let failure: Failure | undefined;
    try {
      await (this._expired ? this.tokens.renew('expired') : this.tokens.get());
      this._expired = false;
      if (racing.signal.aborted) return;
      line = await race(groups ?? groupsOf(this._available(), remembered(this.base)), (transport, opening) => this._open(transport, opening),
        (line) => line.start(this._marks()), racing.signal);
    } catch (error) {
      failure = failureOf(error);
    }
    // Whoever gave this up has seen to what follows.
    if (this._racing !== racing) return line?.close();
    this._racing = undefined;
    if (line && !line.over) this._adopt(line);
    else this._lost(failure ?? new Failure('network', 'the line broke at once', 'next'));
  }

  // Where a new line begins: with what the present one cannot take, else where all stand.
  private _marks(): Mark[] {
    return [...this.topics.values()].map((topic) => {
      const existing = this.line?.marks.get(topic.name);
      const mark = topic.mark(existing);
      return mark === existing ? topic.mark() : mark;
    });
  }

  private _open(transport: Transport, opening: Opening): Line {
    const Kind = transport === 'websocket' ? Socket : transport === 'long-poll' || transport === 'poll' ? Polls : Stream;
    return new Kind(transport, this, opening);
  }

  private _available(): Transport[] {
    const good = this._transports.filter((t) => !isStream(t) || Date.now() > this._heldBackUntil);
    return good.length ? good : this._transports;
  }

  private _adopt(line: Line): void {
    this._old?.close();
    this._old = this.line;
    this.line = line;
    if (line.transport === this._transports[0]) {
      this._upgrades = 0;
      forget(this.base);
    } else remember(this.base, line.transport);
    this._planUpgrade();
    this._owner.changed('connected');
    line.accept();
    this._apply();
  }

  private _planUpgrade(): void {
    clearTimeout(this._upgrade);
    const { line } = this;
    if (!line || line.transport === this._transports[0]) return;
    this._upgrade = setTimeout(() => {
      const available = this._available();
      const better = available.slice(0, Math.max(available.indexOf(line.transport), 0));
      if (better.length) this._connect(groupsOf(better));
      else this._planUpgrade();
    }, Math.min(this._upgradeAfter * 2 ** this._upgrades++, longestUpgrade));
  }

  // The old line is closed once nothing depends on it.
  private _retire(): void {
    if (this._old && ![...this.topics.values()].some((topic) => topic.line === this._old)) {
      this._old.close();
      this._old = undefined;
    }
  }

  // Losing it.

  ended(line: Line, failure: Failure): void {
    for (const topic of this.topics.values()) {
      if (topic.line === line) {
        topic.line = undefined;
        for (const sub of topic.subs) sub._detach();
      }
    }
    if (line === this._old) this._old = undefined;
    if (line !== this.line) return;
    this.line = undefined;
    clearTimeout(this._upgrade);
    const stood = Date.now() - line.since;
    this._backoff.stood(stood);
    if (failure.code === 'silent' && isStream(line.transport)) {
      this._heldBackUntil = Date.now() + heldBack;
      forget(this.base);
    }
    if (!this._racing) this._lost(failure, stood > solid);
  }

  private _lost(failure: Failure, atOnce = false): void {
    const { consequence, code, channel, after } = failure;
    if (consequence === 'stop') {
      // One forbidden channel refuses a request over HTTP as a whole. It goes, the others stay.
      const topic = channel === undefined ? undefined : this.topics.get(channel);
      if (!topic) {
        this._owner.failed(failure);
        return;
      }
      this._end(topic, failure);
      this._apply();
      return;
    }
    if (consequence === 'token') this._expired = true;
    if (code === 'token') this._owner.failed(failure);
    if (!this.topics.size) return;
    const wait = after ?? (atOnce && consequence !== 'next' && consequence !== 'busy' ? 0 : this._backoff.next());
    if (this.line) {
      // It was to be replaced. What the new one was for is looked at again.
      this._planUpgrade();
      this._again(wait);
      return;
    }
    this._owner.changed(offline() ? 'offline' : 'connecting', code);
    clearTimeout(this._retry);
    this._retry = setTimeout(() => this._connect(), wait);
  }

  private _tick(): void {
    for (const line of [this.line, this._old]) {
      if (line?.silence && Date.now() - line.heard > line.silence) line.fail(new Failure('silent', 'no heartbeat came in time', 'next'));
    }
  }

  private _online(): void {
    // Maybe another network: nothing that was known of the old one holds.
    forget(this.base);
    this._heldBackUntil = this._upgrades = 0;
    this._backoff.reset();
    if (this.line) this._connect(groupsOf(this._transports));
    else if (this._retry) this._connect();
  }

  private _woke(): void {
    const { line } = this;
    if (!line && this._retry) {
      this._backoff.reset();
      this._connect();
    } else if (line && Date.now() - line.heard > (line.silence || 60_000) * 0.6) this._connect();
  }

  private async _expiring(): Promise<void> {
    try {
      const token = await this.tokens.renew('expiring');
      const { line } = this;
      if (line?.command) await line.command({ type: 'refresh', token });
      else if (line && isStream(line.transport)) this._connect([[line.transport]]); // a poll shows it with the next
    } catch (error) {
      // The old one holds still. When it does not, the server says so.
      this._owner.failed(failureOf(error));
    }
  }

  // What lines say.

  confirmed(line: Line, mark: Mark, pos: string): void {
    const topic = this.topics.get(mark.name);
    if (line !== this.line || !topic) return;
    topic.confirm(line, mark, pos);
    this._changed();
  }

  message(line: Line, message: Message): void {
    this._subs(line, message.channel)?.forEach((sub) => sub._message(message));
  }

  gap(line: Line, { channel, reason, from, to }: Gap): void {
    this._subs(line, channel)?.forEach((sub) => sub._gap({ channel, reason, from, to }));
  }

  stream(line: Line, piece: any, payload: Uint8Array): void {
    this._subs(line, piece.channel)?.forEach((sub) => sub._stream(piece, payload));
  }

  refused(line: Line, name: string, failure: Failure): void {
    const topic = this.topics.get(name);
    if (line !== this.line || !topic) return;
    if (failure.consequence === 'stop') this._end(topic, failure);
    else this._again(failure.after ?? this._backoff.next()); // its mark is gone
  }

  private _again(wait: number): void {
    clearTimeout(this._refused);
    this._refused = setTimeout(() => this._changed(), wait);
  }

  private _subs(line: Line, name: string): Set<Subscription> | undefined {
    const topic = this.topics.get(name);
    return topic?.line === line ? topic.subs : undefined;
  }

  private _end(topic: Topic, failure: Failure): void {
    for (const sub of topic.subs) sub._end(failure);
  }

  // The end.

  private _shut(): void {
    this._racing?.abort();
    this._racing = undefined;
    for (const timer of [this._retry, this._upgrade, this._idle, this._refused]) clearTimeout(timer);
    this._retry = undefined;
    this._old?.close();
    this.line?.close();
    this._old = this.line = undefined;
    for (const topic of this.topics.values()) {
      topic.line = undefined;
      for (const sub of topic.subs) sub._detach();
    }
    if (!this.topics.size) {
      this._unwatch?.();
      this._unwatch = undefined;
    }
  }

  /** Ends everything. Subscriptions are told the failure, unless its code is `closed`. */
  close(failure: Failure): void {
    if (this._closed) return;
    this._closed = true;
    for (const topic of [...this.topics.values()]) this._end(topic, failure);
    this.topics.clear();
    this._shut();
    this.tokens.close();
    this._owner.changed('closed', failure.code);
  }
}

const isStream = (transport: Transport) => transport === 'sse' || transport === 'http-stream';

/** 128 random bits. crypto.randomUUID is there on pages with TLS only. */
export const randomName = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
