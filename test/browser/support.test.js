// examples/support in Chromium: customers and agents, each in a browser of their own.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Server, apiKey, keys, until } from '../server.js';
import { launch, watched } from './chromium.js';
import { Example } from './example.js';
import { looksGood, walk } from './looks.js';

const shots = fileURLToPath(new URL('../.build/screenshots', import.meta.url));

// Keys are in force, so that the tokens have to be right.
let server, example, browser;
before(async () => {
  [server, browser] = await Promise.all([Server.start({ mode: '', env: keys }), launch()]);
  example = await Example.start('support', { bridge: server.origin, env: { WSBRIDGE_API_KEY: apiKey } });
});
after(async () => {
  await browser?.close();
  await example?.stop();
  await server?.stop();
});

async function open(t, path, options) {
  const page = await watched(browser, options);
  t.after(() => page.context().close());
  await page.goto(`${example.origin}${path}`);
  return page;
}

async function customer(t, name, question, options) {
  const page = await open(t, '/', options);
  await page.fill('#name', name);
  await page.fill('#question', question);
  await page.click('#ask button');
  await said(page, question);
  return page;
}

async function agent(t, name, options) {
  const page = await open(t, '/agent', options);
  await page.selectOption('#agent', name);
  await page.click('#sign-in button');
  await page.locator('#desk').waitFor();
  return page;
}

const lines = (page) => page.$$eval('#log li', (all) => all.map((e) => e.textContent.replace(/^(You|The other): /, '')));
const said = (page, text) => until(`"${text}"`, async () => (await lines(page)).includes(text));
const peer = (page, text) => until(text, async () => (await page.textContent('#peer')) === text);
const take = (page, name) => page.getByRole('button', { name: `Take the case of ${name}`, exact: true });
const showing = (page, name) => page.getByRole('button', { name: `Show the case of ${name}`, exact: true });

async function say(page, text) {
  await page.fill('#text', text);
  await page.press('#text', 'Enter');
  await said(page, text);
}

test('two customers, two agents: each case is taken by one, and both sides see each other', async (t) => {
  const [bea, cid] = [await agent(t, 'Bea'), await agent(t, 'Cid')];
  const ann = await customer(t, 'Ann', 'Where is my parcel?');
  const ben = await customer(t, 'Ben', 'Is it blue?');
  for (const page of [bea, cid]) {
    await take(page, 'Ann').waitFor();
    await take(page, 'Ben').waitFor();
    assert.equal(await page.textContent('#waiting'), '2');
  }

  await take(bea, 'Ann').click();
  await said(ann, 'Bea has taken the case');
  await peer(bea, 'Ann is here');
  await peer(ann, 'Bea is here');
  await cid.locator('#cases li', { hasText: 'Ann' }).getByText('with Bea').waitFor();
  assert.equal(await take(cid, 'Ann').count(), 0);
  await take(cid, 'Ben').click();
  await said(ben, 'Cid has taken the case');

  await ann.locator('#text').pressSequentially('It should have come');
  await peer(bea, 'Ann is typing …');
  await ann.press('#text', 'Enter');
  await said(bea, 'It should have come');
  await peer(bea, 'Ann is here');
  await say(bea, 'It comes today');
  await said(ann, 'It comes today');
  await say(ben, 'Thanks');
  await said(cid, 'Thanks');

  // A reload has the whole conversation, and the other sees both.
  await ann.goto('about:blank');
  await peer(bea, 'Ann is away');
  await say(bea, 'Are you there?');
  await ann.goto(example.origin);
  const all = ['Where is my parcel?', 'Bea has taken the case', 'It should have come', 'It comes today', 'Are you there?'];
  await said(ann, all.at(-1));
  assert.deepEqual(await lines(ann), all);
  assert.deepEqual(await lines(bea), all);
  await peer(bea, 'Ann is here');
  assert.deepEqual(await lines(ben), ['Is it blue?', 'Cid has taken the case', 'Thanks']);

  // What comes for a case that is not shown is counted.
  const eve = await customer(t, 'Eve', 'May I?');
  await take(bea, 'Eve').click();
  await peer(bea, 'Eve is here');
  await ann.fill('#text', 'Still here');
  await ann.press('#text', 'Enter');
  await bea.locator('#cases li', { hasText: 'Ann' }).locator('.badge').waitFor();
  await showing(bea, 'Ann').click();
  await said(bea, 'Still here');
  assert.equal(await bea.locator('#cases .badge').count(), 0);

  await bea.click('#close');
  await said(ann, 'Bea has closed the case');
  assert.equal(await ann.isVisible('#say'), false);
  await ann.click('#again');
  assert.ok(await ann.isVisible('#ask'));
  for (const page of [ann, ben, eve, bea, cid]) assert.deepEqual(page.complaints, []);
});

