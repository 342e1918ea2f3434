// What a subscription hands over when lines overlap, begin anew, or tell the same gap twice.
// P(3) is a position in the epoch P; P(3, 'b') one on another branch, after a rollback.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { source } from './source.js';

const { Subscription } = await source('subscription');
const at = (epoch) => (offset, branch = 'a') => `${epoch}-${offset}-${branch.repeat(8)}`;
const [P, Q, R] = [at('P'), at('Q'), at('R')];

// opened returns a subscription that has begun at a position, and what it handed over.
function opened(since, begins = since) {
  const sub = new Subscription('a', { _enter() {}, _leave() {} }, { since });
  const told = [];
  sub.addEventListener('message', ({ pos }) => told.push(pos));
  sub.addEventListener('gap', ({ reason, from, to }) => told.push(`${reason} ${from} ${to}`));
  sub._attach(line, begins);
  return { sub, told };
}
const message = (pos) => ({ type: 'message', channel: 'a', pos, data: 1 });
const gap = (reason, from, to) => ({ type: 'gap', channel: 'a', reason, from, to });
const line = {};
const say = (sub, ...all) => { for (const it of all) sub._hear(line, typeof it === 'string' ? message(it) : it); };

test('messages come once, in order, and move the position before they are handed over', () => {
  const { sub, told } = opened(undefined, P(4));
  sub.addEventListener('message', ({ pos }) => assert.equal(sub.pos, pos));
  say(sub, P(5), P(6), P(6), P(5), P(7));
  assert.deepEqual(told, [P(5), P(6), P(7)]);
});

test('a new line that begins further back says what is known', () => {
  const { sub, told } = opened(P(2));
  say(sub, P(3), P(4), P(5));
  sub._attach(line, P(3));
  say(sub, P(4), P(5), P(6));
  assert.deepEqual(told, [P(3), P(4), P(5), P(6)]);
});

test('a gap that the old line told already is not told again by the new one', () => {
  const { sub, told } = opened(P(2));
  say(sub, P(3), gap('purged', P(3), Q(0)), Q(1), Q(2));
  sub._attach(line, P(2)); // it was asked for before the gap came
  say(sub, P(3), gap('purged', P(3), Q(0)), Q(1), Q(2), Q(3));
  assert.deepEqual(told, [P(3), `purged ${P(3)} ${Q(0)}`, Q(1), Q(2), Q(3)]);
});

test('the same for a rollback, where offsets come again within the epoch', () => {
  const { sub, told } = opened(P(5));
  say(sub, P(6), P(7), gap('rollback', P(7), P(5)), P(6, 'b'));
  sub._attach(line, P(7));
  say(sub, gap('rollback', P(7), P(5)), P(6, 'b'), P(7, 'b'));
  assert.deepEqual(told, [P(6), P(7), `rollback ${P(7)} ${P(5)}`, P(6, 'b'), P(7, 'b')]);
});

test('a rollback that only the new line tells begins where the subscription stands', () => {
  const { sub, told } = opened(P(2));
  say(sub, P(3), P(4));
  sub._attach(line, P(2));
  say(sub, P(3), P(4), gap('rollback', P(4), P(3)), P(4, 'b'));
  assert.deepEqual(told, [P(3), P(4), `rollback ${P(4)} ${P(3)}`, P(4, 'b')]);
});

test('what was rolled back before the new line came there is told as a gap over all that was passed', () => {
  const { sub, told } = opened(P(2));
  say(sub, P(3), P(4), P(5));
  sub._attach(line, P(2));
  say(sub, P(3), P(4, 'b'), P(5, 'b'), P(6, 'b'));
  assert.deepEqual(told, [P(3), P(4), P(5), `rollback ${P(5)} ${P(5, 'b')}`, P(6, 'b')]);
});

test('a trimmed gap in front of what is known is none, one that goes beyond is', () => {
  const { sub, told } = opened(P(9));
  sub._attach(line, P(2));
  say(sub, gap('trimmed', P(2), P(7)), P(8), P(9), P(10));
  sub._attach(line, P(2));
  say(sub, gap('trimmed', P(2), P(14)), P(15));
  assert.deepEqual(told, [P(10), `trimmed ${P(10)} ${P(14)}`, P(15)]);
});

test('an epoch that nobody knew of is told with where the subscription stands', () => {
  const { sub, told } = opened(Q(3));
  sub._attach(line, P(2));
  say(sub, gap('epoch', P(2), R(0)), R(1));
  assert.deepEqual(told, [`epoch ${Q(3)} ${R(0)}`, R(1)]);
});

test('a line that does not serve it any more is not heard', () => {
  const { sub, told } = opened(P(2));
  sub._line = undefined;
  say(sub, P(3), gap('purged', P(2), Q(0)));
  assert.deepEqual([told, sub.pos], [[], P(2)]);
});

test('an iterator that is slow has it rest, and go on where the queue ends', async () => {
  const moves = [];
  const sub = new Subscription('a', { _enter: (sub) => moves.push(`enter ${sub._pos}`), _leave: (sub) => { moves.push(`leave ${sub._pos}`); sub._line = undefined; } }, { since: P(0) });
  sub._attach(line, P(0));
  const reading = sub[Symbol.asyncIterator]();
  const first = reading.next();
  for (let n = 1; n <= 600; n++) say(sub, P(n));
  assert.equal((await first).value.pos, P(1));
  const rested = moves.at(-1);
  assert.match(rested, /^leave P-51\d-/);
  for (let n = 2; n <= 300; n++) await reading.next();
  assert.equal(moves.at(-1), rested.replace('leave', 'enter'));
  assert.equal(sub.pos, P(300));
  await reading.return();
  assert.equal(sub.active, false);
});
