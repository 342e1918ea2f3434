// Chromium's own WebSocket, EventSource and fetch, without any code of the project.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';

import { Server, keys, until } from '../server.js';
import { launch, watched } from './chromium.js';

let server, locked, browser, channels = 0;
const newChannel = () => `native-${++channels}`;
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

before(async () => {
  [server, locked, browser] = await Promise.all([Server.start(), Server.start({ mode: '', env: keys }), launch()]);
});
after(async () => {
  await browser?.close();
  await Promise.all([server?.stop(), locked?.stop()]);
});

// pageOf opens a page of an origin that runs no script of its own.
async function pageOf(t, origin) {
  const page = await watched(browser);
  t.after(() => page.context().close());
  await page.goto(`${origin}/healthz`);
  await page.evaluate(() => { globalThis.seen = []; });
  return page;
}

const seen = (page, what, condition) => until(what, async () => {
  const all = await page.evaluate(() => globalThis.seen);
  return condition(all) && all;
});

describe('WebSocket', () => {
  // openSocket collects frames in seen: text as it came, binary as a list of bytes.
  function openSocket(page, query, protocols = ['wsbridge.v1']) {
    return page.evaluate(([query, protocols]) => new Promise((resolve) => {
      const socket = globalThis.socket = new WebSocket(`${location.origin.replace('http', 'ws')}/v1/ws?${query}`, protocols);
      socket.binaryType = 'arraybuffer';
      socket.onopen = () => resolve({ protocol: socket.protocol, extensions: socket.extensions });
      socket.onmessage = ({ data }) => globalThis.seen.push(typeof data === 'string' ? data : [...new Uint8Array(data)]);
      socket.onclose = ({ code, reason, wasClean }) => {
        globalThis.seen.push({ code, reason, wasClean });
        resolve({ code });
      };
    }), [query, protocols]);
  }

  test('negotiates the subprotocol and compression, and gets text and binary', async (t) => {
    const channel = newChannel();
    const page = await pageOf(t, server.origin);
    const { protocol, extensions } = await openSocket(page, `channels=${channel}`);
    assert.equal(protocol, 'wsbridge.v1');
    assert.match(extensions, /^permessage-deflate/);
    await seen(page, 'subscribed', (all) => all.some((f) => f.includes?.('"type":"subscribed"')));

    const text = 'compresses well, in UTF-8: äöü €  𝄞 '.repeat(500);
    await server.publish(channel, JSON.stringify({ n: 1, text }));
    const bytes = randomBytes(70000);
    await server.publish(channel, bytes, { type: 'application/octet-stream' });
    const all = await seen(page, 'both messages', (all) => all.length === 4);
    assert.deepEqual(JSON.parse(all[2]).data, { n: 1, text });
    const frame = Buffer.from(all[3]);
    const length = frame.readUInt32BE(0);
    const head = JSON.parse(frame.subarray(4, 4 + length));
    assert.equal(head.type, 'message');
    assert.equal(head.data_base64, undefined);
    assert.equal(sha256(frame.subarray(4 + length)), sha256(bytes));
  });

  test('publishes text and binary, and is answered', async (t) => {
    const channel = newChannel();
    const page = await pageOf(t, server.origin);
    await openSocket(page, `channels=${channel}`);
    await page.evaluate((channel) => {
      const head = new TextEncoder().encode(JSON.stringify({ type: 'publish', ref: 2, channel, event: 'raw' }));
      const frame = new Uint8Array(4 + head.length + 3);
      new DataView(frame.buffer).setUint32(0, head.length);
      frame.set(head, 4);
      frame.set([0, 255, 7], 4 + head.length);
      globalThis.socket.send(JSON.stringify({ type: 'publish', ref: 1, channel, data: { hello: 'world' } }));
      globalThis.socket.send(frame);
    }, channel);
    const all = await seen(page, 'two answers and two messages', (all) => all.length === 6);
    const texts = all.filter((f) => typeof f === 'string').map((f) => JSON.parse(f));
    assert.deepEqual(texts.filter((f) => f.type === 'ok').map((f) => [f.ref, f.duplicate]), [[1, false], [2, false]]);
    assert.deepEqual(texts.find((f) => f.type === 'message').data, { hello: 'world' });
    assert.deepEqual(all.find(Array.isArray).slice(-3), [0, 255, 7]);
  });

  test('resumes behind its cursor', async (t) => {
    const channel = newChannel();
    const first = await server.publish(channel, '1');
    await server.publish(channel, '2');
    const page = await pageOf(t, server.origin);
    await openSocket(page, `cursor=${channel}@${first.pos}`);
    const all = await seen(page, 'the message', (all) => all.length === 3);
    const [, subscribed, message] = all.map((f) => JSON.parse(f));
    assert.equal(subscribed.pos, first.pos);
    assert.equal(message.data, 2);
  });

  test('sees why it was refused, by a close code', async (t) => {
    const page = await pageOf(t, locked.origin);
    await openSocket(page, 'channels=a&token=no.token.atall');
    const all = await seen(page, 'the close', (all) => all.some((f) => f.code));
    assert.equal(JSON.parse(all[0]).code, 'token_invalid');
    assert.equal(all.at(-1).code, 4001);
    assert.equal(all.at(-1).wasClean, true);
  });

  test('closes cleanly with a code of its own', async (t) => {
    const page = await pageOf(t, server.origin);
    await openSocket(page, 'channels=a');
    await page.evaluate(() => globalThis.socket.close(4321, 'done'));
    const all = await seen(page, 'the close', (all) => all.some((f) => f.code));
    assert.equal(all.at(-1).code, 4321);
    assert.equal(all.at(-1).wasClean, true);
  });

  test('is refused when it speaks only other subprotocols', async (t) => {
    const page = await pageOf(t, server.origin);
    assert.deepEqual(await openSocket(page, 'channels=a', ['chat.v9']), { code: 1006 });
  });
});

