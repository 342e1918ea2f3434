// The browser client as it is shipped, in Chromium, through what networks do to it. In every
// case a ledger in the page holds that each of at least 500 messages came once and in order.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';

import { Balancer } from '../balancer.js';
import { FaultProxy } from '../faults.js';
import { Redis } from '../redis.js';
import { Server, apiKey, freePort, keys, until } from '../server.js';
import { launch } from './chromium.js';

const page = '<!doctype html><title>client</title><script src="/client.js"></script>';
let server, locked, browser, channels = 0;

before(async () => {
  [server, locked, browser] = await Promise.all([
    Server.start({ env: { WSBRIDGE_HEARTBEAT: '1s' } }), Server.start({ mode: '', env: keys }), launch({ backForwardCache: true }),
  ]);
});
after(async () => {
  await browser?.close();
  await Promise.all([server?.stop(), locked?.stop()]);
});

// A visit is a page behind a proxy of its own, with a client that follows a channel.
class Visit {
  published = 0;

  // open resolves when the page runs the client; since is '0' so that the ledger begins with 1.
  static async open(t, { upstream = server, proxy: faults = {}, client = {}, context, token } = {}) {
    const visit = new Visit();
    visit.upstream = upstream;
    visit.channel = `client-${++channels}`;
    visit.proxy = await FaultProxy.start(() => visit.upstream.origin);
    Object.assign(visit.proxy, faults);
    visit.proxy.pages.set('/page', page).set('/other', '<!doctype html><title>other</title>');
    visit.context = context ?? await browser.newContext();
    visit.page = await visit.context.newPage();
    t.after(async () => {
      await visit.context.close();
      visit.proxy.close();
    });
    visit.complaints = [];
    visit.page.on('pageerror', (error) => visit.complaints.push(String(error)));
    if (token) await visit.page.exposeFunction('getToken', token);
    await visit.page.goto(`${visit.proxy.origin}/page`);
    visit.options = client;
    await visit.follow();
    return visit;
  }

  follow(options = this.options) {
    return this.page.evaluate(([channel, options, withToken]) => {
      globalThis.ledger = [];
      globalThis.states = [];
      globalThis.client = new wsbridge.Client({ ...options, ...(withToken && { token: ({ reason }) => getToken(reason) }) });
      client.addEventListener('state', ({ state, transport, reason }) => states.push({ state, transport, reason, at: performance.now() }));
      client.addEventListener('error', ({ code }) => states.push({ error: code }));
      globalThis.sub = client.channel(channel).subscribe({ since: '0' });
      sub.addEventListener('message', ({ data }) => ledger.push(data));
      sub.addEventListener('gap', (gap) => ledger.push(`gap ${gap.reason}`));
    }, [this.channel, options, this.upstream === locked]);
  }

  // publish numbers the messages, and goes on until each is in.
  async publish(count) {
    for (const end = this.published + count; this.published < end;) {
      const answer = await fetch(`${this.upstream.origin}/v1/channels/${this.channel}/messages`, {
        method: 'POST', body: String(this.published + 1),
        headers: { 'Content-Type': 'application/json', 'Idempotency-Key': `n-${this.published + 1}`, Authorization: `Bearer ${apiKey}` },
      }).catch(() => null);
      if (answer?.ok) this.published++;
      else await pause(50);
      await answer?.body?.cancel();
    }
  }

  state() {
    return this.page.evaluate(() => ({ state: client.state, transport: client.transport, states, seen: ledger.length }));
  }

  transport(transport) {
    return until(`connected by ${transport}`, async () => {
      const { state, transport: by } = await this.state();
      return state === 'connected' && by === transport;
    });
  }

  caughtUp() {
    return until(`${this.published} messages`, async () => (await this.state()).seen >= this.published);
  }

  // balanced holds the ledger against what was published.
  async balanced() {
    await this.caughtUp();
    assert.ok(this.published >= 500, `only ${this.published} were published`);
    const ledger = await this.page.evaluate(() => ledger);
    assert.deepEqual(ledger, Array.from({ length: this.published }, (_, i) => i + 1));
    assert.deepEqual(this.complaints, []);
  }
}

