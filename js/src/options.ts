import type { Host, Line, Opening } from './line.ts';
import type { TokenSource } from './token.ts';

/** tab: by way of another tab, see @wsbridge/client/tabs. */
export type Transport = 'websocket' | 'sse' | 'http-stream' | 'long-poll' | 'poll' | 'tab';

/** All of them, the best first. */
export const allTransports: readonly Transport[] = ['websocket', 'sse', 'http-stream', 'long-poll', 'poll'];

export interface Options {
  /** A JWT, or a callback that gets one: at first need, before it expires, and when the server says that it has. */
  token?: TokenSource;
  /** A name for this client, 1 to 64 of A-Z a-z 0-9 _ -. Default: a random one. */
  client?: string;
  /** Which transports to use, the best first. Default: all. */
  transports?: readonly Transport[];
  /** Where the channels of an earlier client stood, see Client.cursor: subscriptions go on from there. */
  cursor?: string;
  /** Default: the global one. */
  fetch?: typeof fetch;
  /** Default: the global one. Without any, the transports over HTTP are used. */
  WebSocket?: new (url: string, protocols?: string | string[]) => any;
  /** Milliseconds on a lesser transport before better ones are tried again; doubles up to 15 minutes. Default: 60,000. */
  upgradeAfter?: number;
  /** Milliseconds between plain polls. Default: 3,000. */
  pollEvery?: number;
  /** @internal Makes lines of another kind, which transports then names. */
  _line?: (host: Host, opening: Opening) => Line;
}
