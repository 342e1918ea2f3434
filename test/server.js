// Starts the real server, as npm's pretest built it, on free loopback ports.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const binary = fileURLToPath(new URL('.build/wsbridge', import.meta.url));

export const apiKey = 'an-api-key-of-the-tests';

// Settings of a server whose keys are in force.
export const keys = { WSBRIDGE_API_KEYS: apiKey, WSBRIDGE_TOKEN_KEYS: 'a-token-key-of-the-tests-of-32-bytes' };

export class Server {
  // start resolves when the server is ready. mode is '--dev', '--demo' or ''.
  static async start({ mode = '--dev', env = {}, port } = {}) {
    const server = new Server();
    server.port = port ?? await freePort();
    server.origin = `http://127.0.0.1:${server.port}`;
    server.log = '';
    server.process = spawn(binary, ['serve', ...(mode ? [mode] : [])], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH, WSBRIDGE_ADDR: `127.0.0.1:${server.port}`, WSBRIDGE_ADMIN_ADDR: 'off',
        WSBRIDGE_DRAIN_DELAY: '0s', WSBRIDGE_DRAIN: '1s', ...env,
      },
    });
    server.ended = once(server.process, 'exit');
    for (const output of [server.process.stdout, server.process.stderr]) {
      output.setEncoding('utf8').on('data', (text) => { server.log += text; });
    }
    await server.#ready();
    return server;
  }

  async #ready() {
    for (const end = Date.now() + 30e3; Date.now() < end; await pause(20)) {
      if (this.process.exitCode !== null) break;
      const answer = await fetch(`${this.origin}/readyz`).catch(() => null);
      if (answer?.ok) return;
    }
    this.process.kill('SIGKILL');
    throw new Error(`the server does not get ready:\n${this.log}`);
  }

  // stop resolves with the exit status.
  async stop(signal = 'SIGTERM') {
    this.process.kill(signal);
    const [status] = await this.ended;
    return status;
  }

  // publish posts to a channel and resolves with the answer: { id, channel, pos, duplicate }.
  async publish(channel, body, { type = 'application/json', event } = {}) {
    const url = new URL(`/v1/channels/${channel}/messages`, this.origin);
    if (event) url.searchParams.set('event', event);
    const answer = await fetch(url, {
      method: 'POST', body, headers: { 'Content-Type': type, Authorization: `Bearer ${apiKey}` },
    });
    if (answer.status !== 201) throw new Error(`publish: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  // token signs one for a server whose keys are in force.
  async token(claims) {
    const answer = await fetch(`${this.origin}/v1/tokens`, {
      method: 'POST', body: JSON.stringify({ sub: 'ann', ttl: '1h', ...claims }),
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${apiKey}` },
    });
    if (answer.status !== 201) throw new Error(`token: ${answer.status} ${await answer.text()}`);
    return (await answer.json()).token;
  }
}

export async function freePort() {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address();
  listener.close();
  await once(listener, 'close');
  return port;
}

// until resolves when condition() does so with a true value, and fails after 30 s.
export async function until(what, condition) {
  let seen;
  for (const end = Date.now() + 30e3; Date.now() < end; await pause(20)) {
    seen = await condition();
    if (seen) return seen;
  }
  throw new Error(`waited 30 s for: ${what}`);
}
