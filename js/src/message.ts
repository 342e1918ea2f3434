// What a subscription is told: messages and gaps, as objects and as events.

export interface Message<T = any> {
  channel: string;
  /** A UUID of version 7. */
  id: string;
  /** The position; whoever has taken the message stands there. */
  pos: string;
  event?: string;
  /** Any JSON value, or the bytes of a binary message. */
  data: T;
  /** RFC 3339, by the broker's clock. */
  time: string;
  from?: { user?: string; client?: string };
  meta?: Record<string, string>;
  /** The beginning or the end of a stream. */
  stream?: { id: string; name?: string; type?: string; size?: number; state?: 'complete' | 'cut' };
}

export interface Gap {
  channel: string;
  /** trimmed, overflow, rollback, epoch, purged; treat one that you do not know like epoch. */
  reason: string;
  from: string;
  to: string;
}

export type MessageEvent<T = any> = Event & Message<T>;
export type GapEvent = Event & Gap;

/** An event that carries the members of an object. */
export const eventOf = (type: string, members: object): Event => Object.assign(new Event(type), members);

/** What came over a line, without the line's own members; base64 becomes bytes. */
export function messageOf({ type, cursor, data_base64, ...message }: any, payload?: Uint8Array): Message {
  if (data_base64 !== undefined) payload = Uint8Array.from(atob(data_base64), (c) => c.charCodeAt(0));
  if (payload) message.data = payload;
  return message;
}

export const base64Of = (bytes: Uint8Array) => btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ''));
