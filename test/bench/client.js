// How long a page waits for its first message, from new Client on, by what gets through:
// a server, the fault proxy of the tests and Chromium on this machine. Prints a table.
//
//	make bench-client

import { FaultProxy } from '../faults.js';
import { Server, until } from '../server.js';
import { launch } from '../browser/chromium.js';

const runs = Number(process.env.RUNS ?? 15);
const networks = {
  'WebSocket allowed': {},
  'WebSocket refused': { webSockets: 'refuse' },
  'WebSocket accepted and silent': { webSockets: 'silent' },
  'only complete answers pass, WebSocket refused': { webSockets: 'refuse', whole: true },
  'only complete answers pass, WebSocket silent': { webSockets: 'silent', whole: true },
};

const page = '<!doctype html><title>bench</title><link rel="icon" href="data:,"><script src="/client.js"></script>';

// measured resolves with milliseconds and the transport. A page that is new knows nothing.
async function measured(browser, proxy, again) {
  const context = await browser.newContext();
  const tab = await context.newPage();
  let result;
  for (let visit = 0; visit < (again ? 2 : 1); visit++) {
    await tab.goto(`${proxy.origin}/page`);
    result = await tab.evaluate(() => new Promise((resolve) => {
      const begun = performance.now();
      const client = new wsbridge.Client();
      client.channel('bench').subscribe({ since: '0' }).addEventListener('message', () => {
        resolve({ ms: performance.now() - begun, transport: client.transport });
      });
    }));
  }
  await context.close();
  return result;
}

const [server, browser] = await Promise.all([Server.start(), launch()]);
try {
  await server.publish('bench', '1');
  await until('the message', async () => (await (await fetch(`${server.origin}/v1/channels/bench`)).json()).retained === 1);
  console.log('| network | transport | median | slowest | the next page, median |\n| --- | --- | --- | --- | --- |');
  for (const [name, faults] of Object.entries(networks)) {
    const proxy = Object.assign(await FaultProxy.start(() => server.origin), faults);
    proxy.pages.set('/page', page);
    await measured(browser, proxy); // the first page of all starts a process
    const first = [], next = [];
    for (let i = 0; i < runs; i++) {
      first.push(await measured(browser, proxy));
      next.push(await measured(browser, proxy, true));
    }
    for (const list of [first, next]) list.sort((a, b) => a.ms - b.ms);
    const ms = (list, at) => `${Math.round(list[Math.floor((list.length - 1) * at)].ms)} ms`;
    console.log(`| ${name} | ${[...new Set(first.map(({ transport }) => transport))].join(', ')} | ${ms(first, 0.5)} | ${ms(first, 1)} | ${ms(next, 0.5)} |`);
    proxy.close();
  }
} finally {
  await browser.close();
  await server.stop();
}
