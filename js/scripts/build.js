// Builds the package into dist/, and the scripts that the server serves into
// ../internal/clientjs. Members that begin with _ are private, and get short names: the same
// in all files, so that the entries understand one another.

import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { build as bundle } from 'esbuild';
import { minify } from 'terser';

const root = fileURLToPath(new URL('..', import.meta.url));
const embedded = fileURLToPath(new URL('../../internal/clientjs/', import.meta.url));

export const entries = ['index', 'react', 'streams', 'tabs'];

// What is told whoever opens the script.
const banner = '/* wsbridge client, Apache-2.0, https://github.com/wsbridge/wsbridge */';

const common = {
  absWorkingDir: root, bundle: true, minify: true, target: 'es2022', platform: 'browser', mangleProps: /^_[a-z]/,
  write: false, legalComments: 'none',
};

// esbuild bundles and shortens members, alike in all files; terser finds what it leaves.
async function build(options) {
  const { outputFiles: [{ text }], mangleCache } = await bundle({ ...common, ...options });
  // What is required stays as it is: Node reads the names it exports out of the text.
  if (options.format === 'cjs') return { text, mangleCache };
  const { code } = await minify(text, {
    module: options.format === 'esm', ecma: 2020, compress: { passes: 3, unsafe_arrows: true }, format: { comments: /wsbridge client/ },
  });
  return { text: `${code}\n`, mangleCache };
}

// In a page without modules the package is the global that the first script gives.
const packageIsGlobal = {
  name: 'package is global',
  setup(build) {
    build.onResolve({ filter: /^@wsbridge\/client$/ }, () => ({ path: 'wsbridge', namespace: 'global' }));
    build.onLoad({ filter: /.*/, namespace: 'global' }, () => ({ contents: 'module.exports = wsbridge' }));
  },
};

// buildScripts gives the text of each script by its name.
export async function buildScripts() {
  const script = { format: 'iife', banner: { js: banner } };
  const client = await build({ ...script, entryPoints: ['src/index.ts'], globalName: 'wsbridge', mangleCache: {} });
  const streams = await build({
    ...script, entryPoints: ['src/streams.ts'], globalName: 'wsbridge.streams', mangleCache: client.mangleCache, plugins: [packageIsGlobal],
  });
  return { 'client.js': client.text, 'client-streams.js': streams.text };
}

async function buildPackage() {
  await rm(`${root}dist`, { recursive: true, force: true });
  await mkdir(`${root}dist`);
  let text, mangleCache = {};
  for (const entry of entries) {
    for (const [format, ext] of [['esm', 'js'], ['cjs', 'cjs']]) {
      ({ text, mangleCache } = await build({ entryPoints: [`src/${entry}.ts`], format, mangleCache, external: ['@wsbridge/client', 'react'] }));
      await writeFile(`${root}dist/${entry}.${ext}`, text);
    }
  }
  await promisify(execFile)('node_modules/.bin/tsc', ['-p', 'tsconfig.types.json'], { cwd: root });
  // The sources name one another with .ts, programs look for the types beside .js and .cjs.
  for (const name of (await readdir(`${root}dist`)).filter((name) => name.endsWith('.d.ts'))) {
    const types = await readFile(`${root}dist/${name}`, 'utf8');
    const from = /((?:from|import\()\s*'\.\/[^']+)\.ts'/g;
    await writeFile(`${root}dist/${name}`, types.replace(from, "$1.js'"));
    await writeFile(`${root}dist/${name.replace(/ts$/, 'cts')}`, types.replace(from, "$1.cjs'"));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await Promise.all([buildPackage(), mkdir(embedded, { recursive: true })]);
  for (const [name, script] of Object.entries(await buildScripts())) {
    if (await readFile(embedded + name, 'utf8').catch(() => '') !== script) await writeFile(embedded + name, script);
  }
}
