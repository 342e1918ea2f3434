// examples/migrate in Chromium: the steps of docs/migrate-from-long-polling.md forth and back, with pages that were
// loaded one step before and stay open over the switch.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Server, freePort, until } from '../server.js';
import { launch, watched } from './chromium.js';
import { Example } from './example.js';
import { looksGood, walk } from './looks.js';

const shots = fileURLToPath(new URL('../.build/screenshots', import.meta.url));

let bridge, browser, folder;
before(async () => {
  [bridge, browser, folder] = await Promise.all([Server.start(), launch(), mkdtemp(join(tmpdir(), 'migrate-'))]);
});
after(async () => {
  await browser?.close();
  await bridge?.stop();
  await rm(folder, { recursive: true, force: true });
});

// A Site is the example on one address and with one database, while it moves from step to step.
class Site {
  taken = 0;

  static async open(t, name) {
    const site = new Site();
    site.data = join(folder, name);
    site.port = await freePort();
    site.origin = `http://127.0.0.1:${site.port}`;
    t.after(() => site.running?.stop());
    return site;
  }

  // move is a release of another step: the old program stops, the new one starts.
  async move(step) {
    await this.running?.stop();
    this.running = await Example.start('migrate', {
      bridge: bridge.origin, port: this.port, args: ['-step', String(step), '-data', this.data],
    });
  }

  async order(count) {
    for (let i = 0; i < count; i++) {
      const answer = await fetch(`${this.origin}/orders`, { method: 'POST', body: new URLSearchParams({ text: `table ${this.taken + 1}` }) });
      assert.equal(answer.status, 200, await answer.text());
      this.taken++;
    }
  }

  // visit opens a page, which notes the ways by which it asks for orders.
  async visit(t, options) {
    const page = await watched(browser, options);
    t.after(() => page.context().close());
    page.ways = new Set();
    page.on('request', (request) => {
      const { pathname } = new URL(request.url());
      if (['/orders/poll', '/v1/poll'].includes(pathname)) page.ways.add(pathname);
    });
    page.on('websocket', (socket) => page.ways.add(new URL(socket.url()).pathname));
    await page.goto(this.origin);
    return page;
  }

  // complete waits until the page shows every order, and holds that each is there once and in order.
  async complete(page, what) {
    const shown = () => page.$$eval('#list li > span', (all) => all.map((e) => e.textContent));
    await until(`order ${this.taken} in ${what}`, async () => (await shown())[0]?.startsWith(`${this.taken}. `));
    assert.deepEqual(await shown(), Array.from({ length: this.taken }, (_, i) => `${this.taken - i}. table ${this.taken - i}`), what);
  }
}

const ways = [['/orders/poll'], ['/orders/poll'], ['/v1/poll'], ['/v1/ws'], ['/v1/ws']];

test('step by step forth and back, each page has every order, also one that stays open over the switch', async (t) => {
  const site = await Site.open(t, 'walk');
  let before; // a page of the step before
  for (const step of [0, 1, 2, 3, 4, 3, 2, 1, 0]) {
    await site.move(step);
    await site.order(3); // the page of the step before may not be back yet
    if (before) await site.complete(before.page, `the page of step ${before.step} at step ${step}`);

    const page = await site.visit(t);
    await site.complete(page, `a fresh page of step ${step}`);
    await until(`the way of step ${step}`, () => page.ways.size > 0);
    await site.order(3);
    await site.complete(page, `the page of step ${step}`);
    assert.deepEqual([...page.ways], ways[step], `step ${step}`);
    assert.deepEqual(page.complaints, [], `step ${step}`);
    if (before) {
      await site.complete(before.page, `the page of step ${before.step} at step ${step}`);
      await before.page.context().close();
    }
    before = { page, step };
  }
});

test('from step 1 on each order is published once, also what was taken at step 0', async (t) => {
  const site = await Site.open(t, 'published');
  await fetch(`${bridge.origin}/v1/channels/orders/messages`, { method: 'DELETE' });
  const published = async () => {
    const answer = await fetch(`${bridge.origin}/v1/channels/orders/messages?limit=1000`);
    return (await answer.json()).messages.map(({ data }) => data.n);
  };
  await site.move(0);
  await site.order(3);
  assert.deepEqual(await published(), []);
  await site.move(1);
  await site.order(3);
  await until('all', async () => (await published()).length >= site.taken);
  await site.move(1);
  await site.order(1);
  await until('all', async () => (await published()).length >= site.taken);
  assert.deepEqual(await published(), [1, 2, 3, 4, 5, 6, 7]);
  // Pages of step 2 stay open on the way back, and their tokens run out.
  assert.equal((await fetch(`${site.origin}/token`, { method: 'POST' })).status, 200);
});

test('a page that slept through the move finds the newer one, and step 3 counts those that are left', async (t) => {
  const site = await Site.open(t, 'asleep');
  await site.move(3);
  const polls = async () => (await fetch(`${site.origin}/orders/polls`)).json();
  const fresh = await site.visit(t);
  await until('its WebSocket', () => fresh.ways.has('/v1/ws'));
  assert.equal(await polls(), 0);
  await site.order(1); // the first of all
  await site.complete(fresh, 'a page that had none');
  await site.move(1);
  await site.order(1);
  const asleep = await site.visit(t);
  await site.complete(asleep, 'the page of step 1');
  await site.move(3);
  await until('its polls', async () => (await polls()) > 0);
  await site.move(4);
  await asleep.waitForSelector('html[data-step="4"]');
  await site.order(1);
  await site.complete(asleep, 'the page that reloaded itself');
  assert.equal((await fetch(`${site.origin}/orders/poll?after=0`)).status, 404);
});

test('it looks good and the keyboard reaches everything', async (t) => {
  const site = await Site.open(t, 'looks');
  await site.move(3);
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [390, 1280]) {
      const page = await site.visit(t, { colorScheme, viewport: { width, height: 844 } });
      await page.focus('#text');
      for (const text of ['two coffees', 'long'.repeat(15)]) {
        await page.keyboard.type(text);
        await page.keyboard.press('Enter');
        await until('it', async () => (await page.textContent('#list li:first-child')).includes(text));
        await until('an empty field', async () => (await page.inputValue('#text')) === '');
      }
      await page.screenshot({ path: join(shots, `migrate-${colorScheme}-${width}.png`), fullPage: true });
      await looksGood(page, `${colorScheme} ${width}`);
      assert.equal(await walk(page), 2);
      assert.deepEqual(page.complaints, []);
    }
  }
});
