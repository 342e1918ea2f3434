// Prints what the built files weigh, as gzip -9 sends them, and fails beyond the budget.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const budgets = { 'dist/index.js': 6000, 'dist/react.js': 1500, 'dist/streams.js': 1500, 'dist/tabs.js': 1500 };

export function sizes() {
  return Promise.all(Object.entries(budgets).map(async ([name, budget]) => ({
    name, budget, bytes: gzipSync(await readFile(new URL(`../${name}`, import.meta.url)), { level: 9 }).length,
  })));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { name, bytes, budget } of await sizes()) {
    console.log(`${name}: ${bytes} of ${budget} bytes gzipped`);
    if (bytes > budget) process.exitCode = 1;
  }
}
