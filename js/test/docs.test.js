// Runs every example of docs/clients.md that Node can run, and holds what it prints against
// the comments that say so: // → one → two.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';

import { Server, apiKey, keys, until } from '../../test/server.js';

const text = await readFile(new URL('../../docs/clients.md', import.meta.url), 'utf8');
const examples = [...text.matchAll(/```js\n([^]*?)```/g)].map(([, code]) => code);
const expected = (code) => [...code.matchAll(/\/\/ → (.*)/g)].flatMap(([, lines]) => lines.split(' → '));

// What an example may take for given.
const prelude = (code, server) => [
  /import \{ Client \}/.test(code) || "import { Client } from '@wsbridge/client';",
  /const client =/.test(code) || `const client = new Client('${server.origin}');`,
  `const fetchToken = async () => (await (await fetch('${server.origin}/v1/tokens', {
    method: 'POST', body: '{"sub":"ann","capabilities":{"*":["subscribe"]}}', headers: { Authorization: 'Bearer ${apiKey}', 'Content-Type': 'application/json' },
  })).json()).token;`,
].filter((line) => line !== true).join('\n');

test('there are examples', () => {
  assert.ok(examples.length >= 7);
  assert.ok(examples.filter((code) => expected(code).length).length >= 6);
});

for (const [i, code] of examples.entries()) {
  const title = text.slice(0, text.indexOf(code)).match(/^### .*$/gm).at(-1).slice(4);
  test(`${title}, example ${i + 1}`, async (t) => {
    const server = await Server.start(/token:/.test(code) ? { mode: '', env: keys } : {});
    t.after(() => server.stop());
    await mkdir(new URL('../.build/', import.meta.url), { recursive: true });
    const file = new URL(`../.build/example-${i + 1}.mjs`, import.meta.url);
    await writeFile(file, `${prelude(code, server)}\n${code.replaceAll('http://localhost:8080', server.origin)}`);
    const running = spawn(process.execPath, [file.pathname], { stdio: ['ignore', 'pipe', 'pipe'] });
    t.after(() => running.kill());
    let printed = '', complaints = '';
    running.stdout.on('data', (piece) => { printed += piece; });
    running.stderr.on('data', (piece) => { complaints += piece; });
    const lines = expected(code).map((line) => `${line}\n`).join('');
    await until(`${lines}in ${printed}`, () => printed.length >= lines.length || running.exitCode !== null);
    assert.equal(printed, lines, complaints);
    assert.ok(!complaints, complaints);
  });
}
