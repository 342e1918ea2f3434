// curl against the server: publishing, both kinds of polls, both streams, and the refusals
// of an upgrade.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';

import { Server, until } from '../server.js';

let server, channels = 0;
const newChannel = () => `curl-${++channels}`;

before(async () => { server = await Server.start({ env: { WSBRIDGE_HEARTBEAT: '1s' } }); });
after(() => server?.stop());

// A Run is one curl: its output as it comes, answers with headers in front.
class Run {
  constructor(...args) {
    this.process = spawn('curl', ['--silent', '--show-error', '--no-buffer', '--max-time', '60', '--include', ...args]);
    this.output = '';
    this.process.stdout.setEncoding('utf8').on('data', (text) => { this.output += text; });
    this.ended = once(this.process, 'close').then(() => this);
  }

  // of waits for the end of a run.
  static of(...args) {
    return new Run(...args).ended;
  }

  // with waits for the end of a run that reads input.
  static with(input, ...args) {
    const run = new Run(...args);
    run.process.stdin.on('error', () => {}).end(input); // a refusal may come before its end
    return run.ended;
  }

  get head() {
    return this.output.slice(0, this.output.indexOf('\r\n\r\n'));
  }

  get status() {
    return Number(this.head.split(' ')[1]);
  }

  get body() {
    return this.output.slice(this.output.indexOf('\r\n\r\n') + 4);
  }

  get json() {
    return JSON.parse(this.body);
  }

  header(name) {
    return this.head.match(new RegExp(`^${name}: (.*)\r?$`, 'im'))?.[1].trim();
  }

  says(text, count = 1) {
    return until(text, () => this.body.split(text).length > count);
  }
}

const at = (path) => server.origin + path;
const messages = (channel) => at(`/v1/channels/${channel}/messages`);

describe('publish', () => {
  test('JSON, text and bytes', async () => {
    const channel = newChannel();
    const runs = [
      await Run.of('--json', '{"n": 9007199254740993}', messages(channel)),
      await Run.of('-H', 'Content-Type: text/plain', '--data-binary', 'it is text', messages(channel)),
      await Run.of('-H', 'Content-Type: image/png', '--data-binary', 'bytes', `${messages(channel)}?event=picture`),
    ];
    for (const run of runs) {
      assert.equal(run.status, 201, run.output);
      assert.deepEqual(Object.keys(run.json), ['id', 'channel', 'pos', 'duplicate']);
      assert.ok(run.header('x-request-id'));
    }
    const history = await Run.of(`${messages(channel)}?since=0`);
    assert.ok(history.body.includes('"data":{"n":9007199254740993}'), history.body);
    const [, text, bytes] = history.json.messages;
    assert.equal(text.data, 'it is text');
    assert.equal(Buffer.from(bytes.data_base64, 'base64').toString(), 'bytes');
    assert.equal(bytes.event, 'picture');
    assert.deepEqual(bytes.meta, { 'content-type': 'image/png' });
  });

  test('what curl sends without a type is refused, and told what to send', async () => {
    const run = await Run.of('-d', '{"n":1}', messages(newChannel()));
    assert.equal(run.status, 415);
    assert.equal(run.json.code, 'unsupported_media_type');
    assert.match(run.json.detail, /application\/json/);
    assert.match(run.header('content-type'), /^application\/problem\+json/);
  });

  test('a repeat with its idempotency key', async () => {
    const args = ['--json', '1', '-H', 'Idempotency-Key: order-42', messages(newChannel())];
    const [first, second] = [await Run.of(...args), await Run.of(...args)];
    assert.deepEqual([first.status, second.status], [201, 200]);
    assert.deepEqual(second.json, { ...first.json, duplicate: true });
    const other = await Run.of('--json', '2', ...args.slice(2));
    assert.deepEqual([other.status, other.json.code], [422, 'key_reused']);
  });

  test('a body that curl announces with Expect', async () => {
    const run = await Run.with(JSON.stringify('x'.repeat(200e3)), '-H', 'Expect: 100-continue', '--json', '@-', messages(newChannel()));
    assert.match(run.output, /^(HTTP\/1\.1 100 Continue\r\n\r\n)?HTTP\/1\.1 201 Created\r\n/);
  });

  test('too much is refused', async () => {
    const run = await Run.with(Buffer.alloc(300e3), '-H', 'Content-Type: application/octet-stream', '--data-binary', '@-', messages(newChannel()));
    assert.deepEqual([run.status, run.json.code], [413, 'too_large']);
  });
});

