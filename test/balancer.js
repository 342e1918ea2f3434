// HAProxy in front of two instances, with the file that is shipped.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { freePort, until } from './server.js';

const config = fileURLToPath(new URL('../deploy/haproxy/haproxy.cfg', import.meta.url));

export class Balancer {
  // start resolves when it passes requests on; it ends with the test.
  static async start(t, [a, b]) {
    const balancer = new Balancer();
    const port = await freePort();
    balancer.origin = `http://127.0.0.1:${port}`;
    const running = spawn('haproxy', ['-db', '-f', config], {
      stdio: 'ignore',
      env: { PATH: `${process.env.PATH}:/usr/sbin`, LISTEN: `127.0.0.1:${port}`, INSTANCE_A: `127.0.0.1:${a}`, INSTANCE_B: `127.0.0.1:${b}` },
    });
    const ended = once(running, 'exit');
    t.after(async () => {
      running.kill('SIGKILL');
      await ended;
    });
    await until('HAProxy', async () => (await fetch(`${balancer.origin}/readyz`).catch(() => null))?.ok);
    return balancer;
  }
}
