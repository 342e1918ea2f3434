// examples/notifications in Chromium, with a backend that is the script of its README.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { Server, apiKey, keys, until } from '../server.js';
import { launch, watched } from './chromium.js';
import { Example } from './example.js';
import { looksGood, walk } from './looks.js';

const shots = fileURLToPath(new URL('../.build/screenshots', import.meta.url));
const refund = 'Your refund is on its way';
const delivered = 'Order 77 is delivered';

let example, browser;
before(async () => {
  [example, browser] = await Promise.all([Example.start('notifications'), launch()]);
});
after(async () => {
  await browser?.close();
  await example?.stop();
});

// curl runs the script of the README against the example's bridge.
async function curl() {
  const readme = await readFile(new URL('../../examples/notifications/README.md', import.meta.url), 'utf8');
  const scripts = [...readme.matchAll(/```sh\n([^]*?)```/g)].map(([, script]) => script);
  assert.equal(scripts.length, 1);
  await promisify(execFile)('bash', ['-e', '-c', scripts[0].replaceAll('http://127.0.0.1:8080', example.bridge)]);
}

async function signIn(t, user, { origin = example.origin, ...options } = {}) {
  const page = await watched(browser, options);
  t.after(() => page.context().close());
  await page.goto(origin);
  await page.selectOption('#user', user);
  await page.click('text=Sign in >> nth=-1');
  await connected(page);
  return page;
}

const connected = (page) => until('the line', async () => /^connected/.test(await page.textContent('#line')));
const shown = (page) => page.$$eval('#list li > :first-child', (all) => all.map((e) => e.textContent));
const shows = (page, count) => until(`${count} notifications`, async () => (await shown(page)).length >= count);

test('what a backend posts is counted and listed, and what was missed comes after a reload', async (t) => {
  const ann = await signIn(t, 'ann');
  assert.equal(await ann.isVisible('#badge'), false);
  await curl();
  await shows(ann, 2);
  await ann.click('#ship');
  await shows(ann, 3);
  assert.equal(await ann.textContent('#badge'), '3');
  assert.equal(await ann.title(), '(3) Notifications');
  await ann.click('#read');
  assert.equal(await ann.isVisible('#badge'), false);
  const before = await shown(ann);

  await ann.goto('about:blank');
  await curl(); // the second of both has a key that was used
  await ann.goto(example.origin);
  await shows(ann, 4);
  assert.equal(await ann.textContent('#badge'), '1');
  assert.deepEqual(await shown(ann), [`New: ${refund}`, ...before]);
  assert.match(before[0], /^Order \d+ is on its way$/);
  assert.deepEqual(before.slice(1), [delivered, refund]);

  // What is read in one tab is read in all of them.
  const tab = await ann.context().newPage();
  await tab.goto(example.origin);
  await shows(tab, 4);
  await tab.click('#read');
  await until('the badge to go', async () => !(await ann.isVisible('#badge')));
  assert.deepEqual(ann.complaints, []);
});

test('a log that is gone is said to be gone', async (t) => {
  const bob = await signIn(t, 'bob');
  await bob.click('#ship');
  await shows(bob, 1);
  await bob.goto('about:blank');
  const purged = await fetch(`${example.bridge}/v1/channels/user:bob/messages`, { method: 'DELETE' });
  assert.equal(purged.status, 200);
  await bob.goto(example.origin);
  await shows(bob, 2);
  assert.match((await shown(bob))[0], /no longer there \(purged\)/);
});

test('with keys in force a user has its own notifications and no others', async (t) => {
  const server = await Server.start({ mode: '', env: keys });
  t.after(() => server.stop());
  const locked = await Example.start('notifications', { bridge: server.origin, env: { WSBRIDGE_API_KEY: apiKey } });
  t.after(() => locked.stop());
  const [ann, bob] = [await signIn(t, 'ann', { origin: locked.origin }), await signIn(t, 'bob', { origin: locked.origin })];
  await bob.click('#ship');
  await shows(bob, 1);
  const refused = await ann.evaluate(async () => {
    const token = await (await fetch('/token', { method: 'POST' })).text();
    const client = new wsbridge.Client({ token });
    try {
      return await client.channel('user:bob').subscribe().ready.then(() => 'let in', ({ code }) => code);
    } finally {
      client.close();
    }
  });
  assert.equal(refused, 'forbidden');
  await ann.click('#ship');
  await shows(ann, 1);
  assert.equal((await shown(ann)).length, 1);
  assert.equal((await fetch(`${locked.origin}/token`, { method: 'POST' })).status, 401);
});

for (const colorScheme of ['light', 'dark']) {
  for (const width of [390, 1280]) {
    test(`${colorScheme}, ${width} pixels: it looks good, and the keyboard reaches everything`, async (t) => {
      const page = await watched(browser, { colorScheme, viewport: { width, height: 844 } });
      t.after(() => page.context().close());
      await page.goto(example.origin);
      await looksGood(page, 'signed out');
      await page.selectOption('#user', 'bob');
      await page.keyboard.press('Tab');
      await page.focus('#sign-in button');
      await page.keyboard.press('Enter');
      await connected(page);
      const post = (text) => fetch(`${example.bridge}/v1/users/bob/messages`, {
        method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ text }),
      });
      await post(refund);
      await until('it', async () => (await shown(page)).includes(`New: ${refund}`));
      await page.click('#read');
      await post('long'.repeat(60));
      await post(delivered);
      await until('it', async () => (await shown(page)).includes(`New: ${delivered}`));
      await page.screenshot({ path: join(shots, `notifications-${colorScheme}-${width}.png`), fullPage: true });
      await looksGood(page, 'full');
      assert.equal(await walk(page), 2);
      assert.deepEqual(page.complaints, []);
    });
  }
}
