// A proxy that does to HTTP and WebSockets what proxies and networks do: refuse, swallow,
// hold back until an answer is whole, end what is idle, cut, stall, be gone.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';

const accept = (key) => createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
const apology = '<!doctype html><title>403</title><h1>Your administrator does not like this</h1>';

export class FaultProxy {
  webSockets = 'pass';  // or 'refuse' (with a page), or 'silent': accepted, and nothing passes
  whole = false;        // answers pass when they are complete, until then nothing of them
  idle = 0;             // milliseconds after which a line without a byte is ended; 0: never
  gone = false;         // connections are refused
  cuts = 0;             // lines that were ended
  requests = [];        // what was asked for
  pages = new Map();    // pages and scripts of its own, by path
  #lines = new Set();
  #pipes = new Set();

  static async start(upstream) {
    const proxy = new FaultProxy();
    proxy.upstream = upstream;
    proxy.server = createServer((asked, answer) => proxy.#pass(asked, answer));
    proxy.server.on('upgrade', (asked, socket, head) => proxy.#upgrade(asked, socket, head));
    proxy.server.on('connection', (socket) => proxy.#watch(socket));
    proxy.server.keepAliveTimeout = 0;
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    proxy.origin = `http://127.0.0.1:${proxy.server.address().port}`;
    return proxy;
  }

  // cut ends all lines without a word.
  cut() {
    for (const socket of this.#lines) {
      socket.destroy();
      this.cuts++;
    }
  }

  // stall lets nothing more through to those who are connected; all stays open.
  stall() {
    for (const [from, to] of this.#pipes) {
      from.unpipe(to);
      from.resume();
    }
  }

  #pipe(from, to) {
    const pipe = [from, to];
    this.#pipes.add(pipe);
    from.pipe(to);
    from.on('close', () => this.#pipes.delete(pipe));
  }

  close() {
    this.cut();
    this.server.close();
  }

  #watch(socket) {
    if (this.gone) {
      socket.destroy();
      return;
    }
    this.#lines.add(socket);
    socket.on('error', () => {}).on('close', () => this.#lines.delete(socket));
    if (this.idle) {
      socket.setTimeout(this.idle, () => {
        this.cuts++;
        socket.destroy();
      });
    }
  }

  #pass(asked, answer) {
    this.requests.push(asked.url);
    const page = this.pages.get(asked.url);
    if (page) {
      answer.writeHead(200, { 'Content-Type': `text/${asked.url.endsWith('.js') ? 'javascript' : 'html'}; charset=utf-8` }).end(page);
      return;
    }
    const { port } = new URL(this.upstream());
    const forwarded = request({ host: '127.0.0.1', port, path: asked.url, method: asked.method, headers: asked.headers, agent: false });
    forwarded.on('error', () => answer.destroy());
    answer.on('close', () => forwarded.destroy());
    forwarded.on('response', (given) => {
      given.on('error', () => answer.destroy());
      if (!this.whole) {
        answer.writeHead(given.statusCode, given.headers);
        answer.flushHeaders();
        this.#pipe(given, answer);
        return;
      }
      const pieces = [];
      given.on('data', (piece) => pieces.push(piece)).on('end', () => {
        const { 'transfer-encoding': _, ...headers } = given.headers;
        const body = Buffer.concat(pieces);
        answer.writeHead(given.statusCode, { ...headers, 'content-length': body.length }).end(body);
      });
    });
    asked.pipe(forwarded);
  }

  #upgrade(asked, socket, head) {
    this.requests.push(asked.url);
    if (this.webSockets === 'refuse') {
      socket.end(`HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: ${apology.length}\r\nConnection: close\r\n\r\n${apology}`);
      return;
    }
    if (this.webSockets === 'silent') {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        `Sec-WebSocket-Protocol: wsbridge.v1\r\nSec-WebSocket-Accept: ${accept(asked.headers['sec-websocket-key'])}\r\n\r\n`);
      socket.resume();
      return;
    }
    const upstream = connect(new URL(this.upstream()).port, '127.0.0.1');
    const lines = asked.rawHeaders.reduce((text, part, i) => text + (i % 2 ? `: ${part}\r\n` : part), '');
    upstream.write(`${asked.method} ${asked.url} HTTP/1.1\r\n${lines}\r\n`);
    upstream.write(head);
    for (const [from, to] of [[socket, upstream], [upstream, socket]]) {
      this.#pipe(from, to);
      from.on('error', () => {}).on('close', () => to.destroy());
    }
  }
}
