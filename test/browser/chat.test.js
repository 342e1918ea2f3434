// examples/chat in Chromium, with wsbridge chat in a terminal.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { Server, freePort, until } from '../server.js';
import { launch, watched } from './chromium.js';
import { looksGood, walk } from './looks.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const shots = fileURLToPath(new URL('../.build/screenshots', import.meta.url));
const binary = fileURLToPath(new URL('../.build/wsbridge', import.meta.url));
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const size = 50 << 20;

let browser, example, origin, dir, big, channels = 0;
const newChannel = () => `chat:${++channels}`;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'wsbridge-chat-'));
  big = randomBytes(size);
  await Promise.all([writeFile(join(dir, 'big.bin'), big), launch().then((b) => { browser = b; }), startExample()]);
});
after(async () => {
  await browser?.close();
  if (example?.exitCode === null) process.kill(-example.pid, 'SIGINT');
  await rm(dir, { recursive: true, force: true });
});

// startExample runs it as its README says, in a group of its own, which is interrupted as by Ctrl-C.
async function startExample() {
  const addr = `127.0.0.1:${await freePort()}`;
  origin = `http://${addr}`;
  example = spawn('go', ['run', './examples/chat', '-addr', addr], { cwd: root, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const output of [example.stdout, example.stderr]) output.setEncoding('utf8').on('data', (text) => { said += text; });
  for (const end = Date.now() + 240e3; Date.now() < end && example.exitCode === null; await pause(50)) {
    if (await fetch(origin).then((answer) => answer.text(), () => null)) return;
  }
  throw new Error(`the chat does not start:\n${said}`);
}

// enter opens the page and joins.
async function enter(t, name, channel, { transport = '', at = origin, ...options } = {}) {
  // Chromium asks before a page that it does not know the address of may open sockets to this machine.
  const page = await watched(browser, { ...options, ...(at !== origin && { permissions: ['local-network-access'] }) });
  t.after(() => page.context().close());
  if (at !== origin) await served(page, at);
  await page.goto(`${at}/?channel=${channel}`);
  await page.fill('#name', name);
  await page.selectOption('#transport', transport);
  await page.keyboard.press('Tab');
  await page.click('text=Join');
  await page.getByText(`${name} joined`).first().waitFor();
  if (transport) assert.equal(await page.textContent('#state'), `connected by ${transport}`);
  return page;
}

// served puts the page of the example in front of another server.
async function served(page, at) {
  const type = { html: 'text/html', css: 'text/css', js: 'text/javascript' };
  for (const file of await readdir(join(root, 'examples/chat/web'))) {
    const path = new RegExp(`^${at}/${file === 'index.html' ? '' : file}(\\?.*)?$`);
    await page.route(path, (route) => route.fulfill({ path: join(root, 'examples/chat/web', file), contentType: type[file.split('.').at(-1)] }));
  }
}

// A Terminal is somebody at wsbridge chat.
class Terminal {
  static async enter(t, name, channel, { transport = 'auto', at = origin } = {}) {
    const terminal = new Terminal();
    terminal.dir = await mkdtemp(join(dir, `${name}-`));
    terminal.said = '';
    terminal.process = spawn(binary, ['chat', channel, '--name', name, '--save', terminal.dir, '--url', at, '--transport', transport]);
    terminal.ended = once(terminal.process, 'close');
    for (const output of [terminal.process.stdout, terminal.process.stderr]) {
      output.setEncoding('utf8').on('data', (text) => { terminal.said += text; });
    }
    t.after(() => terminal.process.kill('SIGKILL'));
    await terminal.shows('/quit leaves');
    return terminal;
  }

  types(line) {
    this.process.stdin.write(`${line}\n`);
  }

  async shows(text) {
    await until(text, async () => this.said.includes(text)).catch((error) => { throw new Error(`${error.message}\n${this.said}`); });
  }
}

async function say(page, text) {
  await page.fill('#text', text);
  await page.press('#text', 'Enter');
}

// picture returns a PNG that the page's own canvas makes.
function picture(page, width, height) {
  return page.evaluate(([width, height]) => {
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const to = canvas.getContext('2d');
    for (let x = 0; x < width; x += 10) {
      to.fillStyle = `hsl(${200 + x / 8} 45% 55%)`;
      to.fillRect(x, 0, 10, height);
    }
    return canvas.toDataURL('image/png').split(',')[1];
  }, [width, height]).then((text) => Buffer.from(text, 'base64'));
}

// held returns the hash and the length of what a page holds at a URL of its own.
function held(locator, attribute) {
  return locator.evaluate(async (e, attribute) => {
    const bytes = await (await fetch(e[attribute])).arrayBuffer();
    const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    return { size: bytes.byteLength, hash: [...sum].map((b) => b.toString(16).padStart(2, '0')).join('') };
  }, attribute);
}

const saveLink = (page) => page.getByRole('link', { name: 'Save' });
const file = (name, buffer, mimeType = 'application/octet-stream') => ({ name, mimeType, buffer });

for (const transport of ['websocket', 'sse', 'http-stream', 'long-poll', 'poll']) {
  test(`two pages and a terminal talk by ${transport}: text, images, files`, async (t) => {
    const channel = newChannel();
    const ann = await enter(t, 'ann', channel, { transport });
    const bob = await enter(t, 'bob', channel, { transport });
    const carl = await Terminal.enter(t, 'carl', channel, { transport });
    for (const page of [ann, bob]) await page.getByText('Here: ann, bob, carl').waitFor();
    await until('the list', async () => {
      carl.types('/who');
      return carl.said.includes('* here: ann, bob, carl\n');
    });

    await say(ann, 'hello <b>all</b>');
    await bob.getByText('hello <b>all</b>').waitFor();
    await carl.shows('ann: hello <b>all</b>\n');
    carl.types('from the terminal');
    for (const page of [ann, bob]) await page.getByText('from the terminal').waitFor();

    const image = await picture(ann, 90, 60);
    await ann.setInputFiles('#files', file('dawn.png', image, 'image/png'));
    await bob.getByAltText('An image that ann sent').waitFor();
    assert.deepEqual(await held(bob.getByAltText('An image that ann sent'), 'src'), { size: image.length, hash: sha256(image) });
    await carl.shows(`ann sent an image: ${join(carl.dir, 'ann.png')}`);
    assert.deepEqual(await readFile(join(carl.dir, 'ann.png')), image);
    carl.types(`/send ${join(carl.dir, 'ann.png')}`);
    for (const page of [ann, bob]) {
      const shown = page.getByAltText('An image that carl sent');
      await shown.waitFor();
      assert.equal((await held(shown, 'src')).hash, sha256(image));
      assert.equal(await shown.evaluate((img) => img.decode().then(() => img.naturalWidth)), 90);
    }

    // More than a window; but whoever polls may come a moment too late for that.
    const megabytes = transport === 'poll' ? 3 : 6;
    const bytes = randomBytes(megabytes << 20);
    await bob.setInputFiles('#files', file('../figures.bin', bytes));
    await saveLink(ann).waitFor();
    assert.deepEqual(await held(saveLink(ann), 'href'), { size: bytes.length, hash: sha256(bytes) });
    await carl.shows('saved ');
    const saved = (await readdir(carl.dir)).filter((name) => name.endsWith('figures.bin'));
    assert.equal(saved.length, 1);
    assert.equal(sha256(await readFile(join(carl.dir, saved[0]))), sha256(bytes));
    await bob.getByText(`${megabytes}.0 MiB, sent`).waitFor();

    carl.types('/quit');
    for (const page of [ann, bob]) await page.getByText('carl left').waitFor();
    assert.deepEqual([await carl.ended].flat()[0], 0);
    await bob.goto('about:blank');
    await ann.getByText('bob left').waitFor();
    await ann.getByText('Here: ann', { exact: true }).waitFor();
    assert.deepEqual([...ann.complaints, ...bob.complaints], []);
  });
}

// heap returns what the server's heap holds, in bytes.
async function heap(admin) {
  const text = await (await fetch(`${admin}/debug/pprof/heap?gc=1&debug=1`)).text();
  return Number(text.match(/^# HeapAlloc = (\d+)/m)[1]);
}

test('a file of 50 MB reaches a page and a terminal whole, while the server holds less than 8 MiB of it', async (t) => {
  const adminPort = await freePort();
  const server = await Server.start({ env: { WSBRIDGE_ADMIN_ADDR: `127.0.0.1:${adminPort}` } });
  t.after(() => server.stop());
  const at = server.origin, admin = `http://127.0.0.1:${adminPort}`, channel = newChannel();
  const ann = await enter(t, 'ann', channel, { at });
  const bob = await enter(t, 'bob', channel, { at });
  const carl = await Terminal.enter(t, 'carl', channel, { at });
  await bob.getByText('Here: ann, bob, carl').waitFor();

  for (let i = 0; i < 10; i++) await heap(admin); // asking costs something too
  const before = await heap(admin);
  let most = 0, asked = 0, done = false;
  const watching = (async () => {
    for (; !done; asked++) {
      most = Math.max(most, await heap(admin));
      await pause(20);
    }
  })();
  await ann.setInputFiles('#files', join(dir, 'big.bin'));
  await saveLink(bob).waitFor({ timeout: 120e3 });
  await until('the file', async () => carl.said.includes(`saved ${join(carl.dir, 'big.bin')}`));
  done = true;
  await watching;
  t.diagnostic(`the heap grew by ${((most - before) / 2 ** 20).toFixed(1)} MiB of ${(before / 2 ** 20).toFixed(1)}, seen ${asked} times`);
  assert.ok(asked > 5);
  assert.deepEqual(await held(saveLink(bob), 'href'), { size, hash: sha256(big) });
  assert.equal(sha256(await readFile(join(carl.dir, 'big.bin'))), sha256(big));
  assert.ok(most - before < 8 << 20, `the heap grew by ${most - before} bytes`);

  // The other way: from the terminal to both pages.
  carl.types(`/send ${join(dir, 'big.bin')}`);
  for (const [page, nth] of [[ann, 0], [bob, 1]]) {
    await saveLink(page).nth(nth).waitFor({ timeout: 120e3 });
    assert.deepEqual(await held(saveLink(page).nth(nth), 'href'), { size, hash: sha256(big) });
  }
  assert.deepEqual([...ann.complaints, ...bob.complaints], []);
});

test('a reader at a tenth of the speed holds the others up by no more than its 5 s', async (t) => {
  const channel = newChannel();
  const ann = await enter(t, 'ann', channel);
  const bob = await enter(t, 'bob', channel);
  await bob.getByText('Here: ann, bob').waitFor();
  const sent = async (nth) => {
    const begun = Date.now();
    await ann.setInputFiles('#files', join(dir, 'big.bin'));
    await saveLink(bob).nth(nth).waitFor({ timeout: 120e3 });
    return Date.now() - begun;
  };
  const alone = await sent(0);

  // Learns of the stream as anyone does, and reads it at a tenth of what bob took.
  const events = new AbortController();
  t.after(() => events.abort());
  const lines = await fetch(`${origin}/v1/http-stream?channels=${channel}`, { signal: events.signal });
  const slow = (async () => {
    let text = '';
    for await (const piece of lines.body.pipeThrough(new TextDecoderStream())) {
      text += piece;
      const id = text.match(/"stream":\{"id":"([^"]+)"/)?.[1];
      if (id) return read(id, size / alone / 10);
    }
  })();
  const beside = await sent(1);
  const { got, whole } = await slow;
  t.diagnostic(`alone ${alone} ms, beside the slow one ${beside} ms; that had ${got} of ${size} bytes${whole ? '' : ' and was cut'}`);
  assert.ok(got > 0 && (whole ? got === size : got < size));
  assert.equal((await held(saveLink(bob).nth(1), 'href')).hash, sha256(big));
  // Its 5 s, and what a busy machine differs by from one time to the next.
  assert.ok(beside < 2 * alone + 5000 + 10_000, `${beside} ms, ${alone} alone`);
});

// read takes so many bytes a millisecond of a stream, to its end or until it is cut.
async function read(id, rate) {
  const [answer] = await once(get(`${origin}/v1/streams/${id}`, { highWaterMark: 16 << 10 }), 'response');
  const begun = Date.now();
  let got = 0;
  try {
    for await (const piece of answer) {
      got += piece.length;
      const due = begun + got / rate - Date.now();
      if (due > 0) await pause(due);
    }
  } catch {
    return { got, whole: false };
  }
  return { got, whole: true };
}

test('an upload that is cancelled is told of at the other side', async (t) => {
  const channel = newChannel();
  const ann = await enter(t, 'ann', channel);
  const bob = await enter(t, 'bob', channel);
  await bob.getByText('Here: ann, bob').waitFor();
  // Bob's download is held back, and with it the upload, so that it is still under way.
  const cdp = await bob.context().newCDPSession(bob);
  await cdp.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: 256 << 10, uploadThroughput: -1 });
  await ann.setInputFiles('#files', join(dir, 'big.bin'));
  await ann.getByRole('button', { name: 'Cancel' }).click();
  await ann.getByText('cancelled').waitFor();
  await bob.locator('[data-done^="not received"]').waitFor({ timeout: 60e3 });
});

for (const colorScheme of ['light', 'dark']) {
  for (const width of [390, 1280]) {
    test(`${colorScheme}, ${width} pixels: nothing overflows, axe finds nothing, the keyboard reaches everything`, async (t) => {
      const channel = newChannel();
      const open = async () => {
        const page = await watched(browser, { colorScheme, viewport: { width, height: 844 } });
        t.after(() => page.context().close());
        await page.goto(`${origin}/?channel=${channel}`);
        return page;
      };
      const door = await open();
      await door.screenshot({ path: join(shots, `chat-${colorScheme}-${width}-join.png`) });
      await looksGood(door, 'before joining');
      assert.equal(await walk(door), 3);
      assert.deepEqual(door.complaints, []);

      const page = await open();
      // By keyboard alone.
      await page.focus('#name');
      await page.keyboard.type('ann');
      await page.keyboard.press('Enter');
      await page.getByText('ann joined').waitFor();
      await page.keyboard.type('Good morning. The figures of the quarter are here; have a look before noon.');
      await page.keyboard.press('Enter');
      const bob = await Terminal.enter(t, 'bob', channel);
      bob.types('Thanks! One long word: ' + 'overflowing'.repeat(12));
      await writeFile(join(bob.dir, 'dawn.png'), await picture(page, 320, 120));
      bob.types(`/send ${join(bob.dir, 'dawn.png')}`);
      await page.getByAltText('An image that bob sent').waitFor();
      await writeFile(join(bob.dir, `figures-${'of-the-quarter-'.repeat(8)}.csv`), randomBytes(300_000));
      bob.types(`/send ${join(bob.dir, `figures-${'of-the-quarter-'.repeat(8)}.csv`)}`);
      await saveLink(page).waitFor();
      await page.route('**/streams?*', () => {}); // never answered: it stays under way
      await page.setInputFiles('#files', file('minutes.pdf', Buffer.alloc(1000)));
      await page.getByRole('button', { name: 'Cancel' }).waitFor();
      await page.screenshot({ path: join(shots, `chat-${colorScheme}-${width}-full.png`) });
      await looksGood(page, 'with talk');
      assert.equal(await walk(page), 6); // the log, save, cancel, text, two buttons
      assert.deepEqual(page.complaints, []);
    });
  }
}