describe('poll', () => {
  test('plain: at once, complete, not to be stored', async () => {
    const run = await Run.of(at(`/v1/poll?channels=${newChannel()}&wait=0`));
    assert.equal(run.status, 200);
    assert.equal(Number(run.header('content-length')), run.body.length);
    assert.equal(run.header('transfer-encoding'), undefined);
    assert.equal(run.header('cache-control'), 'no-store');
    const { cursor, ...rest } = run.json;
    assert.deepEqual(rest, { messages: [], gaps: [], more: false, retry: 0 });
    assert.match(cursor, /^curl-\d+@[A-Za-z0-9]+-0-[0-9a-f]{8}$/);
  });

  for (const [name, args] of [
    ['by GET', ({ channel, cursor }) => [at(`/v1/poll?channels=${channel}&cursor=${cursor}&wait=30`)]],
    ['by POST as JSON', (q) => ['--json', JSON.stringify({ channels: [q.channel], cursor: q.cursor, wait: 30 }), at('/v1/poll')]],
    ['by POST as text', (q) => ['-H', 'Content-Type: text/plain', '-d', JSON.stringify({ channels: q.channel, cursor: q.cursor, wait: 30 }), at('/v1/poll')]],
  ]) {
    test(`long: answered by the next message, ${name}`, async () => {
      const channel = newChannel();
      const { json: { cursor } } = await Run.of(at(`/v1/poll?channels=${channel}&wait=0`));
      const run = new Run(...args({ channel, cursor }));
      const { pos } = await server.publish(channel, '"woken"');
      await run.ended;
      assert.equal(run.status, 200, run.output);
      assert.deepEqual(run.json.messages.map((m) => [m.data, m.pos]), [['woken', pos]]);
      assert.equal(run.json.cursor, `${channel}@${pos}`);
    });
  }

  test('at timeout the answer is empty and keeps the cursor', async () => {
    const channel = newChannel();
    const { pos } = await server.publish(channel, '1');
    const run = await Run.of(at(`/v1/poll?cursor=${channel}@${pos}&wait=1`));
    assert.deepEqual(run.json, { messages: [], gaps: [], cursor: `${channel}@${pos}`, more: false, retry: 0 });
  });
});

describe('server-sent events', () => {
  test('welcome, messages and heartbeats as they come', async () => {
    const channel = newChannel();
    const run = new Run(at(`/v1/sse?channels=${channel}`));
    await run.says('event: welcome\n');
    assert.match(run.header('content-type'), /^text\/event-stream/);
    assert.equal(run.header('x-accel-buffering'), 'no');
    const { pos } = await server.publish(channel, '{"n": 9007199254740993}', { event: 'counted' });
    await run.says('event: message\n');
    await run.says('\n:', 1);
    run.process.kill();
    const block = run.body.split('\n\n').find((b) => b.includes('event: message'));
    assert.ok(block.includes(`id: ${channel}@${pos}`), block);
    const data = block.split('\n').find((l) => l.startsWith('data: '));
    assert.ok(data.includes('"data":{"n":9007199254740993}'), data);
    assert.equal(JSON.parse(data.slice(6)).event, 'counted');
  });

  test('resumes by Last-Event-ID, which beats the cursor', async () => {
    const channel = newChannel();
    const stored = [];
    for (let n = 0; n < 3; n++) stored.push(await server.publish(channel, String(n)));
    const run = new Run('-H', `Last-Event-ID: ${channel}@${stored[1].pos}`, at(`/v1/sse?cursor=${channel}@${stored[0].pos}`));
    await run.says(`id: ${channel}@${stored[2].pos}`);
    run.process.kill();
    assert.equal(run.body.split('event: message').length - 1, 1, run.body);
  });

  test('a POST body works as well', async () => {
    const channel = newChannel();
    const { pos } = await server.publish(channel, '1');
    const run = new Run('--json', JSON.stringify({ cursor: `${channel}@${pos}` }), at('/v1/sse'));
    await run.says(`id: ${channel}@${pos}`);
    run.process.kill();
  });
});

