// The connection keeps a line standing as long as something is wanted, and brings what is
// wanted from one line to the next.

import { Failure, closed, failureOf } from './failure.ts';
import type { Host, Line, Opening } from './line.ts';
import { markOf } from './mark.ts';
import type { Mark } from './mark.ts';
import { remember, remembered } from './memory.ts';
import { eventOf } from './message.ts';
import { allTransports } from './options.ts';
import type { Options, Transport } from './options.ts';
import { jitter } from './patience.ts';
import { groupsOf, race } from './race.ts';
import type { Starter } from './race.ts';
import { Requests, isStream } from './requests.ts';
import type { Desk, Subscription } from './subscription.ts';
import { Tokens } from './token.ts';
import { offline, watch } from './wake.ts';
import { Socket } from './websocket.ts';

export type State = 'idle' | 'connecting' | 'connected' | 'offline' | 'closed';

const longestUpgrade = 15 * 60_000;
// A line that stood so long was no failed try.
const solid = 5000;
// Who was away replaces a line that has said nothing for so long.
const quiet = 30_000;

export class Connection extends EventTarget implements Host, Desk, Starter {
  readonly state: State = 'idle';
  /** Which transport works, while connected. */
  readonly transport?: Transport;

  /** @internal Who wants something, by channel. */
  readonly _wanted = new Map<string, Set<Subscription>>();
  /** @internal */
  readonly _tokens: Tokens;
  /** @internal */
  readonly _name: string;
  /** @internal Aborted once it is closed. */
  readonly _ended: AbortSignal;
  /** @internal How many commands are under way. */
  _commands = 0;
  /** @internal */
  _line?: Line;

  // Those that are tried.
  private _transports: readonly Transport[];
  private readonly _end = new AbortController();
  // The line before, as long as it serves what the new one has not begun with.
  private _old?: Line;
  // Gives up the race that is run.
  private _racing?: () => void;
  // Tries since the last line that stood.
  private _tries = 0;
  private _retry?: ReturnType<typeof setTimeout>;
  // When better transports are tried, and how often they were.
  private _upgrade = Infinity;
  private _upgrades = 0;
  // Nothing was wanted at the last tick.
  private _unused = false;
  private _applying = false;
  private _away = false;
  private _unwatch?: () => void;

  /** @internal */
  constructor(/** @internal */ readonly _origin: string, /** @internal */ readonly _options: Options) {
    super();
    this._name = _options.client ?? randomName();
    this._transports = _options.transports ?? allTransports;
    this._ended = this._end.signal;
    this._tokens = new Tokens(_options.token, this._ended);
  }

  // What is wanted.

  /** @internal */
  _enter(sub: Subscription): void {
    const { channel } = sub;
    this._wanted.set(channel, (this._wanted.get(channel) ?? new Set()).add(sub));
    this._changed();
  }

  /** @internal */
  _leave(sub: Subscription): void {
    const { channel } = sub;
    const subs = this._wanted.get(channel);
    sub._line = undefined;
    if (subs?.delete(sub) && !subs.size) this._wanted.delete(channel);
    this._changed();
  }

  /** @internal */
  _subs(): Subscription[] {
    return [...this._wanted.values()].flatMap((subs) => [...subs]);
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
    const { _line: line } = this;
    // A line that nobody wants anything of is left as it is, until a tick closes it.
    if (this._away || !this._wanted.size) return;
    this._unwatch ??= watch((type) => this._seen(type));
    if (line) {
      line._follow(this._marks(line));
      // The old line is closed once nothing depends on it.
      if (!this._subs().some((sub) => sub._line === this._old)) {
        this._old?._close();
        this._old = undefined;
      }
    } else if (!this._retry) this._connect();
  }

  private _marks(line?: Line): Mark[] {
    return [...this._wanted].map(([name, subs]) => markOf(name, subs, line?._marks.get(name)));
  }

  private _again(wait = jitter(this._tries++)): void {
    clearTimeout(this._retry);
    this._retry = setTimeout(() => {
      this._retry = undefined;
      this._apply();
    }, wait);
  }

  // Getting a line.

  private _connect(groups = groupsOf(this._transports, remembered(this._origin))): void {
    if (!groups[0] || this._racing || this._away || !this._wanted.size) return;
    clearTimeout(this._retry);
    this._retry = undefined;
    const racing = this._racing = () => {};
    if (!this._line) this._seek();
    this._tokens._get().then(() => {
      if (this._racing === racing) this._racing = race(groups, this);
    }, (error) => {
      if (this._racing === racing) this._lost(failureOf(error));
    });
  }

  /** @internal */
  _open(transport: Transport, opening: Opening): Line {
    const line = this._options._line?.(this, opening) ?? new (transport === 'websocket' ? Socket : Requests)(transport, this, opening);
    line._start(this._marks());
    return line;
  }

  /** @internal */
  _won(line: Line): void {
    this._racing = line._opening = undefined;
    this._old?._close();
    this._old = this._line;
    this._line = line;
    if (line._transport === this._transports[0]) this._upgrades = 0;
    remember(this._origin, line._transport);
    this._planUpgrade();
    this._become('connected');
    this._apply();
  }

