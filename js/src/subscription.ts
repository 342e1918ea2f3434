import { closed } from './failure.ts';
import type { Failure } from './failure.ts';
import type { Line } from './line.ts';
import { eventOf, messageOf } from './message.ts';
import type { Gap, GapEvent, Message, MessageEvent } from './message.ts';
import { notBehind } from './position.ts';

export interface SubscribeOptions {
  /** The position to go on behind; '0': from the oldest that is kept. Default: what Options.cursor says, else from now. */
  since?: string;
  /** Unsubscribes when it is aborted. */
  signal?: AbortSignal;
  /** On a WebSocket, have the bytes of streams pushed as well, as events `stream`. */
  streams?: boolean;
}

export interface SubscriptionEvents<T = any> {
  message: MessageEvent<T>;
  gap: GapEvent;
  /** The server has begun with it; `pos` says where. Comes again after each reconnect. */
  subscribed: Event & { pos: string };
  /** It was refused, or ended by the server: `code`, `detail`. */
  error: Event & { code: string; detail: string };
  stream: Event & { stream: string; offset: number; data: Uint8Array; state?: 'complete' | 'cut'; reason?: string };
}

/** What subscriptions use of the client. */
export interface Desk {
  _enter(sub: Subscription): void;
  _leave(sub: Subscription): void;
}

// So many messages wait for an iterator. With more the subscription rests, and goes on from
// its position in the log when half of them are taken: a slow reader costs nothing but time.
const most = 512;

/** One interest in a channel. Its position moves before a message is handed over, so none is handed over twice. */
export class Subscription<T = any> extends EventTarget {
  /** Resolves once the server has begun, rejects with a Failure if it refuses. */
  readonly ready: Promise<void>;
  /** Whether it still gets anything. */
  readonly active: boolean = true;
  /** @internal Where it stands; '0' and undefined as in SubscribeOptions.since. */
  _pos?: string;
  /** @internal Bytes of streams are wanted. */
  readonly _streams?: boolean;
  /** @internal The line whose word counts. While two overlap, only one's does. */
  _line?: Line;
  /** @internal Where the line stands as long as it has not come here; it began in front of this. */
  _passed?: string;

  private readonly _signal?: AbortSignal;
  private _failure?: Failure;
  private _settle!: (failure?: Failure) => void;

  // What waits for an iterator, each with the position in front of it.
  private _queue?: [Message<T>, string][];
  private _wake?: () => void;

  /** @internal */
  constructor(readonly channel: string, private _desk: Desk, { since, signal, streams }: SubscribeOptions) {
    super();
    this._pos = since;
    this._streams = streams;
    this._signal = signal;
    this.ready = new Promise((resolve, reject) => { this._settle = (failure) => (failure ? reject(failure) : resolve()); });
    this.ready.catch(() => {}); // who does not look at it is told by the event
    signal?.addEventListener('abort', this);
    if (signal?.aborted) this.unsubscribe();
    else this._desk._enter(this);
  }

  /** The position behind the last message that was handed over, to go on from later. undefined before the first word of the server. */
  get pos(): string | undefined {
    return this._queue?.[0]?.[1] ?? this._pos;
  }

  /** @internal Its signal is aborted. */
  handleEvent(): void {
    this.unsubscribe();
  }

  unsubscribe(): void {
    this._end(closed());
  }

  /** Messages one after the other. Leaving the loop unsubscribes. Gaps are told by the event. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Message<T>, void, undefined> {
    const queue = this._queue ??= [];
    try {
      for (;;) {
        const [message] = queue.shift() ?? [];
        if (message) {
          if (this.active && queue.length === most / 2) this._desk._enter(this);
          yield message;
        } else if (this.active) await new Promise<void>((resolve) => { this._wake = resolve; });
        else if (this._failure) throw this._failure;
        else return;
      }
    } finally {
      this.unsubscribe();
    }
  }

  /** @internal The line counts from here on, and stands at pos. */
  _attach(line: Line, pos: string): void {
    if (!this._pos || this._pos === '0') this._pos = pos;
    this._line = line;
    this._pass(pos);
    this._settle();
    this.dispatchEvent(eventOf('subscribed', { pos: this._pos }));
  }

  private _pass(pos: string): void {
    this._passed = pos === this._pos ? undefined : pos;
  }

  /** @internal A message, a gap, or a piece of a stream. */
  _hear(line: Line, object: any, payload?: Uint8Array): void {
    if (line !== this._line) return;
    const { type } = object;
    const members: any = messageOf(object, payload);
    if (type === 'gap') this._gap(members);
    else if (type !== 'stream') this._message(members);
    else this.dispatchEvent(eventOf(type, members));
  }

  private _message(message: Message<T>): void {
    const { pos } = message;
    const at = this._pos!;
    const passed = this._passed;
    if (passed) {
      this._pass(pos);
      if (!notBehind(at, pos) || notBehind(pos, at)) return;
      // The line went past without ever standing here: what this stands on was rolled back.
      this._leap({ channel: this.channel, reason: 'rollback', from: at, to: passed });
    } else if (notBehind(pos, at)) return;
    const queue = this._queue;
    queue?.push([message, this._pos!]);
    this._pos = pos;
    this._wake?.();
    if (queue?.length === most) this._desk._leave(this);
    this.dispatchEvent(eventOf('message', message));
  }

  private _gap(gap: Gap): void {
    if (this._passed && notBehind(gap.to, this._pos)) this._pass(gap.to);
    else this._leap(this._passed ? { ...gap, from: this._pos! } : gap);
  }

  private _leap(gap: Gap): void {
    this._passed = undefined;
    this._pos = gap.to;
    this.dispatchEvent(eventOf('gap', gap));
  }

  /** @internal It is over; a failure whose code is not `closed` is told. */
  _end(failure: Failure): void {
    if (!this.active) return;
    Object.assign(this, { active: false });
    this._signal?.removeEventListener('abort', this);
    this._desk._leave(this);
    this._settle(failure);
    if (failure.code !== 'closed') {
      this._failure = failure;
      this.dispatchEvent(eventOf('error', failure));
    }
    this._wake?.();
  }
}

export interface Subscription<T> {
  addEventListener<K extends keyof SubscriptionEvents>(type: K, listener: ((event: SubscriptionEvents<T>[K]) => any) | EventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
  [Symbol.dispose](): void;
}

// Not everywhere there yet; where it is, `using` unsubscribes.
if (Symbol.dispose) Subscription.prototype[Symbol.dispose] = Subscription.prototype.unsubscribe;
