// The page at / of a development server, in Chromium.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { Server, freePort, until } from '../server.js';
import { BoardReader, lines } from './board.js';
import { launch, watched } from './chromium.js';
import { looksGood, walk } from './looks.js';

const shots = fileURLToPath(new URL('../.build/screenshots', import.meta.url));
const each = (mark) => Object.fromEntries(lines.map((line) => [line, mark]));

let server, browser, channels = 0;
const newChannel = () => `page-${++channels}`;

before(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

// open shows the page on a channel of its own and closes it when the test is over.
async function open(t, options) {
  const page = await watched(browser, options);
  t.after(() => page.context().close());
  const board = new BoardReader(page);
  const channel = newChannel();
  await board.open(server, channel);
  return { page, board, channel };
}

// fill brings the page into a state that shows all it can: messages on all lines, a long
// word, an event, a caught-up line, a gap, a cut line, a fault in the data.
async function fill({ page, board, channel }) {
  await server.publish(channel, `"${'long'.repeat(120)}"`, { event: 'an.event.with.a.rather.long.name' });
  await board.cut('sse');
  const { pos } = await server.publish(channel, '{"n":1}');
  await board.arrived(pos, ['ws', 'stream', 'long', 'poll']);
  await board.resume('sse');
  await board.arrived(pos);
  await page.click('#purge');
  await page.locator('.row.missed').first().waitFor();
  const last = await server.publish(channel, 'bytes', { type: 'application/octet-stream' });
  await board.arrived(last.pos);
  await board.cut('long', 'ws');
  await page.fill('#data', '{"n":');
  await page.locator('#data-fault').waitFor();
}

for (const colorScheme of ['light', 'dark']) {
  for (const width of [390, 1280]) {
    test(`${colorScheme}, ${width} pixels: nothing overflows, axe finds nothing, the console is silent`, async (t) => {
      const opened = await open(t, { colorScheme, viewport: { width, height: 844 } });
      const { page } = opened;
      for (const state of ['fresh', 'full']) {
        if (state === 'full') await fill(opened);
        await page.screenshot({ path: join(shots, `${colorScheme}-${width}-${state}.png`), fullPage: true });
        await looksGood(page, state);
      }
      assert.deepEqual(page.complaints, []);
    });
  }
}

test('the keyboard reaches every control, in reading order and in sight', async (t) => {
  const { page, board } = await open(t);
  await board.cut('sse');
  assert.ok(await walk(page) >= 16);
});

test('by keyboard alone: publish, cut, resume', async (t) => {
  const { page, board } = await open(t);
  await page.focus('#data');
  await page.keyboard.press('Control+Enter');
  await page.locator('.row.published').waitFor();
  await board.button('stream').focus();
  await page.keyboard.press('Enter');
  await board.line('stream', 'cut');
  await page.focus('#cursor-stream');
  await page.keyboard.press('Enter');
  await board.line('stream', 'live');
  const focused = await page.evaluate(() => document.activeElement.getAttribute('aria-label'));
  assert.equal(focused, 'Cut HTTP stream', 'the focus fell from the row that is gone');
});

test('what the page publishes arrives on all five lines, every digit of it', async (t) => {
  const { page, board } = await open(t);
  await page.fill('#event', 'counted');
  await page.fill('#data', '{ "n": 9007199254740993,\n "f": 1.0 }');
  await page.getByRole('button', { name: 'Publish', exact: true }).click();
  const status = page.locator('#status');
  await until('the answer', async () => /^Stored at \S+, answered in /.test(await status.textContent()));
  const pos = (await status.textContent()).match(/at (\S+),/)[1];
  const row = await board.arrived(pos);
  assert.deepEqual(row.marks, each('live'));
  assert.equal(row.text, '{"n":9007199254740993,"f":1.0}');
  const times = await page.$$eval(`[data-pos="${pos}"] .time`, (all) => all.map((e) => e.textContent));
  assert.equal(times.length, 5);
  for (const time of times) assert.match(time, /^\d+(\.\d+)?\s(ms|s)$/);

  await page.check('input[value=text]', { force: true });
  await page.fill('#data', 'it’s “text”');
  await page.getByRole('button', { name: 'Publish', exact: true }).click();
  await until('the text', async () => (await board.rows())[0].text === 'it’s “text”');
});

test('the line of curl does what it says', async (t) => {
  const { page, board, channel } = await open(t);
  for (const [kind, event, data] of [['json', '', '{"a":"it\'s $HOME"}'], ['text', 'two words', '@it\'s "text"\nof `two` lines']]) {
    await page.check(`input[value=${kind}]`, { force: true });
    await page.fill('#event', event);
    await page.fill('#data', data);
    const command = await page.locator('#curl').textContent();
    const { stdout } = await promisify(execFile)('sh', ['-c', `${command} --silent --show-error`]);
    const answer = JSON.parse(stdout);
    assert.equal(answer.channel, channel);
    const row = await board.arrived(answer.pos);
    assert.deepEqual(row.marks, each('live'));
    assert.equal(row.text, data);
  }
});

test('copy puts the line of curl on the clipboard', async (t) => {
  const { page } = await open(t, { permissions: ['clipboard-read', 'clipboard-write'] });
  await page.click('#copy');
  await until('Copied', async () => (await page.textContent('#copy')) === 'Copied');
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await page.textContent('#curl'));
});

