import { Channel } from './channel.ts';
import type { History, HistoryOptions, Published, PublishOptions } from './channel.ts';
import { send } from './commands.ts';
import { Connection, randomName } from './connection.ts';
import type { State } from './connection.ts';
import { closed } from './failure.ts';
import type { Failure } from './failure.ts';
import { Line } from './line.ts';
import { eventOf, messageOf } from './message.ts';
import type { Options, Transport } from './options.ts';
import { formatCursor, parseCursor } from './position.ts';
import { Subscription } from './subscription.ts';
import type { SubscribeOptions } from './subscription.ts';

export interface ClientEvents {
  /** The state, the transport or both changed. */
  state: Event & { state: State; transport?: Transport; reason?: string };
  /** What a user or developer should know. Terminal ones close the client: its state says so. */
  error: Event & { code: string; detail: string };
}

// Where the script came from, for /client.js without a URL. Known only while it runs first.
const script = (globalThis.document?.currentScript as HTMLScriptElement | null)?.src;

/** A client of a wsbridge server. It connects while something is subscribed. */
export class Client extends EventTarget {
  /** @internal For lines of other entries, which are in files of their own. */
  static readonly _Line = Line;
  /** @internal */
  readonly _connection: Connection;
  // Where channels stood before they were subscribed here.
  private readonly _before: Map<string, string | undefined>;
  private _state: State = 'idle';
  private _transport?: Transport;

  constructor(url?: string | URL | Options, options?: Options) {
    super();
    if (typeof url === 'object' && !(url instanceof URL)) [url, options] = [undefined, url];
    const base = new URL(url ?? '.', url === undefined && script ? new URL('/', script) : globalThis.location?.href);
    this._before = parseCursor(options?.cursor);
    this._connection = new Connection(base.origin, options ?? {}, this);
  }

  get state(): State {
    return this._state;
  }

  /** Which transport works, while connected. */
  get transport(): Transport | undefined {
    return this._transport;
  }

  /** Where all subscriptions stand, to go on from later: see Options.cursor. */
  get cursor(): string {
    const cursor = new Map(this._before);
    for (const topic of this._connection._topics.values()) {
      for (const { pos } of topic._subs) if (pos) cursor.set(topic._name, pos);
    }
    return formatCursor(cursor);
  }

  channel(name: string): Channel {
    return new Channel(this, name);
  }

  /** @internal */
  _subscribe(channel: string, options: SubscribeOptions = {}): Subscription {
    if (this._state === 'closed') throw closed();
    const since = options.since ?? this._before.get(channel);
    this._before.delete(channel);
    return new Subscription(channel, this._connection, { ...options, since });
  }

  /** @internal */
  _send(command: object, payload?: Uint8Array, signal?: AbortSignal): Promise<any> {
    return send(this._connection, command, payload, signal);
  }

  /** Publishes once, however often it has to be sent. data: what JSON can say, or bytes. */
  async publish(channel: string, data: unknown, { event, meta, idempotencyKey, signal }: PublishOptions = {}): Promise<Published> {
    const bytes = await bytesOf(data);
    const command = { type: 'publish', channel, event, meta, idempotency_key: idempotencyKey ?? randomName(), data: bytes ? undefined : data };
    const { id, pos, duplicate } = await this._send(command, bytes, signal);
    return { id, pos, duplicate };
  }

  /** @internal */
  async _history(channel: string, { since, before, limit, signal }: HistoryOptions = {}): Promise<History> {
    const { messages, gaps, cursor } = await this._send({ type: 'history', channel, since, before, limit }, undefined, signal);
    return { messages: messages.map((message: any) => messageOf(message)), gaps, cursor };
  }

  /** Ends all subscriptions and the line. */
  async close(): Promise<void> {
    this._connection._close();
  }

  /** @internal */
  _changed(state: State, reason?: string): void {
    const transport = this._connection._line?._transport;
    if (state === this._state && transport === this._transport) return;
    this._state = state;
    this._transport = transport;
    this.dispatchEvent(eventOf('state', { state, transport, reason }));
  }

  /** @internal */
  _failed(failure: Failure): void {
    if (failure._next === 'stop') this._connection._close(failure);
    this.dispatchEvent(eventOf('error', { code: failure.code, detail: failure.detail }));
  }
}

export interface Client {
  addEventListener<K extends keyof ClientEvents>(type: K, listener: ((event: ClientEvents[K]) => any) | EventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
}

async function bytesOf(data: unknown): Promise<Uint8Array | undefined> {
  if (data instanceof Blob) data = await data.arrayBuffer();
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : undefined;
}