describe('EventSource', () => {
  test('gets text and binary, and each id is a cursor', async (t) => {
    const channel = newChannel();
    const page = await pageOf(t, server.origin);
    await listen(page, `channels=${channel}`);
    const bytes = randomBytes(70000);
    const stored = [await server.publish(channel, '{"n":"ä\\u2028"}'), await server.publish(channel, bytes, { type: 'application/octet-stream' })];
    const all = await seen(page, 'both messages', (all) => all.length === 3);
    assert.deepEqual(all.map((e) => e.type), ['welcome', 'message', 'message']);
    assert.deepEqual(JSON.parse(all[1].data).data, { n: 'ä\u2028' });
    assert.equal(sha256(Buffer.from(JSON.parse(all[2].data).data_base64, 'base64')), sha256(bytes));
    assert.deepEqual(all.slice(1).map((e) => e.id), stored.map(({ pos }) => `${channel}@${pos}`));
  });

  test('reconnects by itself with its last id and misses nothing', async (t) => {
    const proxy = await Proxy.to(server.port);
    t.after(() => proxy.close());
    const channel = newChannel();
    const page = await pageOf(t, proxy.origin);
    await listen(page, `channels=${channel}`);
    for (let n = 0; n < 9; n++) {
      await server.publish(channel, String(n));
      if (n % 3 === 2) proxy.cut();
    }
    await server.publish(channel, '9');
    const all = await seen(page, 'ten messages', (all) => all.filter((e) => e.type === 'message').length >= 10);
    assert.deepEqual(all.filter((e) => e.type === 'message').map((e) => JSON.parse(e.data).data), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.ok(all.filter((e) => e.type === 'welcome').length >= 2, 'it never reconnected');
    assert.ok(!all.some((e) => e.type === 'gap'));
  });

  async function listen(page, query) {
    await page.evaluate((query) => {
      const source = new EventSource(`/v1/sse?${query}`);
      for (const type of ['welcome', 'message', 'gap', 'close']) {
        source.addEventListener(type, (e) => globalThis.seen.push({ type, data: e.data, id: e.lastEventId }));
      }
    }, query);
    await seen(page, 'the welcome', (all) => all.length > 0);
  }
});

test('fetch streams lines as they come', async (t) => {
  const channel = newChannel();
  const page = await pageOf(t, server.origin);
  await page.evaluate(async (channel) => {
    const response = await fetch(`/v1/http-stream?channels=${channel}`);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const read = async (rest) => {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split('\n');
      rest = lines.pop();
      globalThis.seen.push(...lines.map((line) => JSON.parse(line)));
      await read(rest);
    };
    read('');
  }, channel);
  await seen(page, 'the welcome', (all) => all.length === 1);
  const { pos } = await server.publish(channel, '"while it is open"');
  const [, message] = await seen(page, 'the message', (all) => all.length === 2);
  assert.equal(message.data, 'while it is open');
  assert.equal(message.cursor, `${channel}@${pos}`);
});

describe('a page of a foreign origin', () => {
  // Another host name of this machine: what a browser calls another origin, at the same port.
  const foreign = (origin) => origin.replace('127.0.0.1', 'localhost');
  const attempts = {
    WebSocket: (base) => new Promise((resolve) => {
      const socket = new WebSocket(`${base.replace('http', 'ws')}/v1/ws?channels=a`);
      socket.onopen = () => resolve('open');
      socket.onerror = () => resolve('refused');
    }),
    EventSource: (base) => new Promise((resolve) => {
      const source = new EventSource(`${base}/v1/sse?channels=a`);
      source.onopen = () => { source.close(); resolve('open'); };
      source.onerror = () => { source.close(); resolve('refused'); };
    }),
    poll: (base) => fetch(`${base}/v1/poll?channels=a&wait=0`).then((r) => r.ok ? 'open' : 'refused', () => 'refused'),
    'poll by POST': (base) => fetch(`${base}/v1/poll`, { method: 'POST', body: '{"channels":["a"],"wait":0}' })
      .then((r) => r.ok ? 'open' : 'refused', () => 'refused'),
  };

  for (const [name, attempt] of Object.entries(attempts)) {
    test(`is refused: ${name}`, async (t) => {
      const page = await pageOf(t, foreign(server.origin));
      assert.equal(await page.evaluate(`(${attempt})(${JSON.stringify(server.origin)})`), 'refused');
      const own = await pageOf(t, server.origin);
      assert.equal(await own.evaluate(`(${attempt})(${JSON.stringify(server.origin)})`), 'open');
    });
  }

  test('cannot publish to a server without keys', async (t) => {
    const channel = newChannel();
    const page = await pageOf(t, foreign(server.origin));
    await page.evaluate((url) => fetch(url, { method: 'POST', body: 'x', mode: 'no-cors', headers: { 'Content-Type': 'text/plain' } }).catch(() => {}),
      `${server.origin}/v1/channels/${channel}/messages`);
    const answer = await (await fetch(`${server.origin}/v1/channels/${channel}/messages`)).json();
    assert.deepEqual(answer.messages, []);
  });

  test('is let in where it is allowed, and told why where a token is bad', async (t) => {
    const open = await Server.start({ mode: '', env: { ...keys, WSBRIDGE_ALLOWED_ORIGINS: foreign(server.origin) } });
    t.after(() => open.stop());
    const token = await open.token({ channels: ['a'], capabilities: { a: ['subscribe'] } });
    const page = await pageOf(t, foreign(server.origin));
    const answers = await page.evaluate(async ([base, token]) => {
      const good = await fetch(`${base}/v1/poll?wait=0`, { headers: { Authorization: `Bearer ${token}` } });
      const bad = await fetch(`${base}/v1/poll?wait=0`, { headers: { Authorization: 'Bearer no.token.atall' } });
      return [good.status, Object.keys(await good.json()), bad.status, (await bad.json()).code];
    }, [open.origin, token]);
    assert.deepEqual(answers, [200, ['messages', 'gaps', 'cursor', 'more', 'retry'], 401, 'token_invalid']);
  });
});

// A Proxy passes bytes to a port of this machine, until it is cut.
class Proxy {
  static async to(port) {
    const proxy = new Proxy();
    proxy.sockets = new Set();
    proxy.listener = createServer((down) => {
      const up = connect(port, '127.0.0.1');
      for (const [a, b] of [[down, up], [up, down]]) {
        proxy.sockets.add(a);
        a.pipe(b);
        a.on('error', () => {}).on('close', () => { proxy.sockets.delete(a); b.destroy(); });
      }
    }).listen(0, '127.0.0.1');
    await once(proxy.listener, 'listening');
    proxy.origin = `http://127.0.0.1:${proxy.listener.address().port}`;
    return proxy;
  }

  cut() {
    for (const socket of this.sockets) socket.destroy();
  }

  close() {
    this.listener.close();
    this.cut();
  }
}
