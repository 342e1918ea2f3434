// Loads a module of src/ by itself, with its members under their own names.

import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

export async function source(...names) {
  await mkdir(`${root}.build`, { recursive: true });
  const outfile = `${root}.build/${names.join('-')}.mjs`;
  await build({ absWorkingDir: root, stdin: { contents: names.map((name) => `export * from './src/${name}.ts';`).join(''), resolveDir: root, loader: 'ts' }, bundle: true, format: 'esm', target: 'es2022', outfile });
  return import(outfile);
}
