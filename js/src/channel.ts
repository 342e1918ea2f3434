import type { Client } from './client.ts';
import { messageOf } from './message.ts';
import type { Gap, Message } from './message.ts';
import type { SubscribeOptions, Subscription } from './subscription.ts';

export interface PublishOptions {
  event?: string;
  meta?: Record<string, string>;
  /** 1 to 255 visible ASCII: the same one publishes once within 5 minutes. Default: a random one for each call. */
  idempotencyKey?: string;
  signal?: AbortSignal;
}

export interface Published {
  id: string;
  pos: string;
  /** The key was used before, and this is the first answer. */
  duplicate: boolean;
}

export interface HistoryOptions {
  /** Messages behind this position. Without since and before: the newest. */
  since?: string;
  /** Messages in front of this position. */
  before?: string;
  /** Default: 100; at most 1,000. */
  limit?: number;
  signal?: AbortSignal;
}

export interface History {
  /** Oldest first. */
  messages: Message[];
  gaps: Gap[];
  cursor: string;
}

/** A name to subscribe to, publish to and read from. It costs nothing. */
export class Channel {
  /** @internal */
  constructor(private readonly _client: Client, readonly name: string) {}

  subscribe<T = any>(options?: SubscribeOptions): Subscription<T> {
    return this._client._subscribe(this.name, options);
  }

  publish(data: unknown, options?: PublishOptions): Promise<Published> {
    return this._client.publish(this.name, data, options);
  }

  async history({ signal, ...range }: HistoryOptions = {}): Promise<History> {
    const { messages, gaps, cursor } = await this._client._send({ type: 'history', channel: this.name, ...range }, signal);
    return { messages: messages.map((message: any) => messageOf(message)), gaps, cursor };
  }
}