describe('what gets through', { concurrency: 2 }, () => {
  test('WebSocket allowed', async (t) => {
    const visit = await Visit.open(t);
    await visit.transport('websocket');
    await visit.publish(500);
    await visit.balanced();
  });

  test('WebSocket refused, with a page', async (t) => {
    const visit = await Visit.open(t, { proxy: { webSockets: 'refuse' } });
    await visit.transport('sse');
    await visit.publish(500);
    await visit.balanced();
    assert.deepEqual(await visit.page.evaluate(() => Object.values(sessionStorage).map((entry) => entry.split(' ')[0])), ['sse']);

    // The next page begins with what worked.
    visit.proxy.requests.length = 0;
    await visit.page.reload();
    await visit.follow();
    await visit.transport('sse');
    assert.deepEqual(visit.proxy.requests.filter((url) => url.startsWith('/v1/')), ['/v1/sse']);
    await visit.balanced();
  });

  test('WebSocket accepted and then silent', async (t) => {
    const visit = await Visit.open(t, { proxy: { webSockets: 'silent' } });
    await visit.publish(100);
    await visit.transport('sse');
    await visit.publish(400);
    await visit.balanced();
  });

  test('only complete responses pass', async (t) => {
    const visit = await Visit.open(t, { proxy: { webSockets: 'refuse', whole: true } });
    await visit.transport('long-poll');
    await visit.publish(500);
    await visit.balanced();
  });

  test('streams are held back after their beginning', async (t) => {
    const visit = await Visit.open(t, { proxy: { webSockets: 'refuse' } });
    await visit.transport('sse');
    await visit.publish(250);
    await visit.caughtUp();
    visit.proxy.whole = true;
    visit.proxy.stall();
    await visit.publish(250);
    await visit.transport('long-poll');
    await visit.balanced();
  });

  test('upgrades to WebSocket while messages come', async (t) => {
    const visit = await Visit.open(t, { proxy: { webSockets: 'refuse' }, client: { upgradeAfter: 500 } });
    await visit.transport('sse');
    await visit.publish(100);
    visit.proxy.webSockets = 'pass';
    const moved = visit.transport('websocket');
    await visit.publish(500);
    await moved;
    await visit.publish(100);
    await visit.balanced();
    const { states } = await visit.state();
    assert.deepEqual(states.map(({ state, transport }) => `${state} ${transport}`), ['connecting undefined', 'connected sse', 'connected websocket'], 'it moved without a pause');
  });
});

describe('what breaks', { concurrency: 2 }, () => {
  test('cut again and again', async (t) => {
    const visit = await Visit.open(t);
    await visit.transport('websocket');
    for (let i = 0; i < 5; i++) {
      await visit.publish(50);
      visit.proxy.cut();
      await visit.publish(50);
      await until('it is back', async () => (await visit.state()).state === 'connected');
      await pause(1000);
    }
    await visit.publish(50);
    assert.ok(visit.proxy.cuts >= 5, `${visit.proxy.cuts} lines were cut`);
    await visit.balanced();
  });

  for (const [transport, transports] of [['websocket', undefined], ['long-poll', ['long-poll']]]) {
    test(`idle lines are ended after 10 s: ${transport}`, async (t) => {
      const quiet = await Server.start(); // with the heartbeat of 25 s
      t.after(() => quiet.stop());
      const visit = await Visit.open(t, { upstream: quiet, proxy: { idle: 10_000 }, client: { transports } });
      await visit.transport(transport);
      await visit.publish(250);
      await visit.caughtUp();
      const { cuts } = visit.proxy;
      await until('a line was ended', () => visit.proxy.cuts > cuts);
      await visit.publish(250);
      await visit.balanced();
    });
  }

  test('offline and online', async (t) => {
    const visit = await Visit.open(t);
    await visit.transport('websocket');
    await visit.publish(200);
    await visit.caughtUp();
    await visit.context.setOffline(true);
    visit.proxy.gone = true;
    visit.proxy.cut();
    await until('it says so', async () => (await visit.state()).state === 'offline');
    await visit.publish(200);
    visit.proxy.gone = false;
    await visit.context.setOffline(false);
    await visit.transport('websocket');
    await visit.publish(200);
    await visit.balanced();
  });

  test('a socket that is dead and looks open', async (t) => {
    const visit = await Visit.open(t);
    await visit.transport('websocket');
    await visit.publish(250);
    await visit.caughtUp();
    visit.proxy.stall();
    await visit.publish(250);
    await visit.balanced();
  });

  test('a page that is frozen, hidden and comes back', async (t) => {
    const visit = await Visit.open(t);
    await visit.transport('websocket');
    await visit.publish(200);
    const session = await visit.context.newCDPSession(visit.page);
    await session.send('Page.setWebLifecycleState', { state: 'frozen' });
    visit.proxy.cut();
    await visit.publish(200);
    await session.send('Page.setWebLifecycleState', { state: 'active' });
    await visit.publish(200);
    await visit.balanced();
  });

  test('the back/forward cache', async (t) => {
    const visit = await Visit.open(t);
    await visit.transport('websocket');
    await visit.page.evaluate(() => addEventListener('pageshow', ({ persisted }) => { globalThis.persisted = persisted; }));
    await visit.publish(200);
    await visit.caughtUp();
    await visit.page.goto(`${visit.proxy.origin}/other`);
    await visit.publish(200);
    await visit.page.goBack({ waitUntil: 'commit' });
    assert.equal(await visit.page.evaluate(() => globalThis.persisted), true, 'the page came out of the cache');
    await visit.transport('websocket');
    await visit.publish(200);
    await visit.balanced();
  });

  test('a token that expires', async (t) => {
    const reasons = [];
    const visit = await Visit.open(t, {
      upstream: locked,
      token: async (reason) => {
        reasons.push(reason);
        if (reason === 'expiring') throw new Error('the backend is away');
        return locked.token({ ttl: reason === 'connect' ? '2s' : '1h', capabilities: { '*': ['subscribe'] } });
      },
    });
    await visit.transport('websocket');
    await visit.publish(250);
    // The server closes the line with 4203 when the leeway of 30 s is over.
    for (const end = Date.now() + 60_000; !reasons.includes('expired') && Date.now() < end;) await pause(100);
    await visit.publish(250);
    await visit.balanced();
    assert.deepEqual(reasons, ['connect', 'expiring', 'expired']);
    assert.ok((await visit.state()).states.some(({ error }) => error === 'token'));
  });
});

