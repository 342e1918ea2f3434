// Starts an example as a user would, with go run, and whatever it starts by itself.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { freePort } from '../server.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

export class Example {
  // start resolves when the example answers. Without bridge, a URL, it starts a wsbridge of its own.
  static async start(name, { bridge, args = [], env = {}, port } = {}) {
    const example = new Example();
    example.bridge = bridge ?? `http://127.0.0.1:${await freePort()}`;
    example.port = port ?? await freePort();
    example.origin = `http://127.0.0.1:${example.port}`;
    example.log = '';
    // A group of its own, which is interrupted as a whole, as by Ctrl-C.
    example.process = spawn('go', ['run', `./examples/${name}`, '-addr', `127.0.0.1:${example.port}`, '-bridge', example.bridge, ...args], {
      cwd: root, detached: true, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env },
    });
    example.ended = once(example.process, 'close');
    for (const output of [example.process.stdout, example.process.stderr]) {
      output.setEncoding('utf8').on('data', (text) => { example.log += text; });
    }
    // It may have to be built first, on a busy machine.
    for (const end = Date.now() + 240e3; Date.now() < end; await pause(50)) {
      if (example.process.exitCode !== null) break;
      if (await fetch(example.origin).then((answer) => answer.text(), () => null)) return example;
    }
    await example.stop();
    throw new Error(`${name} does not start:\n${example.log}`);
  }

  async stop() {
    if (this.process.exitCode === null) process.kill(-this.process.pid, 'SIGINT');
    await this.ended;
  }
}
