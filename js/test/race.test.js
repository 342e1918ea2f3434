// Who wins when which transport answers, fails or says nothing, on a clock of the test.

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import { source } from './source.js';

const { race, groupsOf, Failure } = await source('race', 'failure');
const all = ['websocket', 'sse', 'http-stream', 'long-poll', 'poll'];

// A script says for each transport when it answers (milliseconds), or how it fails.
async function run(script, { first, transports = all } = {}) {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const started = {}, closed = [];
  const begun = Date.now();
  const open = (transport, opening) => {
    const line = {
      _transport: transport, _over: false,
      _close() { this._over = true; closed.push(transport); },
      _fail(failure) { this._close(); opening._fail(failure); },
      opening,
    };
    start(line);
    return line;
  };
  const start = (line) => {
    started[line._transport] = Date.now() - begun;
    const [after, failure] = [script[line._transport]].flat();
    if (after === undefined) return;
    setTimeout(() => {
      if (line._over) return;
      if (failure) line._fail(failure);
      else line.opening._open();
    }, after);
  };
  let outcome;
  race(groupsOf(transports, first), {
    _open: open,
    _won: (line) => { outcome = { won: line._transport, at: Date.now() - begun }; },
    _lost: (failure) => { outcome = { failed: failure.code, at: Date.now() - begun }; },
  });
  for (let i = 0; i < 3000 && !outcome; i++) {
    mock.timers.tick(10);
    await Promise.resolve();
    await Promise.resolve();
    await Promise.resolve();
  }
  mock.timers.reset();
  return { ...outcome, started, closed: closed.sort() };
}
const next = (code) => new Failure(code, 'next');

test('a WebSocket that answers is alone', async () => {
  const { won, started } = await run({ websocket: 100 });
  assert.deepEqual([won, Object.keys(started)], ['websocket', ['websocket']]);
});

test('one that is refused has the others started at once', async () => {
  const { won, started, closed } = await run({ websocket: [50, next('network')], sse: 40, 'http-stream': 30, 'long-poll': 20 });
  assert.equal(won, 'sse');
  assert.ok(started.sse >= 50 && started.sse < 100);
  assert.deepEqual(closed, ['http-stream', 'long-poll', 'websocket']);
});

test('one that is silent has its budget, and may still win', async () => {
  const silent = await run({ sse: 40, 'long-poll': 20 });
  assert.equal(silent.won, 'sse');
  assert.ok(silent.started.sse >= 2500 && silent.at < 2700);
  const late = await run({ websocket: 2600, sse: 5000 });
  assert.deepEqual([late.won, late.started.sse >= 2500], ['websocket', true]);
});

test('a poll that answers gives streams a moment, and wins when they are held back', async () => {
  const { won, at } = await run({ websocket: [10, next('network')], 'long-poll': 20 });
  assert.equal(won, 'long-poll');
  assert.ok(at >= 170 && at < 400);
});

test('what worked before is alone, until it does not', async () => {
  const known = await run({ 'long-poll': 20, websocket: 5 }, { first: 'long-poll' });
  assert.deepEqual([known.won, Object.keys(known.started)], ['long-poll', ['long-poll']]);
  const moved = await run({ 'long-poll': [20, next('http_502')], websocket: 5 }, { first: 'long-poll' });
  assert.equal(moved.won, 'websocket');
});

test('what the server says holds for all', async () => {
  const stop = await run({ websocket: [20, new Failure('token_invalid', 'stop')] });
  assert.deepEqual([stop.failed, Object.keys(stop.started)], ['token_invalid', ['websocket']]);
  const busy = await run({ websocket: [10, next('network')], sse: [20, new Failure('unavailable', 'busy')], 'long-poll': 5000 });
  assert.equal(busy.failed, 'unavailable');
  assert.deepEqual(busy.closed, ['http-stream', 'long-poll', 'sse', 'websocket']);
});

test('where nothing gets through it ends, with the reason', async () => {
  const refused = await run(Object.fromEntries(all.map((transport) => [transport, [10, next('http_502')]])));
  assert.equal(refused.failed, 'http_502');
  const swallowed = await run({});
  assert.equal(swallowed.failed, 'timeout');
  assert.equal(swallowed.closed.length, all.length);
  assert.ok(swallowed.at < 20_000);
});
