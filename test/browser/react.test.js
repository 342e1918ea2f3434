// The React example of docs/clients.md in Chromium, in StrictMode, which mounts everything twice.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';

import { FaultProxy } from '../faults.js';
import { Server, until } from '../server.js';
import { launch, watched } from './chromium.js';

const js = new URL('../../js/', import.meta.url);
const { build } = createRequire(js)('esbuild');

let server, browser;
before(async () => { [server, browser] = await Promise.all([Server.start(), launch()]); });
after(async () => {
  await browser?.close();
  await server?.stop();
});

// bundle builds JSX into one script, for a client of this origin.
async function bundle(code, origin) {
  const { outputFiles } = await build({
    stdin: { contents: code.replaceAll('http://localhost:8080', origin), loader: 'jsx', resolveDir: fileURLToPath(js) },
    bundle: true, write: false, format: 'iife', jsx: 'automatic', define: { 'process.env.NODE_ENV': '"development"' },
  });
  return outputFiles[0].text;
}

async function opened(t, code) {
  const proxy = await FaultProxy.start(() => server.origin);
  proxy.pages.set('/page', '<!doctype html><title>react</title><link rel="icon" href="data:,"><main></main><script src="/app.js"></script>');
  proxy.pages.set('/app.js', await bundle(code, proxy.origin));
  const page = await watched(browser);
  t.after(async () => {
    await page.context().close();
    proxy.close();
  });
  await page.goto(`${proxy.origin}/page`);
  return { page, proxy };
}

const subscribers = async (channel) => (await (await fetch(`${server.origin}/v1/channels/${channel}`)).json()).subscribers;
const texts = (page) => page.$$eval('li', (items) => items.map((item) => item.textContent));

test('the example shows what comes, the state and gaps', async (t) => {
  const doc = await readFile(new URL('../../docs/clients.md', import.meta.url), 'utf8');
  const [, example] = /```jsx\n([^]*?)```/.exec(doc);
  await server.publish('orders:42', '{"state":"new"}');
  const { page, proxy } = await opened(t, `
    ${example}
    import { StrictMode } from 'react';
    import { createRoot } from 'react-dom/client';
    createRoot(document.querySelector('main')).render(<StrictMode><App /></StrictMode>);
  `);
  await until('the first', async () => (await texts(page)).length === 1);
  await until('the state', () => page.$('section[title=connected]'));
  proxy.cut();
  await server.publish('orders:42', '{"state":"paid"}');
  await until('the second', async () => (await texts(page)).length === 2);
  assert.deepEqual(await texts(page), ['new', 'paid']);
  await fetch(`${server.origin}/v1/channels/orders:42/messages`, { method: 'DELETE' });
  await until('the gap', async () => (await page.textContent('main')).includes('Something was missed: purged'));
  assert.deepEqual(page.complaints.filter((text) => !/WebSocket|ERR_/.test(text)), []);
});

test('a handler is handed each message once, whatever else is rendered', async (t) => {
  const { page } = await opened(t, `
    import { StrictMode, useState } from 'react';
    import { createRoot } from 'react-dom/client';
    import { Client } from '@wsbridge/client';
    import { ClientProvider, useChannel } from '@wsbridge/client/react';
    globalThis.client = new Client('http://localhost:8080');
    globalThis.handed = [];
    function Reader() {
      const [count, setCount] = useState(0);
      const { subscribed, error } = useChannel('handled', ({ data }) => {
        handed.push([count, data]);
        setCount(count + 1);
      });
      return <p>{subscribed ? 'subscribed' : 'waiting'} {count}</p>;
    }
    function App() {
      const [shown, show] = useState(true);
      globalThis.show = show;
      return shown ? <Reader /> : null;
    }
    createRoot(document.querySelector('main')).render(<StrictMode><ClientProvider client={client}><App /></ClientProvider></StrictMode>);
  `);
  await until('subscribed', async () => (await page.textContent('main')).includes('subscribed 0'));
  for (let n = 1; n <= 3; n++) {
    await server.publish('handled', String(n));
    await until(`${n} rendered`, async () => (await page.textContent('main')).includes(`subscribed ${n}`));
  }
  assert.deepEqual(await page.evaluate(() => handed), [[0, 1], [1, 2], [2, 3]]);
  await page.evaluate(() => show(false));
  await until('nobody follows it', async () => await subscribers('handled') === 0);
  await until('the line is given up', () => page.evaluate(() => client.state === 'idle'));
});
