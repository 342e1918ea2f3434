// The built package against the real server, over every transport.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Client } from '@wsbridge/client';
import { WebSocket } from 'ws';

import { Server, keys, until } from '../../test/server.js';

let server, locked, channels = 0;
const newChannel = () => `js-${++channels}`;

before(async () => {
  [server, locked] = await Promise.all([Server.start(), Server.start({ mode: '', env: keys })]);
});
after(() => Promise.all([server?.stop(), locked?.stop()]));

// follow collects what a subscription is told.
function follow(sub) {
  const seen = { messages: [], gaps: [] };
  sub.addEventListener('message', ({ data, event, pos }) => seen.messages.push({ data, event, pos }));
  sub.addEventListener('gap', ({ reason, from, to }) => seen.gaps.push({ reason, from, to }));
  return seen;
}

const publishAll = async (channel, from, to) => {
  for (let n = from; n <= to; n++) await server.publish(channel, String(n));
};
const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

for (const transport of ['websocket', 'sse', 'http-stream', 'long-poll', 'poll']) {
  describe(transport, () => {
    // opened returns a client of this transport that is closed with the test.
    function opened(t, options) {
      const client = new Client(server.origin, { transports: [transport], WebSocket, pollEvery: 50, ...options });
      t.after(() => client.close());
      return client;
    }

    test('gets messages, publishes, and reads history', async (t) => {
      const client = opened(t);
      const channel = newChannel();
      const sub = client.channel(channel).subscribe();
      const messages = [];
      sub.addEventListener('message', (event) => messages.push(event));
      await sub.ready;
      assert.equal(client.state, 'connected');
      assert.equal(client.transport, transport);

      const first = await client.publish(channel, { n: 1 }, { event: 'counted', meta: { a: 'b' }, idempotencyKey: 'key-1' });
      assert.equal(first.duplicate, false);
      const again = await client.publish(channel, { n: 1 }, { event: 'counted', idempotencyKey: 'key-1' });
      assert.deepEqual(again, { ...first, duplicate: true });
      await client.channel(channel).publish(new Uint8Array([0, 255, 7]));
      await client.channel(channel).publish(new Blob(['text']));
      await until('all messages', () => messages.length === 3);
      const [json, bytes, blob] = messages;
      assert.deepEqual([json.data, json.event, json.id, json.pos, json.channel, json.meta], [{ n: 1 }, 'counted', first.id, first.pos, channel, { a: 'b' }]);
      assert.ok(Date.parse(json.time) && json.from.client);
      assert.deepEqual(bytes.data, new Uint8Array([0, 255, 7]));
      assert.deepEqual(blob.data, new TextEncoder().encode('text'));
      assert.equal(sub.pos, blob.pos);
      assert.equal(client.cursor, `${channel}@${blob.pos}`);

      const newest = await client.channel(channel).history({ limit: 2 });
      assert.deepEqual(newest.messages.map((m) => m.data), [bytes.data, blob.data]);
      const older = await client.channel(channel).history({ before: bytes.pos });
      assert.deepEqual(older.messages.map((m) => m.data), [{ n: 1 }]);
      const behind = await client.channel(channel).history({ since: first.pos, limit: 1 });
      assert.deepEqual(behind.messages.map((m) => m.data), [bytes.data]);
    });

    test('goes on from a cursor, from the oldest, and with other channels meanwhile', async (t) => {
      const [a, b, c] = [newChannel(), newChannel(), newChannel()];
      const client = opened(t);
      const first = client.channel(a).subscribe();
      await first.ready;
      await publishAll(a, 1, 5);
      await until('5', () => first.pos.includes('-5-'));
      const { cursor } = client;
      await client.close();
      await publishAll(a, 6, 10);
      await publishAll(b, 1, 3);

      const next = opened(t, { cursor });
      const onA = follow(next.channel(a).subscribe());
      const onB = follow(next.channel(b).subscribe({ since: '0' }));
      await until('what was missed', () => onA.messages.length === 5 && onB.messages.length === 3);
      const third = next.channel(c).subscribe();
      const onC = follow(third);
      await third.ready;
      await Promise.all([publishAll(a, 11, 30), publishAll(b, 4, 20), publishAll(c, 1, 20)]);
      await until('all', () => onA.messages.length + onB.messages.length + onC.messages.length >= 25 + 20 + 20);
      assert.deepEqual(onA.messages.map((m) => m.data), numbers(6, 30));
      assert.deepEqual(onB.messages.map((m) => m.data), numbers(1, 20));
      assert.deepEqual(onC.messages.map((m) => m.data), numbers(1, 20));
      assert.deepEqual([onA.gaps, onB.gaps, onC.gaps], [[], [], []]);
    });

    test('serves several subscriptions of one channel, each from where it stands', async (t) => {
      const channel = newChannel();
      await publishAll(channel, 1, 3);
      const client = opened(t);
      const now = client.channel(channel).subscribe();
      const onNow = follow(now);
      await now.ready;
      const oldest = follow(client.channel(channel).subscribe({ since: '0' }));
      await publishAll(channel, 4, 6);
      await until('all of the older', () => oldest.messages.length >= 6);
      const later = client.channel(channel).subscribe();
      const onLater = follow(later);
      await later.ready;
      await publishAll(channel, 7, 9);
      await until('the last', () => [onNow, oldest, onLater].every((seen) => seen.messages.at(-1)?.data === 9));
      assert.deepEqual(onNow.messages.map((m) => m.data), numbers(4, 9));
      assert.deepEqual(oldest.messages.map((m) => m.data), numbers(1, 9));
      assert.deepEqual(onLater.messages.map((m) => m.data), numbers(7, 9));
    });

    test('tells gaps, and goes on behind them', async (t) => {
      const channel = newChannel();
      const client = opened(t);
      const sub = client.channel(channel).subscribe();
      const seen = follow(sub);
      await sub.ready;
      await publishAll(channel, 1, 2);
      await until('two', () => seen.messages.length === 2);
      const stood = sub.pos;
      await fetch(`${server.origin}/v1/channels/${channel}/messages`, { method: 'DELETE' });
      await until('the gap', () => seen.gaps.length);
      assert.equal(seen.gaps[0].reason, 'purged');
      assert.equal(seen.gaps[0].from, stood);
      assert.equal(seen.gaps[0].to, sub.pos);
      await publishAll(channel, 3, 4);
      await until('two more', () => seen.messages.length === 4);
      assert.equal(seen.gaps.length, 1);
    });

    test('is read by an iterator that is slow, without a loss', async (t) => {
      const channel = newChannel();
      const client = opened(t);
      const sub = client.channel(channel).subscribe({ since: '0' });
      const other = client.channel(newChannel()).subscribe();
      await Promise.all([sub.ready, other.ready]);
      const reading = sub[Symbol.asyncIterator]();
      const first = reading.next();
      const items = numbers(1, 2000).map((data) => ({ channel, data }));
      for (const part of [items.slice(0, 1000), items.slice(1000)]) {
        const answer = await fetch(`${server.origin}/v1/messages`, {
          method: 'POST', body: JSON.stringify({ messages: part }), headers: { 'Content-Type': 'application/json' },
        });
        assert.equal((await answer.json()).failed, 0);
      }
      const got = [(await first).value.data];
      let stood = sub.pos;
      await until('it stands still', () => stood === (stood = sub.pos));
      assert.ok(sub.pos.includes('-1-'), `its position is that of what was read, not ${sub.pos}`);
      for await (const message of { [Symbol.asyncIterator]: () => reading }) {
        got.push(message.data);
        if (message.data % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
        if (message.data === 2000) break;
      }
      assert.deepEqual(got, numbers(1, 2000));
      assert.equal(sub.active, false, 'leaving the loop unsubscribes');
    });

    test('asks for tokens, and ends what is forbidden alone', async (t) => {
      const reasons = [];
      const client = new Client(locked.origin, {
        transports: [transport], WebSocket, pollEvery: 50,
        token: ({ reason }) => {
          reasons.push(reason);
          return locked.token({ capabilities: { 'open-*': ['subscribe', 'publish'] } });
        },
      });
      t.after(() => client.close());
      const open = client.channel('open-1').subscribe();
      await open.ready;
      const forbidden = client.channel('shut-1').subscribe();
      await assert.rejects(forbidden.ready, { code: 'forbidden' });
      assert.equal(forbidden.active, false);
      const seen = follow(open);
      await assert.rejects(client.publish('shut-1', 1), { code: 'forbidden' });
      await client.publish('open-1', 'still there');
      await until('the message', () => seen.messages.length === 1);
      assert.equal(client.state, 'connected');
      assert.deepEqual(reasons, ['connect']);
    });

    test('stops where the server says so', async (t) => {
      const client = new Client(locked.origin, { transports: [transport], WebSocket, token: 'no.token.at-all' });
      t.after(() => client.close());
      const errors = [];
      client.addEventListener('error', ({ code }) => errors.push(code));
      const sub = client.channel('a').subscribe();
      await assert.rejects(sub.ready, { code: 'token_invalid' });
      assert.equal(client.state, 'closed');
      assert.deepEqual(errors, ['token_invalid']);
      await assert.rejects(client.publish('a', 1), { code: 'closed' });
      assert.throws(() => client.channel('a').subscribe(), { code: 'closed' });
    });

    test('comes back after a restart of the server, from where it stood', async (t) => {
      let other = await Server.start();
      t.after(() => other.stop('SIGKILL'));
      const client = new Client(other.origin, { transports: [transport], WebSocket, pollEvery: 50 });
      t.after(() => client.close());
      const states = [];
      client.addEventListener('state', ({ state }) => states.push(state));
      const sub = client.channel('a').subscribe();
      const seen = follow(sub);
      await sub.ready;
      await client.publish('a', 1);
      await until('the first', () => seen.messages.length === 1);
      const { port } = other;
      await other.stop('SIGKILL');
      await until('it is down', () => client.state === 'connecting');
      other = await Server.start({ port });
      const published = await client.publish('a', 2);
      await until('the second', () => seen.messages.length === 2);
      assert.deepEqual(seen.gaps.map((gap) => gap.reason), ['epoch'], 'the log was in memory');
      assert.equal(sub.pos, published.pos);
      assert.equal(states.at(-1), 'connected');
    });
  });
}
