// Publishing: what the form says, as a request and as the line of curl that sends the same.

import { stamp } from './latency.js';

// A publication is { channel, event, text, kind: 'json' | 'text' }.

export function fault({ text, kind }) {
  if (kind === 'text') return '';
  try {
    JSON.parse(text);
    return '';
  } catch (error) {
    return `Not JSON: ${error.message}`;
  }
}

export function messagesURL({ channel, event }) {
  const url = new URL(`v1/channels/${encodeURIComponent(channel)}/messages`, document.baseURI);
  if (event) url.searchParams.set('event', event);
  return url;
}

// send resolves with the stored message's position and how long its answer took.
export async function send(publication, key) {
  const began = performance.now();
  const answer = await call('POST', messagesURL(publication), key, {
    body: publication.text,
    headers: {
      'Content-Type': publication.kind === 'text' ? 'text/plain; charset=utf-8' : 'application/json',
      'Wsbridge-Meta-Page': stamp(),
    },
  });
  return { pos: answer.pos, took: performance.now() - began };
}

export function purge(publication, key) {
  return call('DELETE', messagesURL({ channel: publication.channel }), key);
}

export async function sign(channel, key) {
  const claims = { sub: 'page', capabilities: { [channel]: ['subscribe'] }, ttl: '1h' };
  const { token } = await call('POST', new URL('v1/tokens', document.baseURI), key, {
    body: JSON.stringify(claims),
    headers: { 'Content-Type': 'application/json' },
  });
  return token;
}

async function call(method, url, key, { headers, body } = {}) {
  const authorization = key ? { Authorization: `Bearer ${key}` } : {};
  const response = await fetch(url, { method, body, headers: { ...headers, ...authorization } });
  const text = await response.text();
  const answer = text ? JSON.parse(text) : {};
  if (response.ok) return answer;
  throw new Error(`${response.status} ${answer.code ?? ''}: ${answer.detail ?? answer.title ?? 'refused'}`);
}

// curl returns the command for a POSIX shell. A key is named, never shown.
export function curl(publication, keyed) {
  const words = ['curl'];
  if (keyed) words.push('-H "Authorization: Bearer $WSBRIDGE_API_KEY"');
  if (publication.kind === 'text') words.push(`-H 'Content-Type: text/plain' --data-raw ${quote(publication.text)}`);
  else words.push(`--json ${quote(publication.text)}`);
  const url = messagesURL(publication).href;
  return [...words, /^[\w:/.%-]+$/.test(url) ? url : quote(url)].join(' ');
}

function quote(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
