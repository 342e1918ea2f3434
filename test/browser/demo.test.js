// The page of a server started with --demo: keys are in force, and the page asks for them.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Server, apiKey, keys, until } from '../server.js';
import { BoardReader, lines } from './board.js';
import { launch, watched } from './chromium.js';
import { looksGood } from './looks.js';

let server, browser;
before(async () => {
  [server, browser] = await Promise.all([Server.start({ mode: '--demo', env: keys }), launch()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function open(t, options) {
  const page = await watched(browser, options);
  t.after(() => page.context().close());
  await page.goto(`${server.origin}/?channel=shown`);
  return { page, board: new BoardReader(page) };
}

test('nothing is tried without keys, and the page says what it needs', async (t) => {
  for (const width of [390, 1280]) {
    const { page, board } = await open(t, { viewport: { width, height: 844 } });
    for (const line of lines) await board.line(line, 'idle');
    assert.match(await page.locator('#keys-title + p').innerText(), /API key/);
    await looksGood(page);
    assert.deepEqual(page.complaints, []);
  }
});

test('with a key: sign a token, connect, publish', async (t) => {
  const { page, board } = await open(t);
  await page.fill('#api-key', apiKey);
  await page.click('#sign');
  await until('a token', () => page.inputValue('#token'));
  await page.getByRole('button', { name: 'Connect the lines' }).click();
  await board.allLive();
  await page.getByRole('button', { name: 'Publish', exact: true }).click();
  await page.locator('.row.published').waitFor();
  const [{ pos }] = await board.rows();
  const row = await board.arrived(pos);
  assert.deepEqual(Object.values(row.marks), Array(5).fill('live'));
  assert.deepEqual(page.complaints, []);

  const command = await page.textContent('#curl');
  assert.ok(command.includes('"Authorization: Bearer $WSBRIDGE_API_KEY"'), command);
  assert.ok(!(await page.innerText('body')).includes(apiKey), 'the key is shown');

  await board.cut(...lines);
  const later = await server.publish('shown', '2');
  await board.resume(...lines);
  assert.deepEqual(Object.values((await board.arrived(later.pos)).marks), Array(5).fill('late'));
});

test('a refusal is shown where it happened', async (t) => {
  const { page, board } = await open(t);
  await page.fill('#api-key', 'no-key-of-this-server');
  await page.getByRole('button', { name: 'Publish', exact: true }).click();
  await until('the refusal', async () => /^401 unauthorized: ./.test(await page.textContent('#status')));

  const forbidden = await server.token({ capabilities: { 'other:*': ['subscribe'] } });
  for (const [token, reason] of [['no.token.atall', 'token invalid'], [forbidden, 'forbidden']]) {
    await page.fill('#token', token);
    await page.getByRole('button', { name: 'Connect the lines' }).click();
    for (const line of lines) await board.line(line, 'refused');
    const states = await page.$$eval('.line .state', (all) => all.map((e) => e.textContent));
    assert.deepEqual(states, Array(5).fill(`refused: ${reason}`));
  }
});