  private _planUpgrade(): void {
    this._upgrade = Date.now() + Math.min((this._options.upgradeAfter ?? 60_000) * 2 ** this._upgrades++, longestUpgrade);
  }

  // Losing it.

  /** @internal */
  _broke(line: Line, failure: Failure): void {
    if (line === this._old) this._old = undefined;
    if (line !== this._line) return;
    this._line = undefined;
    if (Date.now() - line._begun > solid) this._tries = 0;
    if (failure.code === 'silent' && isStream(line._transport)) {
      // Something holds streams back.
      const others = this._transports.filter((transport) => !isStream(transport));
      if (others[0]) this._transports = others;
      remember(this._origin);
    }
    if (!this._racing) this._lost(failure);
  }

  /** @internal */
  _lost(failure: Failure): void {
    const { _next, _after, code, channel } = failure;
    this._racing = undefined;
    if (_next === 'stop') {
      // One forbidden channel refuses a request over HTTP as a whole. It goes, the others stay.
      if (!this._refuse(channel, failure)) this._failed(failure);
      return;
    }
    if (_next === 'token') this._tokens._expire();
    if (code === 'token') this._failed(failure);
    // A line that is there was to be replaced: what the new one was for is looked at again.
    if (this._line) this._planUpgrade();
    else this._seek(code);
    this._again(_after ?? (/again|token/.test(_next) && !this._tries++ ? 0 : undefined));
  }

  private _refuse(channel: string | undefined, failure: Failure): boolean {
    const subs = this._wanted.get(channel!);
    subs?.forEach((sub) => sub._end(failure));
    return !!subs;
  }

  private async _renew(): Promise<void> {
    try {
      await this._line?._refresh?.(await this._tokens._get('expiring'));
    } catch (error) {
      // The old one holds still. When it does not, the server says so.
      this._failed(failureOf(error));
    }
  }

  // What is seen of the network, the page and the clock.
  private _seen(type: string): void {
    const { _line: line } = this;
    const now = Date.now();
    const silent = line ? now - line._heard : Infinity;
    if (type === 'tick') {
      if (line?._silence && silent > line._silence) line._fail(new Failure('silent', 'next'));
      else if (line && now > this._upgrade) this._connect(groupsOf(this._transports.slice(0, this._transports.indexOf(line._transport))));
      if (now > this._tokens._due) this._renew();
      if (this._unused && !this._wanted.size) {
        this._shut();
        this._become('idle');
      }
      this._unused = !this._wanted.size;
      return;
    }
    this._tries = 0;
    if (/^page/.test(type)) this._away = type === 'pagehide';
    if (this._away) this._shut(); // a page with open lines would not be kept
    if (type === 'online') {
      // Maybe another network: nothing that was known of the old one holds.
      remember(this._origin);
      this._transports = this._options.transports ?? allTransports;
      this._upgrades = 0;
    }
    if (type === 'online' || silent > quiet) this._connect();
  }

  // What lines say.

  /** @internal */
  _confirmed(line: Line, mark: Mark, pos: string): void {
    if (line !== this._line) return;
    mark._confirmed = true;
    // From here on its word counts for those of the mark, and for nobody else.
    this._wanted.get(mark._name)?.forEach((sub) => {
      sub._line = undefined;
      if (mark._subs.has(sub)) sub._attach(line, pos);
    });
    this._changed();
  }

  /** @internal */
  _hear(line: Line, object: any, payload?: Uint8Array): void {
    this._wanted.get(object.channel)?.forEach((sub) => sub._hear(line, object, payload));
  }

  /** @internal */
  _refused(line: Line, channel: string, failure: Failure): void {
    if (line !== this._line) return;
    if (failure._next === 'stop') this._refuse(channel, failure);
    else this._again(failure._after); // its mark is gone
  }

  // What is told.

  /** @internal */
  _become(state: State, reason?: string): void {
    const transport = this._line?._transport;
    if (state === this.state && transport === this.transport) return;
    Object.assign(this, { state, transport });
    this.dispatchEvent(eventOf('state', { state, transport, reason }));
  }

  private _seek(reason?: string): void {
    this._become(offline() ? 'offline' : 'connecting', reason);
  }

  private _failed(failure: Failure): void {
    if (failure._next === 'stop') this._finish(failure);
    this.dispatchEvent(eventOf('error', failure));
  }

  // The end.

  private _shut(): void {
    this._racing?.();
    clearTimeout(this._retry);
    this._old?._close();
    this._line?._close();
    this._racing = this._retry = this._old = this._line = undefined;
    if (!this._wanted.size) {
      this._unwatch?.();
      this._unwatch = undefined;
    }
  }

  // Ends everything. Subscriptions are told the failure, unless it is what closed gives.
  protected _finish(failure = closed()): void {
    this._end.abort(closed());
    for (const sub of this._subs()) sub._end(failure);
    this._shut();
    this._become('closed', failure.code);
  }
}

/** 128 random bits. crypto.randomUUID is there on pages with TLS only. */
export const randomName = () => crypto.getRandomValues(new Uint32Array(4)).join('-');
