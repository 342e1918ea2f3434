// The npm client ws against the server.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { after, before, test } from 'node:test';

import WebSocket from 'ws';

import { Server, keys, until } from '../server.js';

let server, locked, channels = 0;
const newChannel = () => `ws-${++channels}`;
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

before(async () => {
  [server, locked] = await Promise.all([
    Server.start({ env: { WSBRIDGE_HEARTBEAT: '1s' } }),
    Server.start({ mode: '', env: keys }),
  ]);
});
after(() => Promise.all([server?.stop(), locked?.stop()]));

// A Conversation collects what the server says: objects of text frames in said, binary
// frames in binary, the sizes of pings in pings.
class Conversation {
  static async open(t, query, { at = server, protocols = ['wsbridge.v1'], ...options } = {}) {
    const c = new Conversation();
    Object.assign(c, { said: [], binary: [], pings: [] });
    c.socket = new WebSocket(`${at.origin.replace('http', 'ws')}/v1/ws?${query}`, protocols, options);
    t.after(() => c.socket.terminate());
    c.closed = once(c.socket, 'close').then(([code, reason]) => ({ code, reason: reason.toString() }));
    c.socket.on('message', (data, binary) => (binary ? c.binary.push(data) : c.said.push(JSON.parse(data))));
    c.socket.on('upgrade', (response) => { c.extensions = response.headers['sec-websocket-extensions'] ?? ''; });
    c.socket.on('ping', (data) => c.pings.push(data.length));
    await once(c.socket, 'open');
    return c;
  }

  async hear(type, count = 1) {
    const matching = () => this.said.filter((o) => o.type === type);
    await until(`${count} ${type}`, () => matching().length >= count);
    return matching();
  }
}

for (const [name, perMessageDeflate, agreed] of [
  ['plain', false, /^$/],
  ['compressed', true, /^permessage-deflate/],
  ['compressed without context takeover', { serverNoContextTakeover: true, clientNoContextTakeover: true, threshold: 0 },
    /server_no_context_takeover.*client_no_context_takeover|client_no_context_takeover.*server_no_context_takeover/],
  ['compressed within small windows', { serverMaxWindowBits: 10, clientMaxWindowBits: 9, threshold: 0 }, /server_max_window_bits=10/],
]) {
  test(`text and binary, both ways, ${name}`, async (t) => {
    const channel = newChannel();
    const c = await Conversation.open(t, `channels=${channel}`, { perMessageDeflate });
    assert.equal(c.socket.protocol, 'wsbridge.v1');
    assert.match(c.extensions, agreed);
    await c.hear('subscribed');
    const text = 'again and again, äöü 𝄞 '.repeat(400);
    c.socket.send(JSON.stringify({ type: 'publish', ref: 1, channel, event: 'said', data: text }));
    const bytes = randomBytes(70000);
    const head = Buffer.from(JSON.stringify({ type: 'publish', ref: 2, channel }));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(head.length);
    c.socket.send(Buffer.concat([length, head, bytes]));
    const [first, second] = await c.hear('ok', 2);
    assert.deepEqual([first.ref, second.ref], [1, 2]);
    const [message] = await c.hear('message');
    assert.equal(message.data, text);
    assert.equal(message.pos, first.pos);
    await until('the binary frame', () => c.binary.length === 1);
    const [frame] = c.binary;
    const end = 4 + frame.readUInt32BE(0);
    assert.equal(JSON.parse(frame.subarray(4, end)).pos, second.pos);
    assert.equal(sha256(frame.subarray(end)), sha256(bytes));
    assert.equal(frame.length, end + 70000);
  });
}

for (const perMessageDeflate of [false, { threshold: 0 }]) {
  test(`a command in fragments, a ping between them, ${perMessageDeflate ? 'compressed' : 'plain'}`, async (t) => {
    const channel = newChannel();
    const c = await Conversation.open(t, `channels=${channel}`, { perMessageDeflate });
    const command = JSON.stringify({ type: 'publish', ref: 3, channel, data: 'ä€𝄞'.repeat(50) });
    const bytes = Buffer.from(command);
    const pong = once(c.socket, 'pong');
    for (let at = 0; at < bytes.length; at += 7) { // cuts within characters
      c.socket.send(bytes.subarray(at, at + 7), { binary: false, fin: at + 7 >= bytes.length });
      if (at === 70) c.socket.ping('between');
    }
    assert.equal((await pong)[0].toString(), 'between');
    const [ok] = await c.hear('ok');
    assert.equal(ok.ref, 3);
    assert.equal((await c.hear('message'))[0].data, 'ä€𝄞'.repeat(50));
  });
}

