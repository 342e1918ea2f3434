// The page: five lines on one channel, a form that publishes to it, and the board between.

import { Board } from './board.js';
import { format, since } from './latency.js';
import { Line } from './line.js';
import { curl, fault, purge, send, sign } from './publish.js';
import { transports } from './transports.js';

const $ = (id) => document.getElementById(id);
const token = () => $('token').value.trim();
const apiKey = () => $('api-key').value.trim();
const demo = document.documentElement.dataset.mode === 'demo';

const lines = transports.map((transport) => new Line(transport, {
  state: (line) => board.state(line),
  message: (line, message) => { board.message(line, message, since(message)); $('empty').hidden = true; },
  gap: (line, gap) => { board.gap(line, gap); $('empty').hidden = true; },
}));
const board = new Board($('board'), lines, { toggle, resume });
for (const line of lines) board.state(line);

function follow() {
  board.clear();
  $('empty').hidden = false;
  for (const line of lines) line.follow($('channel').value, token());
}

function toggle(line) {
  if (line.running) {
    line.cut();
    say(`${line.name} is cut at ${line.cursor || 'no position'}`);
  } else if (line.channel === undefined) {
    line.follow($('channel').value, token());
  } else {
    resume(line);
  }
}

function resume(line) {
  const cursor = board.cursor(line);
  line.token = token();
  line.resume(cursor);
  say(`${line.name} goes on from ${cursor || 'now'}`);
}

function say(text) {
  $('lines-status').textContent = text;
}

document.addEventListener('visibilitychange', () => {
  for (const line of lines) document.hidden ? line.rest() : line.wake();
});

// Publishing

function publication() {
  return {
    channel: $('channel').value,
    event: $('event').value,
    text: $('data').value,
    kind: $('publish').elements.kind.value,
  };
}

function showPublication() {
  const p = publication();
  $('curl').textContent = curl(p, demo);
  const wrong = fault(p);
  $('data-fault').textContent = wrong;
  $('data-fault').hidden = !wrong;
  $('data').setAttribute('aria-invalid', String(Boolean(wrong)));
}

// act runs one action at a time and says what came of it.
async function act(status, action) {
  if (status.dataset.busy) return;
  status.dataset.busy = 'true';
  status.removeAttribute('data-failed');
  const slow = setTimeout(() => {
    status.textContent = 'Waiting for an answer. If other tabs show this page, they may hold all connections that the browser grants.';
  }, 3000);
  try {
    status.textContent = await action();
  } catch (error) {
    status.textContent = error instanceof TypeError ? 'The server could not be reached.' : error.message;
    status.dataset.failed = 'true';
  } finally {
    clearTimeout(slow);
    delete status.dataset.busy;
  }
}

function publishTimes(n) {
  if (!$('publish').reportValidity()) return;
  if (fault(publication())) {
    $('data').focus();
    return;
  }
  act($('status'), async () => {
    const began = performance.now();
    let stored;
    for (let i = 0; i < n; i++) stored = await send(publication(), apiKey());
    return n === 1
      ? `Stored at ${stored.pos}, answered in ${format(stored.took)}`
      : `${n} stored, the last at ${stored.pos}, in ${format(performance.now() - began)}`;
  });
}

$('publish').addEventListener('submit', (event) => {
  event.preventDefault();
  publishTimes(1);
});
$('publish').addEventListener('input', showPublication);
$('data').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) publishTimes(1);
});
$('burst').addEventListener('click', () => publishTimes(20));
$('purge').addEventListener('click', () => act($('status'), async () => {
  await purge(publication(), apiKey());
  return 'The log is forgotten: a new epoch has begun.';
}));

$('channel').addEventListener('change', () => {
  if (!$('channel').reportValidity()) return;
  const url = new URL(location.href);
  url.searchParams.set('channel', $('channel').value);
  history.replaceState(null, '', url);
  if (lines.some((line) => line.channel !== undefined)) follow();
});

$('copy').addEventListener('click', async () => {
  const done = await navigator.clipboard.writeText($('curl').textContent).then(() => true, () => false);
  if (!done) getSelection().selectAllChildren($('curl'));
  $('copy').textContent = done ? 'Copied' : 'Selected';
  setTimeout(() => { $('copy').textContent = 'Copy'; }, 2000);
});

// Keys, with --demo only

$('sign').addEventListener('click', () => act($('keys-status'), async () => {
  $('token').value = await sign($('channel').value, apiKey());
  return `Signed for one hour, to subscribe to ${$('channel').value}.`;
}));
$('keys').addEventListener('submit', (event) => {
  event.preventDefault();
  follow();
});

const asked = new URLSearchParams(location.search).get('channel');
if (asked) {
  $('channel').value = asked;
  if (!$('channel').checkValidity()) $('channel').value = 'test';
}
showPublication();
if (!demo) follow();