describe('with Redis', { concurrency: 2 }, () => {
  test('Redis frozen', async (t) => {
    const redis = await Redis.start(t);
    const instance = await Server.start({ env: { WSBRIDGE_REDIS_URL: redis.url } });
    t.after(() => instance.stop());
    const visit = await Visit.open(t, { upstream: instance });
    await visit.transport('websocket');
    await visit.publish(250);
    redis.freeze();
    const refused = await fetch(`${instance.origin}/v1/channels/${visit.channel}/messages`, { method: 'POST', body: '251', headers: { 'Content-Type': 'application/json', 'Idempotency-Key': 'n-251' } });
    assert.equal(refused.status, 503);
    const publishing = visit.publish(250).catch((error) => error);
    await pause(2000);
    redis.thaw();
    assert.equal(await publishing, undefined);
    await visit.balanced();
  });

  test('a rolling restart of two instances behind HAProxy', async (t) => {
    const redis = await Redis.start(t);
    const env = { WSBRIDGE_REDIS_URL: redis.url, WSBRIDGE_DRAIN_DELAY: '3s', WSBRIDGE_DRAIN: '2s' };
    const ports = [await freePort(), await freePort()];
    const instances = await Promise.all(ports.map((port) => Server.start({ env, port })));
    t.after(() => Promise.all(instances.map((instance) => instance.stop('SIGKILL'))));
    const balancer = await Balancer.start(t, ports);
    const visit = await Visit.open(t, { upstream: balancer });
    await visit.transport('websocket');
    let restarting = true;
    const restart = (async () => {
      for (const i of [0, 1]) {
        assert.equal(await instances[i].stop(), 0);
        instances[i] = await Server.start({ env, port: ports[i] });
        await pause(2500); // until HAProxy has seen it: checks come every second
      }
      restarting = false;
    })();
    while (restarting || visit.published < 500) {
      await visit.publish(20);
      await pause(20);
    }
    await restart;
    await visit.publish(50);
    await visit.balanced();
    assert.ok((await visit.state()).states.some(({ reason }) => reason), 'its line was never moved');
  });
});

describe('several tabs', () => {
  // Each tab has a ledger of its own; together they have one line.
  test('share a line, and go on when the one that has it is closed', async (t) => {
    const proxy = await FaultProxy.start(() => server.origin);
    const context = await browser.newContext();
    t.after(async () => {
      await context.close();
      proxy.close();
    });
    const imports = { '@wsbridge/client': '/dist/index.js', '@wsbridge/client/tabs': '/dist/tabs.js' };
    for (const path of Object.values(imports)) proxy.pages.set(path, await readFile(new URL(`../../js${path}`, import.meta.url)));
    proxy.pages.set('/page', `<!doctype html><title>tab</title><script type="importmap">${JSON.stringify({ imports })}</script>`);
    const channel = `client-${++channels}`;
    let published = 0;
    const publish = async (count) => {
      for (const end = published + count; published < end;) await server.publish(channel, String(++published));
    };
    const open = async () => {
      const tab = await context.newPage();
      tab.complaints = [];
      tab.on('pageerror', (error) => tab.complaints.push(String(error)));
      await tab.goto(`${proxy.origin}/page`);
      await tab.evaluate(async (channel) => {
        const { share } = await import('@wsbridge/client/tabs');
        globalThis.client = share('ann');
        globalThis.ledger = [];
        globalThis.sub = client.channel(channel).subscribe({ since: '0' });
        sub.addEventListener('message', ({ data }) => ledger.push(data));
        sub.addEventListener('gap', ({ reason }) => ledger.push(`gap ${reason}`));
        await sub.ready;
      }, channel);
      return tab;
    };
    const balanced = async (tab) => {
      await until(`${published} messages`, () => tab.evaluate((published) => ledger.length >= published, published));
      assert.deepEqual(await tab.evaluate(() => ledger), Array.from({ length: published }, (_, i) => i + 1));
      assert.deepEqual(tab.complaints, []);
    };
    const lines = () => proxy.requests.filter((url) => url.startsWith('/v1/ws')).length;

    const first = await open();
    await publish(100);
    const second = await open();
    const third = await open();
    await publish(100);
    await Promise.all([first, second, third].map(balanced));
    assert.equal(lines(), 1);
    assert.deepEqual(await third.evaluate(() => [client.state, client.transport]), ['connected', 'websocket']);
    const { duplicate } = await third.evaluate((channel) => client.publish(channel, 201), channel);
    assert.equal(duplicate, false);
    published++;

    await first.close();
    await publish(200);
    await Promise.all([second, third].map(balanced));
    assert.equal(lines(), 2);
    await second.evaluate(() => client.close());
    await publish(100);
    await balanced(third);
    assert.equal(lines(), 3);
    assert.ok(published >= 500);
  });
});