test('heartbeats and pings come, and pongs keep the connection', async (t) => {
  const c = await Conversation.open(t, `channels=${newChannel()}`);
  const [welcome] = await c.hear('welcome');
  assert.equal(welcome.heartbeat, 1);
  await c.hear('heartbeat', 3);
  await until('a ping', () => c.pings.length >= 2);
  assert.equal(c.socket.readyState, WebSocket.OPEN);
});

test('resumes behind its position', async (t) => {
  const channel = newChannel();
  const stored = [];
  for (let n = 0; n < 5; n++) stored.push(await server.publish(channel, String(n)));
  const c = await Conversation.open(t, '');
  c.socket.send(JSON.stringify({ type: 'connect', ref: 1, cursor: `${channel}@${stored[1].pos}` }));
  const messages = await c.hear('message', 3);
  assert.deepEqual(messages.map((m) => m.data), [2, 3, 4]);
  assert.deepEqual(await c.hear('ok'), [{ type: 'ok', ref: 1 }]);
});

test('a bad command is answered and the connection lives on', async (t) => {
  const c = await Conversation.open(t, `channels=${newChannel()}`);
  c.socket.send('{"type":"dance","ref":9}');
  c.socket.send('no JSON');
  const [unknown, syntax] = await c.hear('error', 2);
  assert.deepEqual([unknown.ref, unknown.code, syntax.code], [9, 'unknown_command', 'bad_json']);
  c.socket.send(JSON.stringify({ type: 'subscribe', ref: 10, channel: newChannel() }));
  await until('subscribed', () => c.said.some((o) => o.type === 'subscribed' && o.ref === 10));
});

test('close codes', async (t) => {
  const own = await Conversation.open(t, `channels=${newChannel()}`);
  own.socket.close(4321, 'done');
  assert.equal((await own.closed).code, 4321);

  const normal = await Conversation.open(t, `channels=${newChannel()}`);
  normal.socket.close(1000);
  assert.equal((await normal.closed).code, 1000);

  const badToken = await Conversation.open(t, 'channels=a&token=no.token.atall', { at: locked });
  assert.equal((await badToken.closed).code, 4001);
  assert.equal(badToken.said[0].code, 'token_invalid');

  const invalid = await Conversation.open(t, `channels=${newChannel()}`, { perMessageDeflate: false });
  invalid.socket.send(Buffer.from([0xc3, 0x28]), { binary: false });
  assert.equal((await invalid.closed).code, 1007);

  const reserved = await Conversation.open(t, `channels=${newChannel()}`, { perMessageDeflate: false });
  reserved.socket._socket.write(Buffer.from([0x83, 0x80, 0, 0, 0, 0])); // opcode 3
  assert.equal((await reserved.closed).code, 1002);

  const unmasked = await Conversation.open(t, `channels=${newChannel()}`, { perMessageDeflate: false });
  unmasked.socket._socket.write(Buffer.from([0x81, 0x02, 0x7b, 0x7d]));
  assert.equal((await unmasked.closed).code, 1002);
});

test('a server that stops closes with 1012 and says when to come back', async (t) => {
  const stopping = await Server.start();
  const c = await Conversation.open(t, 'channels=a', { at: stopping });
  await c.hear('subscribed');
  assert.equal(await stopping.stop(), 0);
  const { code, reason } = await c.closed;
  assert.equal(code, 1012);
  assert.match(reason, /retry=\d+/);
});

test('without a subprotocol it gets the same, with only others it is refused', async (t) => {
  const c = await Conversation.open(t, 'channels=a', { protocols: [] });
  assert.equal(c.socket.protocol, '');
  await c.hear('subscribed');
  const [, response] = await refused(t, ['mqtt']);
  assert.equal(response.statusCode, 400);
});

test('a foreign origin is refused with 403', async (t) => {
  const [, response] = await refused(t, ['wsbridge.v1'], { origin: 'https://foreign.example' });
  assert.equal(response.statusCode, 403);
  response.setEncoding('utf8');
  let body = '';
  for await (const chunk of response) body += chunk;
  assert.equal(JSON.parse(body).code, 'origin');
});

function refused(t, protocols, options) {
  const socket = new WebSocket(`${server.origin.replace('http', 'ws')}/v1/ws?channels=a`, protocols, options);
  socket.on('error', () => {});
  t.after(() => socket.terminate());
  return once(socket, 'unexpected-response');
}
