// Streams: files of any length, and text that is still being written. They are relayed while
// they are sent; two messages of the channel tell of the beginning and the end.

import { Failure } from '@wsbridge/client';
import type { Client, Message } from '@wsbridge/client';

export interface SendOptions {
  /** The name of the file. */
  name?: string;
  /** Its type. Default: that of the Blob, else application/octet-stream. */
  type?: string;
  /** The event of the two messages. */
  event?: string;
  /** Bytes that are on their way, of so many; NaN where nobody knows how many. */
  onprogress?: (sent: number, size: number) => void;
  signal?: AbortSignal;
}

export interface Sent {
  /** Its id. */
  stream: string;
  channel: string;
  /** Those of the message that tells of its end. */
  id: string;
  pos: string;
  size: number;
}

/**
 * Sends a stream. It is cut where the line breaks or the signal is aborted, and those who read it
 * are told so. Browsers send what they know the length of: there a ReadableStream is
 * read to its end first, onto the browser's disk if it is large.
 */
export async function send(client: Client, channel: string, body: Blob | BufferSource | string | ReadableStream<Uint8Array>, options: SendOptions = {}): Promise<Sent> {
  const { name, event, onprogress, signal } = options;
  const { _origin, _name, _tokens, _options } = client;
  const token = await _tokens._get();
  const query = new URLSearchParams({ client: _name, ...(name && { name }), ...(event && { event }) });
  const url = `${_origin}/v1/channels/${encodeURIComponent(channel)}/streams?${query}`;
  const type = options.type || (body instanceof Blob && body.type) || 'application/octet-stream';
  const headers = { 'Content-Type': type, ...(token && { Authorization: `Bearer ${token}` }) };
  const browser = globalThis.XMLHttpRequest;
  if (browser && body instanceof ReadableStream) body = await new Response(body).blob();
  // Only XMLHttpRequest tells how far it is.
  const [status, text] = await (browser && onprogress ? upload : fetched)();
  const answer = parsed(text);
  if (status !== 201) throw Failure._byAnswer(status, answer);
  return answer;

  async function fetched(): Promise<[number, string]> {
    let sent = 0;
    const counted = body instanceof ReadableStream && onprogress ? body.pipeThrough(new TransformStream({
      transform(piece, to) {
        onprogress(sent += piece.length, NaN);
        to.enqueue(piece);
      },
    })) : body;
    const answer = await (_options.fetch ?? fetch)(url, { method: 'POST', body: counted as BodyInit, headers, signal, duplex: 'half', credentials: 'omit' } as RequestInit)
      .catch((error) => { throw signal?.aborted ? signal.reason : broken(error); });
    return [answer.status, await answer.text()];
  }

  function upload(): Promise<[number, string]> {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open('POST', url);
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      request.upload.onprogress = ({ loaded, total }) => onprogress!(loaded, total);
      request.onload = () => resolve([request.status, request.responseText]);
      request.onerror = () => reject(broken('it broke off'));
      request.onabort = () => reject(signal!.reason);
      const abort = () => request.abort();
      signal?.addEventListener('abort', abort);
      request.onloadend = () => signal?.removeEventListener('abort', abort);
      if (signal?.aborted) reject(signal.reason);
      else request.send(body as XMLHttpRequestBodyInit);
    });
  }
}

export interface ReceiveOptions {
  /** The byte to begin with. Default: 0. */
  from?: number;
  /** Bytes that have come, of so many; NaN while nobody knows how many. */
  onprogress?: (received: number, size: number) => void;
  signal?: AbortSignal;
}

// So often it is tried again without a byte in between.
const tries = 5;
// The first wait is up to this, in milliseconds.
const pause = 250;

const broken = (error: unknown) => new Failure('network', 'next', String(error));

/**
 * The bytes of a stream, by the message of its beginning or its id, as they come. Where the connection breaks they are
 * gone on with from the byte where it broke. What was cut ends with an error, never like a whole one.
 */
export function receive(client: Client, message: Pick<Message, 'stream'> | string, { from = 0, onprogress, signal }: ReceiveOptions = {}): ReadableStream<Uint8Array> {
  const { id, size = NaN } = typeof message === 'string' ? { id: message } : message.stream!;
  const { _origin, _tokens, _options } = client;
  const end = new AbortController();
  signal?.addEventListener('abort', () => end.abort(signal.reason));
  if (signal?.aborted) end.abort(signal.reason);
  let at = from;
  let failed = 0;
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;

  const open = async () => {
    const token = await _tokens._get();
    const answer = await (_options.fetch ?? fetch)(`${_origin}/v1/streams/${id}?from=${at}`, {
      headers: token ? { Authorization: `Bearer ${token}` } : {}, cache: 'no-store', credentials: 'omit', signal: end.signal,
    });
    if (!answer.ok) throw Failure._byAnswer(answer.status, parsed(await answer.text()));
    return answer.body!.getReader();
  };

  return new ReadableStream<Uint8Array>({
    async pull(to) {
      for (;;) {
        try {
          const { done, value } = await (reader ??= await open()).read();
          if (done) return to.close();
          at += value.length;
          failed = 0;
          onprogress?.(at, size);
          return to.enqueue(value);
        } catch (error) {
          reader = undefined;
          const failure = error instanceof Failure ? error : broken(error);
          if (end.signal.aborted) return to.error(end.signal.reason);
          if (failure._next === 'stop' || failure.code === 'not_found') return to.error(failure);
          if (++failed === tries) return to.error(new Failure('cut', 'stop', `it ended behind ${at} bytes and is not whole`));
          if (failure._next === 'token') _tokens._expire();
          await new Promise((resolve) => setTimeout(resolve, Math.random() * pause * 2 ** failed));
        }
      }
    },
    cancel(reason) {
      end.abort(reason);
    },
  });
}

function parsed(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return 0;
  }
}
