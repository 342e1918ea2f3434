// A redis-server of a test, which can be frozen.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freePort, until } from './server.js';

export class Redis {
  // start resolves when it answers; it ends with the test.
  static async start(t) {
    const redis = new Redis();
    const port = await freePort();
    const folder = await mkdtemp(join(tmpdir(), 'wsbridge-redis-'));
    redis.url = `redis://127.0.0.1:${port}/0`;
    redis.process = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder], { stdio: 'ignore' });
    const ended = once(redis.process, 'exit');
    t.after(async () => {
      redis.process.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
    });
    await until('redis-server', () => new Promise((resolve) => {
      const line = connect(port, '127.0.0.1').on('error', () => resolve(false)).on('connect', () => line.write('PING\r\n'))
        .on('data', () => { line.destroy(); resolve(true); });
    }));
    return redis;
  }

  freeze() { this.process.kill('SIGSTOP'); }
  thaw() { this.process.kill('SIGCONT'); }
}
