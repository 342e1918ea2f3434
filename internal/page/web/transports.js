// The five transports, each as one function that connects, hands what arrives to its
// session, and returns or throws when the connection has ended.

import { parse } from './exact.js';
import { End, pause } from './line.js';

export const transports = [
  { id: 'ws', name: 'WebSocket', path: '/v1/ws', open: webSocket },
  { id: 'sse', name: 'SSE', path: '/v1/sse', open: serverSentEvents, holds: true },
  { id: 'stream', name: 'HTTP stream', path: '/v1/http-stream', open: httpStream, holds: true },
  { id: 'long', name: 'Long poll', path: '/v1/poll?wait=25', open: longPoll, holds: true },
  { id: 'poll', name: 'Plain poll', path: '/v1/poll?wait=0', open: plainPoll },
];

const pollEvery = 2000; // ms

function endpoint(path, query) {
  const url = new URL(path, document.baseURI);
  url.search = query;
  return url;
}

function get(session, path, more) {
  return fetch(endpoint(path, session.query(more)), { signal: session.signal, headers: session.headers });
}

function webSocket(session) {
  return new Promise((_, reject) => {
    const { token } = session.line;
    const url = endpoint('v1/ws', token ? '' : session.query());
    url.protocol = url.protocol.replace('http', 'ws');
    const socket = new WebSocket(url, 'wsbridge.v1');
    socket.binaryType = 'arraybuffer';
    session.signal.addEventListener('abort', () => socket.close(), { once: true });

    let fault = '';
    socket.onopen = () => {
      if (!token) return;
      const { channels, ...rest } = Object.fromEntries(session.query());
      socket.send(JSON.stringify({ type: 'connect', ref: 1, token, channels: [channels], ...rest }));
    };
    socket.onmessage = ({ data }) => {
      const frame = typeof data === 'string' ? parse(data) : binary(data);
      if (frame.type === 'subscribed') {
        session.stands(frame.pos);
        session.opened();
      } else if (frame.type === 'message') {
        session.message(frame);
      } else if (frame.type === 'gap') {
        session.gap(frame);
      } else if (frame.type === 'error') {
        fault = frame.code;
        if (fault !== 'forbidden') return; // the connection lives on without the channel: nothing to stay for
        socket.close();
        reject(new End(fault, { stop: true }));
      }
    };
    socket.onclose = ({ code, reason }) => {
      const retry = /\bretry=(\d+)/.exec(reason);
      reject(End.closed(code, fault || `closed ${code}`, retry ? Number(retry[1]) : undefined));
    };
  });
}

// binary reads a binary frame: a length, that many bytes of JSON, the payload as it came.
function binary(buffer) {
  const length = new DataView(buffer).getUint32(0);
  const message = parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  message.bytes = buffer.byteLength - 4 - length;
  return message;
}

function serverSentEvents(session) {
  return new Promise((_, reject) => {
    // An EventSource can send no header, so a token has to stand in the query.
    const { token } = session.line;
    const source = new EventSource(endpoint('v1/sse', session.query(token ? { token } : {})));
    session.signal.addEventListener('abort', () => source.close(), { once: true });

    const on = (name, hear) => source.addEventListener(name, (event) => hear(parse(event.data), event.lastEventId));
    on('welcome', (_, cursor) => {
      session.stands(cursor.slice(cursor.indexOf('@') + 1), cursor);
      session.opened();
    });
    on('message', (message, cursor) => session.message(message, cursor));
    on('gap', (gap, cursor) => session.gap(gap, cursor));
    on('close', ({ code, reason, retry }) => {
      source.close();
      reject(End.closed(code, reason, retry));
    });
    source.onerror = async () => {
      // The line reconnects as it does on all transports, with its own backoff.
      source.close();
      reject(await refusal(session));
    };
  });
}

// refusal asks by a poll why an EventSource was refused, which does not tell.
async function refusal(session) {
  const response = await get(session, 'v1/poll', { wait: 0, limit: 1 }).catch(() => null);
  return response && !response.ok ? End.refused(response) : new End('connection lost');
}

async function httpStream(session) {
  const response = await get(session, 'v1/http-stream');
  if (!response.ok) throw await End.refused(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ''; ;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split('\n');
    rest = lines.pop();
    for (const line of lines) hearLine(session, parse(line));
  }
}

function hearLine(session, line) {
  if (line.type === 'welcome') {
    session.stands(line.cursor.slice(line.cursor.indexOf('@') + 1), line.cursor);
    session.opened();
  } else if (line.type === 'message') {
    session.message(line, line.cursor);
  } else if (line.type === 'gap') {
    session.gap(line, line.cursor);
  } else if (line.type === 'close') {
    throw End.closed(line.code, line.reason, line.retry);
  }
}

function longPoll(session) {
  return poll(session, 25, 0);
}

function plainPoll(session) {
  return poll(session, 0, pollEvery);
}

async function poll(session, wait, every) {
  // The first answer comes at once, so that the line stands somewhere before it waits.
  for (let held = 0; !session.signal.aborted; held = wait) {
    const response = await get(session, 'v1/poll', { wait: held });
    if (!response.ok) throw await End.refused(response);
    const answer = parse(await response.text());
    for (const gap of answer.gaps) session.gap(gap, answer.cursor);
    for (const message of answer.messages) session.message(message, answer.cursor);
    session.stands(answer.cursor.slice(answer.cursor.indexOf('@') + 1), answer.cursor);
    if (session.line.state !== 'live') session.opened();
    if (!answer.more) await pause(Math.max(answer.retry, every), session.signal);
  }
}
