// Streams against the real server: in Node here, in Chromium by test/browser/streams.test.js.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Client } from '@wsbridge/client';
import { receive, send } from '@wsbridge/client/streams';
import { WebSocket } from 'ws';

import { Server, keys, until } from '../../test/server.js';

let server, locked, channels = 0;
before(async () => {
  [server, locked] = await Promise.all([Server.start(), Server.start({ mode: '', env: keys })]);
});
after(() => Promise.all([server?.stop(), locked?.stop()]));

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

// opened follows a new channel and collects what tells of streams.
async function opened(t, options = {}, origin = server.origin, subscribing = {}) {
  const client = new Client(origin, { WebSocket, ...options });
  t.after(() => client.close());
  const channel = `streams-${++channels}`;
  const sub = client.channel(channel).subscribe(subscribing);
  const messages = [];
  sub.addEventListener('message', (message) => messages.push(message));
  await sub.ready;
  const beginning = () => until('the beginning', () => messages.find(({ stream }) => stream && !stream.state));
  const ending = () => until('the end', () => messages.find(({ stream }) => stream?.state));
  return { client, channel, sub, beginning, ending };
}

async function read(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

test('a file arrives whole, with its name, type, size and progress', async (t) => {
  const { client, channel, beginning, ending } = await opened(t);
  const bytes = randomBytes(3_000_000);
  const sending = send(client, channel, new Blob([bytes], { type: 'image/png' }), { name: 'größe.png', event: 'shared' });
  const begun = await beginning();
  assert.deepEqual([begun.event, begun.stream.name, begun.stream.type, begun.stream.size], ['shared', 'größe.png', 'image/png', bytes.length]);
  const progress = [];
  const got = await read(receive(client, begun, { onprogress: (received, size) => progress.push([received, size]) }));
  assert.equal(sha256(got), sha256(bytes));
  assert.deepEqual(progress.at(-1), [bytes.length, bytes.length]);
  const sent = await sending;
  const ended = await ending();
  assert.deepEqual([sent.stream, sent.channel, sent.id, sent.pos, sent.size], [begun.stream.id, channel, ended.id, ended.pos, bytes.length]);
  assert.equal(ended.stream.state, 'complete');
  const rest = await read(receive(client, begun.stream.id, { from: 2_999_000 }));
  assert.deepEqual(rest, bytes.subarray(2_999_000));
});

test('text is read while it is written', async (t) => {
  const { client, channel, beginning } = await opened(t);
  const { readable, writable } = new TransformStream();
  const progress = [];
  const sending = send(client, channel, readable, { type: 'text/plain', onprogress: (sent) => progress.push(sent) });
  const writer = writable.getWriter();
  writer.write(new TextEncoder().encode('one')); // Node sends nothing before there is something
  const reader = receive(client, await beginning()).getReader();
  for (const word of ['one', 'two', 'three']) {
    if (word !== 'one') writer.write(new TextEncoder().encode(word));
    const { value } = await reader.read();
    assert.equal(new TextDecoder().decode(value), word);
  }
  writer.close();
  assert.equal((await reader.read()).done, true);
  assert.equal((await sending).size, 11);
  assert.deepEqual(progress, [3, 6, 11]);
});

test('what is cut ends with an error, for who sends and who reads', async (t) => {
  const { client, channel, beginning, ending } = await opened(t);
  const abort = new AbortController();
  const { readable, writable } = new TransformStream();
  const sending = send(client, channel, readable, { signal: abort.signal });
  writable.getWriter().write(new Uint8Array(1000));
  const reader = receive(client, await beginning()).getReader();
  assert.equal((await reader.read()).value.length, 1000);
  abort.abort(new Error('changed my mind'));
  await assert.rejects(sending, /changed my mind/);
  await assert.rejects(reader.read(), { code: 'cut' });
  assert.equal((await ending()).stream.state, 'cut');
});

test('reading goes on where the connection broke', async (t) => {
  let breaks = 0;
  // Each connection gives what came once, and breaks.
  const fetchInPieces = async (url, options) => {
    const answer = await fetch(url, options);
    if (!String(url).includes('/v1/streams/') || breaks >= 3) return answer;
    const reader = answer.body.getReader();
    let given = false;
    return new Response(new ReadableStream({
      async pull(to) {
        const { value } = given ? {} : await reader.read();
        if (value) to.enqueue(value);
        else {
          breaks++;
          reader.cancel();
          to.error(new TypeError('the line broke'));
        }
        given = true;
      },
    }));
  };
  const { client, channel, beginning } = await opened(t, { fetch: fetchInPieces });
  const bytes = randomBytes(1_000_000);
  const sending = send(client, channel, bytes);
  const got = await read(receive(client, await beginning()));
  assert.equal(sha256(got), sha256(bytes));
  assert.equal(breaks, 3);
  await sending;
});

test('a WebSocket has the bytes pushed', async (t) => {
  const { client, channel, sub, ending } = await opened(t, {}, server.origin, { streams: true });
  assert.equal(client.transport, 'websocket');
  const pieces = [];
  let end;
  sub.addEventListener('stream', (piece) => {
    pieces.push(piece.data);
    assert.equal(piece.offset + piece.data.length, Buffer.concat(pieces).length);
    end = piece.state;
  });
  const bytes = randomBytes(500_000);
  await send(client, channel, bytes);
  await until('the last piece', () => end);
  assert.equal(end, 'complete');
  assert.equal(sha256(Buffer.concat(pieces)), sha256(bytes));
  await ending();
});

test('tokens are shown, and what is refused says why', async (t) => {
  const token = () => locked.token({ capabilities: { 'streams-*': ['subscribe', 'publish'] } });
  const { client, channel, beginning } = await opened(t, { token }, locked.origin);
  const sending = send(client, channel, 'text', { type: 'text/plain' });
  assert.equal(String(await read(receive(client, await beginning()))), 'text');
  await sending;
  await assert.rejects(send(client, 'other', 'text'), { code: 'forbidden' });
  await assert.rejects(read(receive(client, '00000000-0000-7000-8000-000000000000')), { code: 'not_found' });
});
