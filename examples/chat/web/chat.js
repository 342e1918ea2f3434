import { amount, imageTypes, maxImage, packImage, unpackImage } from './message.js';

const { Client, streams } = wsbridge;
const $ = (id) => document.getElementById(id);
const channel = new URLSearchParams(location.search).get('channel') ?? 'chat';
const maxLines = 500; // what is older goes from the page
const maxName = 40; // characters, as in the terminal
const pollEvery = 500; // milliseconds; the beginning of a file waits a second for those who are told of it

let client, me, name;
let joined = false; // what was published before we joined is history
const here = new Map(); // who is there: their clients' names, and what they are called

$('join').addEventListener('submit', async (event) => {
  event.preventDefault();
  if (client) return;
  name = $('name').value.trim();
  me = [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16)).join('-');
  const transport = $('transport').value;
  client = new Client({ client: me, pollEvery, ...(transport && { transports: [transport] }) });
  client.addEventListener('state', ({ state, transport }) => {
    $('state').textContent = transport ? `${state} by ${transport}` : state;
  });
  const room = client.channel(channel).subscribe({ since: '0' });
  room.addEventListener('message', take);
  room.addEventListener('gap', ({ reason }) => note(`Some of what was said is missing: ${reason}.`));
  room.addEventListener('error', ({ detail }) => note(`The room is closed: ${detail}`));
  $('join').hidden = true;
  $('room').hidden = false;
  $('text').focus();
  await told(room.ready.then(() => client.publish(channel, { name }, { event: 'join' })));
});

// A page that goes away has no time to wait for an answer.
addEventListener('pagehide', () => {
  if (joined) navigator.sendBeacon(`/v1/send?client=${me}`, JSON.stringify({ type: 'publish', channel, event: 'leave', data: { name } }));
});
addEventListener('pageshow', ({ persisted }) => {
  if (persisted && joined) told(client.publish(channel, { name }, { event: 'join' }));
});

$('say').addEventListener('submit', (event) => {
  event.preventDefault();
  const text = $('text').value.trim();
  if (!text) return;
  $('text').value = '';
  told(client.publish(channel, { name, text }, { event: 'said' }));
});
$('text').addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $('say').requestSubmit();
});

$('attach').addEventListener('click', () => $('files').click());
$('files').addEventListener('change', () => {
  for (const file of $('files').files) send(file);
  $('files').value = '';
});
$('text').addEventListener('paste', ({ clipboardData }) => {
  for (const file of clipboardData.files) send(file);
});
addEventListener('dragover', (event) => event.preventDefault());
addEventListener('drop', (event) => {
  event.preventDefault();
  if (joined) for (const file of event.dataTransfer.files) send(file);
});

async function send(file) {
  if (imageTypes.includes(file.type) && file.size <= maxImage) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    return told(client.publish(channel, packImage({ name, type: file.type }, bytes), { event: 'image' }));
  }
  const shown = new Transfer(name, file.name, file.size);
  const cancel = new AbortController();
  const button = shown.end.appendChild(element('button', '', 'Cancel'));
  button.addEventListener('click', () => cancel.abort());
  try {
    await streams.send(client, channel, file, {
      name: file.name, event: 'file', signal: cancel.signal, onprogress: (sent) => shown.at(sent),
    });
    shown.done('sent');
  } catch (failure) {
    shown.done(cancel.signal.aborted ? 'cancelled' : `not sent: ${failure.detail ?? failure}`);
  }
}

function take({ event, data, from, stream, time }) {
  if (stream) return takeFile(stream, from);
  if (event === 'image' && data instanceof Uint8Array) return takeImage(data, time);
  if (typeof data?.name !== 'string') return; // of another program
  const who = data.name.slice(0, maxName) || 'somebody';
  switch (event) {
    case 'said':
      return add(who, time, element('p', 'words', String(data.text)));
    case 'join':
      joined ||= from?.client === me;
      note(`${who} joined`);
      if (joined && from?.client !== me) told(client.publish(channel, { name }, { event: 'here' }));
      break;
    case 'leave':
      note(`${who} left`);
      here.delete(from?.client);
  }
  if (joined && (event === 'join' || event === 'here') && here.size < 1000) here.set(from?.client, who);
  $('here').textContent = `Here: ${[...here.values()].sort().join(', ')}`;
}

function takeImage(packed, time) {
  let image;
  try {
    image = unpackImage(packed);
  } catch {
    return; // of another program
  }
  const { header, bytes } = image;
  if (!imageTypes.includes(header?.type)) return;
  const who = String(header.name).slice(0, maxName);
  const img = element('img');
  img.src = URL.createObjectURL(new Blob([bytes], { type: header.type }));
  img.alt = `An image that ${who} sent`;
  img.addEventListener('load', () => scroll(true));
  add(who, time, img);
}

async function takeFile({ id, name: file, size, state }, from) {
  if (state || !joined || from?.client === me) return;
  const shown = new Transfer(here.get(from?.client) ?? 'somebody', file ?? 'a file', size);
  try {
    const bytes = streams.receive(client, id, { onprogress: (received) => shown.at(received) });
    const blob = await new Response(bytes).blob(); // on the browser's disk, if it is large
    const link = element('a', '', 'Save');
    link.href = URL.createObjectURL(blob);
    link.download = file ?? 'file';
    shown.done('received', link);
  } catch (failure) {
    shown.done(`not received: ${failure.detail ?? failure}`);
  }
}

// A Transfer is the line of a file that is on its way.
class Transfer {
  constructor(from, file, size) {
    this.size = size;
    const box = element('div', 'transfer');
    box.append(element('span', 'file', file), this.bar = element('progress'), this.state = element('span', 'far'), this.end = element('span', 'end'));
    this.bar.max = size || 1;
    this.bar.setAttribute('aria-label', file);
    if (size === undefined) this.bar.removeAttribute('value');
    add(from, undefined, box);
    this.at(0);
  }

  at(bytes) {
    if (this.size !== undefined) this.bar.value = bytes;
    this.state.textContent = this.size === undefined ? amount(bytes) : `${amount(bytes)} of ${amount(this.size)}`;
  }

  done(how, link) {
    this.bar.remove();
    this.state.textContent = [this.size !== undefined && amount(this.size), how].filter(Boolean).join(', ');
    this.end.replaceChildren(...(link ? [link] : []));
    this.end.closest('li').dataset.done = how;
  }
}

function add(from, time, content) {
  const line = element('li');
  const at = time ? new Date(time) : new Date();
  const head = element('p', 'from', from);
  const clock = head.appendChild(element('time', '', at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })));
  clock.dateTime = at.toISOString();
  line.append(head, content);
  show(line);
}

function note(text) {
  show(element('li', 'note', text));
}

function show(line) {
  const log = $('log');
  const lines = log.firstElementChild;
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  lines.append(line);
  while (lines.children.length > maxLines) {
    for (const held of lines.firstElementChild.querySelectorAll('[src], [href]')) URL.revokeObjectURL(held.src ?? held.href);
    lines.firstElementChild.remove();
  }
  scroll(atEnd);
}

function scroll(wanted) {
  if (wanted) $('log').scrollTop = $('log').scrollHeight;
}

// told says what went wrong.
function told(promise) {
  return promise.catch((failure) => note(`That did not get through: ${failure.detail ?? failure}`));
}

function element(tag, className = '', text = '') {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}
