import { Channel } from './channel.ts';
import type { Published, PublishOptions } from './channel.ts';
import { send } from './commands.ts';
import { Connection, randomName } from './connection.ts';
import type { State } from './connection.ts';
import { closed } from './failure.ts';
import { Line } from './line.ts';
import { base64Of } from './message.ts';
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
export class Client extends Connection {
  /** @internal For lines of other entries, which are in files of their own. */
  static readonly _Line = Line;
  // Where channels stood before they were subscribed here.
  private readonly _before: Map<string, string | undefined>;

  constructor(url?: string | URL | Options, options?: Options) {
    if (typeof url === 'object' && !(url instanceof URL)) [url, options] = [undefined, url];
    super(new URL(url ?? script ?? '', globalThis.location?.href).origin, options ?? {});
    this._before = parseCursor(options?.cursor);
  }

  /** Where all subscriptions stand, to go on from later: see Options.cursor. */
  get cursor(): string {
    const cursor = new Map(this._before);
    for (const { channel, pos } of this._subs()) if (pos) cursor.set(channel, pos);
    return formatCursor(cursor);
  }

  channel(name: string): Channel {
    return new Channel(this, name);
  }

  /** @internal */
  _subscribe(channel: string, options: SubscribeOptions = {}): Subscription {
    if (this.state === 'closed') throw closed();
    const since = options.since ?? this._before.get(channel);
    this._before.delete(channel);
    return new Subscription(channel, this, { ...options, since });
  }

  /** @internal */
  _send(command: object, signal?: AbortSignal): Promise<any> {
    return send(this, command, signal);
  }

  /** Publishes once, however often it has to be sent. data: what JSON can say, or bytes. */
  async publish(channel: string, data: any, { event, meta, idempotencyKey = randomName(), signal }: PublishOptions = {}): Promise<Published> {
    const binary = data instanceof Blob || data instanceof ArrayBuffer || ArrayBuffer.isView(data);
    const { type, ref, ...published } = await this._send({
      type: 'publish', channel, event, meta, idempotency_key: idempotencyKey,
      ...(binary ? { data_base64: base64Of(new Uint8Array(await new Response(data as Blob).arrayBuffer())) } : { data }),
    }, signal);
    return published;
  }

  /** Ends all subscriptions and the line. */
  async close(): Promise<void> {
    this._finish();
  }
}

export interface Client {
  addEventListener<K extends keyof ClientEvents>(type: K, listener: ((event: ClientEvents[K]) => any) | EventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
}
