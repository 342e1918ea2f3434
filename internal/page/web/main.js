// The page: five lines on one channel, a form that publishes to it, and the board between.

import { Board, element } from './board.js';
import { format, since } from './latency.js';
import { Line } from './line.js';
import { curl, fault, purge, send, sign } from './publish.js';
import { transports } from './transports.js';

const $ = (id) => document.getElementById(id);
const demo = document.documentElement.dataset.mode === 'demo';

const lines = transports.map((transport) => new Line(transport, {
  state: (line) => { board.state(line); showCut(line); },
  message: (line, message) => { board.message(line, message, since(message)); $('empty').hidden = true; },
  gap: (line, gap) => { board.gap(line, gap); $('empty').hidden = true; },
}));
const board = new Board($('board'), lines, toggle);
for (const line of lines) board.state(line);

function follow() {
  board.clear();
  $('empty').hidden = false;
  for (const line of lines) line.follow($('channel').value, $('token').value.trim());
}

// What a cut line would show on its return stands in a field, to be looked at and changed.

function toggle(line) {
  if (line.running) {
    line.cut();
    say(`${line.name} is cut at ${line.cursor || 'no position'}`);
  } else if (line.channel === undefined) {
    line.follow($('channel').value, $('token').value.trim());
  } else {
    resume(line);
  }
}

function resume(line) {
  say(`${line.name} goes on from ${cursorField(line)?.value ?? line.cursor}`);
  line.resume(cursorField(line)?.value.trim() ?? line.cursor);
}

const cursorField = (line) => $(`cursor-${line.id}`);

function showCut(line) {
  const shown = cursorField(line);
  if (line.state !== 'cut') {
    const had = shown?.closest('.cut').contains(document.activeElement);
    shown?.closest('.cut').remove();
    if (had) $('board').querySelector(`[role=columnheader][data-line=${line.id}] button`).focus();
  } else if (!shown) {
    $('cuts').append(cutRow(line));
  }
  $('cuts').hidden = $('cuts').childElementCount === 0;
}

function cutRow(line) {
  const field = element('input', { id: `cursor-${line.id}`, class: 'code', autocapitalize: 'none', autocomplete: 'off', spellcheck: 'false' });
  field.value = line.cursor;
  const row = element('form', { class: 'cut', 'data-line': line.id },
    element('label', { for: field.id, text: `${line.name} goes on from` }), field,
    element('button', { type: 'submit', class: 'quiet', text: 'Resume', 'aria-label': `Resume ${line.name} from this cursor` }));
  row.addEventListener('submit', (event) => {
    event.preventDefault();
    resume(line);
  });
  return row;
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

const apiKey = () => $('api-key').value.trim();

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
  if (!$('channel').checkValidity()) $('channel').value = 'demo';
}
showPublication();
if (!demo) follow();