test('cut and resume loses nothing and doubles nothing', async (t) => {
  const { page, board, channel } = await open(t);
  const sent = [(await server.publish(channel, '0')).pos];
  await board.arrived(sent[0]);
  await board.cut(...lines);
  for (let i = 1; i <= 20; i++) sent.push((await server.publish(channel, String(i))).pos);
  assert.equal((await board.rows()).length, 1, 'a cut line went on');
  await board.resume(...lines);
  await board.arrived(sent.at(-1));
  sent.push((await server.publish(channel, '21')).pos);
  await board.arrived(sent.at(-1));
  const rows = await board.rows();
  assert.deepEqual(rows.map((row) => row.pos), sent.toReversed());
  for (const row of rows.slice(1, -1)) assert.deepEqual(row.marks, each('late'), row.pos);
  for (const row of [rows[0], rows.at(-1)]) assert.deepEqual(row.marks, each('live'), row.pos);
  assert.deepEqual(page.complaints, []);
});

test('a cut line that the log cannot serve any more is told of a gap', async (t) => {
  const { page, board, channel } = await open(t);
  const { pos: from } = await server.publish(channel, '1');
  await board.arrived(from);
  await board.cut(...lines);
  await page.click('#purge');
  await until('the purge', async () => (await page.textContent('#status')).startsWith('The log is forgotten'));
  const { pos } = await server.publish(channel, '2');
  await board.resume(...lines);
  await board.arrived(pos);
  const [newest, gap, oldest, ...others] = await board.rows();
  assert.deepEqual(others, []);
  assert.equal(newest.pos, pos);
  assert.equal(oldest.pos, from);
  assert.deepEqual(gap.marks, each('gap'));
  assert.match(gap.text, /gap: purged/);
  assert.ok(gap.text.includes(`from ${from}`), gap.text);
  assert.match(gap.text, new RegExp(`to ${pos.split('-')[0]}-0-`));
});

test('a cursor can be written: from 0 comes everything that is kept', async (t) => {
  const { page, board, channel } = await open(t);
  await board.cut('ws');
  const { pos } = await server.publish(channel, '1');
  await page.fill('#cursor-ws', `${channel}@0`);
  await page.getByRole('button', { name: 'Resume WebSocket from this cursor' }).click();
  const row = await board.arrived(pos);
  assert.equal(row.marks.ws, 'late');
});

test('a hidden tab lets go of the connections that others need', async (t) => {
  const { page, board, channel } = await open(t);
  const hide = (hidden) => page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
  await hide(true);
  for (const line of ['sse', 'stream', 'long']) await board.line(line, 'resting');
  const { pos } = await server.publish(channel, '1');
  await board.arrived(pos, ['ws', 'poll']);
  await hide(false);
  const row = await board.arrived(pos);
  assert.deepEqual(row.marks, { ...each('late'), ws: 'live', poll: 'live' });
});

test('the lines come back by themselves when the server does, and say that its log is new', async (t) => {
  const port = await freePort();
  let restarted = await Server.start({ port });
  t.after(() => restarted.stop());
  const page = await watched(browser);
  t.after(() => page.context().close());
  const board = new BoardReader(page);
  await board.open(restarted, 'again');
  const { pos: from } = await restarted.publish('again', '1');
  await board.arrived(from);
  assert.equal(await restarted.stop(), 0);
  restarted = await Server.start({ port });
  const { pos } = await restarted.publish('again', '2');
  const row = await board.arrived(pos);
  for (const line of lines) assert.ok(['live', 'late'].includes(row.marks[line]), `${line}: ${row.marks[line]}`);
  const gaps = (await board.rows()).filter((row) => !row.pos);
  assert.equal(gaps.length, 1, JSON.stringify(gaps));
  assert.match(gaps[0].text, /gap: epoch/);
  assert.deepEqual(gaps[0].marks, each('gap'));
});

describe('the rows', () => {
  test('are bounded', async (t) => {
    const { page, board, channel } = await open(t);
    let pos;
    for (let i = 0; i < 60; i++) ({ pos } = await server.publish(channel, String(i)));
    await board.arrived(pos);
    assert.equal((await board.rows()).length, 50);
    assert.deepEqual(page.complaints, []);
  });

  test('show binary data by its size', async (t) => {
    const { board, channel } = await open(t);
    const { pos } = await server.publish(channel, new Uint8Array(70000), { type: 'application/octet-stream' });
    const row = await board.arrived(pos);
    assert.equal(row.text, '70000 bytes');
    assert.deepEqual(row.marks, each('live'));
  });
});