describe('HTTP stream', () => {
  test('lines as they come, and a gap where there is one', async () => {
    const channel = newChannel();
    const run = new Run(at(`/v1/http-stream?channels=${channel}`));
    await run.says('"type":"welcome"');
    assert.match(run.header('content-type'), /^application\/x-ndjson/);
    const { pos } = await server.publish(channel, '"line"');
    await run.says('"type":"message"');
    await run.says('"type":"heartbeat"');
    assert.equal((await Run.of('-X', 'DELETE', messages(channel))).status < 300, true);
    await run.says('"type":"gap"');
    run.process.kill();
    const lines = run.body.trim().split('\n').map((line) => JSON.parse(line)).filter((line) => line.type !== 'heartbeat');
    assert.deepEqual(lines.map((line) => line.type), ['welcome', 'message', 'gap']);
    assert.equal(lines[1].cursor, `${channel}@${pos}`);
    assert.deepEqual([lines[2].reason, lines[2].from], ['purged', pos]);
  });
});

describe('an upgrade that is none', () => {
  const handshake = (changes) => Object.entries({
    Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', ...changes,
  }).filter(([, value]) => value !== null).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);

  for (const [name, args, status, more] of [
    ['a plain GET', [], 426, (run) => assert.equal(run.header('upgrade')?.toLowerCase(), 'websocket')],
    ['another version', handshake({ 'Sec-WebSocket-Version': '8' }), 426, (run) => assert.equal(run.header('sec-websocket-version'), '13')],
    ['no key', handshake({ 'Sec-WebSocket-Key': null }), 400],
    ['a short key', handshake({ 'Sec-WebSocket-Key': 'c2hvcnQ=' }), 400],
    ['a foreign origin', handshake({ Origin: 'https://foreign.example' }), 403, (run) => assert.equal(run.json.code, 'origin')],
    ['only other subprotocols', handshake({ 'Sec-WebSocket-Protocol': 'mqtt' }), 400],
    ['POST', ['-X', 'POST'], 405, (run) => assert.match(run.header('allow'), /GET/)],
  ]) {
    test(name, async () => {
      const run = await Run.of(...args, at('/v1/ws?channels=a'));
      assert.equal(run.status, status, run.output);
      assert.match(run.header('content-type'), /^application\/problem\+json/);
      assert.ok(run.json.code);
      more?.(run);
    });
  }

  test('and one that is', async () => {
    const run = new Run(...handshake({}), at('/v1/ws?channels=a'));
    await until('101', () => /^HTTP\/1.1 101 /.test(run.output));
    await until('the first frame', () => run.body.includes('"type":"welcome"'));
    run.process.kill();
    assert.equal(run.header('sec-websocket-accept'), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  });
});

for (const path of ['/v1/poll', '/v1/sse', '/v1/http-stream']) {
  test(`a foreign origin is refused at ${path}`, async () => {
    const run = await Run.of('-H', 'Origin: https://foreign.example', at(`${path}?channels=a&wait=0`));
    assert.deepEqual([run.status, run.json.code], [403, 'origin']);
    assert.equal(run.header('access-control-allow-origin'), undefined);
  });
}