test('an agent who is too late is told, and a customer cannot speak for the backend or to others', async (t) => {
  const [bea, cid] = [await agent(t, 'Bea'), await agent(t, 'Cid')];
  const fay = await customer(t, 'Fay', 'Who takes me?');
  const gus = await customer(t, 'Gus', 'And me?');
  await take(bea, 'Fay').waitFor();
  await take(cid, 'Fay').waitFor();
  const ids = await cid.evaluate(async () => Object.fromEntries((await (await fetch('/agent/cases')).json()).map(({ name, id }) => [name, id])));
  await take(bea, 'Fay').click();
  await peer(bea, 'Fay is here');
  const late = await cid.evaluate(async (id) => (await fetch(`/agent/cases/${id}/take`, { method: 'POST' })).status, ids.Fay);
  assert.equal(late, 409);

  const forge = (page, channel) => page.evaluate(async (channel) => {
    const token = await (await fetch('/customer/token', { method: 'POST' })).text();
    const body = JSON.stringify({ type: 'publish', channel, event: 'closed', data: { agent: 'Bea' }, token });
    return (await fetch('/v1/send', { method: 'POST', body })).status;
  }, channel);
  assert.equal(await forge(fay, `case:${ids.Fay}`), 200);
  assert.equal(await forge(gus, `case:${ids.Fay}`), 403);
  assert.equal(await forge(gus, 'desk'), 403);
  await say(fay, 'Still open');
  await said(bea, 'Still open');
  for (const page of [fay, bea]) assert.deepEqual(await lines(page), ['Who takes me?', 'Bea has taken the case', 'Still open']);
  for (const path of ['/agent/cases', '/agent/token']) {
    const answer = await fetch(`${example.origin}${path}`, { method: path === '/agent/token' ? 'POST' : 'GET' });
    assert.equal(answer.status, 401, path);
  }
});

test('it looks good and the keyboard reaches everything', async (t) => {
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [390, 1280]) {
      const options = { colorScheme, viewport: { width, height: 844 } };
      const name = `Una ${colorScheme} ${width}`;
      const fresh = await open(t, '/', options);
      await looksGood(fresh, 'a question');
      assert.equal(await walk(fresh), 3);
      const bea = await agent(t, 'Bea', options);
      const una = await customer(t, name, `Where is my parcel? ${'long'.repeat(20)}`, options);
      await take(bea, name).focus();
      await bea.keyboard.press('Enter');
      await peer(una, 'Bea is here');
      await say(bea, 'It is on its way and should be with you today');
      await say(una, 'long'.repeat(40));
      await say(una, 'Thanks');
      await said(bea, 'Thanks');
      for (const [who, page, controls] of [['customer', una, 3], ['agent', bea]]) {
        await page.screenshot({ path: join(shots, `support-${who}-${colorScheme}-${width}.png`), fullPage: true });
        await looksGood(page, `${who} ${colorScheme} ${width}`);
        const walked = await walk(page);
        if (controls) assert.equal(walked, controls);
        assert.deepEqual(page.complaints, []);
      }
      await bea.click('#close');
      await said(una, 'Bea has closed the case');
    }
  }
});
