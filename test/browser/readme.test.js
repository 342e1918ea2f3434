// The page of README.md in Chromium, on a line that breaks.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer as createHTTPServer } from 'node:http';
import { connect, createServer } from 'node:net';
import { after, before, test } from 'node:test';

import { Server, until } from '../server.js';
import { launch, watched } from './chromium.js';

let server, browser;
before(async () => {
  // What --dev allows as long as no address is given.
  const env = { WSBRIDGE_ALLOWED_ORIGINS: 'loopback' };
  [server, browser] = await Promise.all([Server.start({ env }), launch()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

// listening returns the port of a server that is closed with the test.
async function listening(t, it) {
  it.listen(0, '127.0.0.1');
  await once(it, 'listening');
  t.after(() => it.close());
  return it.address().port;
}

test('the page shows what is published, also behind a line that broke', async (t) => {
  const sockets = new Set();
  let lines = 0;
  const proxyPort = await listening(t, createServer((socket) => {
    const upstream = connect(server.port, '127.0.0.1');
    lines++;
    for (const [from, to] of [[socket, upstream], [upstream, socket]]) {
      from.pipe(to).on('error', () => {});
      from.on('close', () => to.destroy());
      sockets.add(from);
    }
  }));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  t.after(cut);

  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const snippets = [...readme.matchAll(/```html\n([^]*?)```/g)].map(([, code]) => code);
  assert.equal(snippets.length, 1);
  const snippet = snippets[0].replaceAll('localhost:8080', `localhost:${proxyPort}`);
  const pagePort = await listening(t, createHTTPServer((_, answer) => {
    answer.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(snippet);
  }));

  const page = await watched(browser);
  t.after(() => page.context().close());
  await page.goto(`http://localhost:${pagePort}/`);
  const shown = async () => page.$$eval('li', (items) => items.map((item) => item.textContent));
  const shows = (count) => until(`${count} messages`, async () => (await shown()).length >= count);

  await until('the stream', async () => (await fetch(`${server.origin}/v1/channels/orders:42`).then((r) => r.json())).subscribers === 1);
  await server.publish('orders:42', '{"n":1}');
  await shows(1);
  const unbroken = lines;
  cut();
  await server.publish('orders:42', '{"n":2}');
  await server.publish('orders:42', '{"n":3}');
  await shows(3);
  assert.ok(lines > unbroken, 'the line did not break');
  await server.publish('orders:42', '{"n":4}');
  await shows(4);
  assert.deepEqual(await shown(), ['{"n":1}', '{"n":2}', '{"n":3}', '{"n":4}']);

  // A gap reloads the page.
  const loaded = page.waitForEvent('load');
  const purged = await fetch(`${server.origin}/v1/channels/orders:42/messages`, { method: 'DELETE' });
  assert.equal(purged.status, 200);
  await loaded;
  assert.deepEqual(await shown(), []);
});
