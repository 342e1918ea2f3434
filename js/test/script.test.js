// The scripts that the server embeds, against their source; and what the package says of itself.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import vm from 'node:vm';

import { buildScripts } from '../scripts/build.js';
import { sizes } from '../scripts/sizes.js';

const embedded = (name) => readFile(new URL(`../../internal/clientjs/${name}`, import.meta.url), 'utf8');

test('the embedded scripts are those that the source gives', async () => {
  for (const [name, text] of Object.entries(await buildScripts())) {
    assert.ok(await embedded(name) === text, `internal/clientjs/${name} is not what js/ builds: run make clientjs`);
  }
});

test('the scripts give the global wsbridge, with the names of the package', async () => {
  const page = vm.createContext({ EventTarget, Event, URL });
  vm.runInContext(await embedded('client.js'), page);
  assert.deepEqual(Object.keys(page.wsbridge).sort(), Object.keys(await import('@wsbridge/client')).sort());
  assert.equal(typeof page.wsbridge.Client, 'function');
  const { wsbridge } = page;
  vm.runInContext(await embedded('client-streams.js'), page);
  assert.equal(page.wsbridge, wsbridge, 'the second script gave another global');
  assert.deepEqual(Object.keys(wsbridge.streams).sort(), Object.keys(await import('@wsbridge/client/streams')).sort());
});

test('what is built keeps within its budget', async () => {
  for (const { name, bytes, budget } of await sizes()) assert.ok(bytes <= budget, `${name}: ${bytes} bytes gzipped, at most ${budget}`);
});

test('each entry can be required, with the names that it has when imported', async () => {
  const require = createRequire(import.meta.url);
  for (const entry of ['', '/react', '/streams', '/tabs']) {
    assert.deepEqual(Object.keys(require(`@wsbridge/client${entry}`)).sort(), Object.keys(await import(`@wsbridge/client${entry}`)).sort());
  }
});

test('the package can be imported, required and typed', async () => {
  const { messages, pkg } = await publint({ pkgDir: new URL('..', import.meta.url).pathname, strict: true });
  assert.deepEqual(messages.map((message) => formatMessage(message, pkg)), []);
});
