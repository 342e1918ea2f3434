// The page of an agent: who waits, and the conversations that are this agent's.

import { Conversation, show, talk, tokens } from './conversation.js';

const $ = (id) => document.getElementById(id);
const name = await (await fetch('/agent/name')).text();
const cases = new Map();
const conversations = new Map(); // those of this agent that are open
const unread = new Map();
let client;
let token;
let current = '';

if (name) {
  $('who').textContent = `Signed in as ${name}`;
  $('sign-in').hidden = true;
  $('desk').hidden = false;
  talk($('say'), $('status'), () => conversations.get(current));
  $('close').addEventListener('click', () => post(current, 'close'));

  token = tokens('/agent/token');
  client = new wsbridge.Client({ token });
  const desk = client.channel('desk').subscribe();
  desk.addEventListener('message', ({ data }) => update([data]));
  desk.addEventListener('gap', load);
  await desk.ready; // first the subscription, then the state: nothing falls between
  await load();
}

async function load() {
  const answer = await fetch('/agent/cases');
  if (answer.ok) update(await answer.json());
}

function update(more) {
  for (const one of more) {
    if (one.version <= cases.get(one.id)?.version) continue;
    cases.set(one.id, one);
    if (one.agent === name && !one.closed && !conversations.has(one.id)) join(one.id);
  }
  // Closed ones leave the list, but not while they are shown.
  for (const { id, closed } of cases.values()) {
    if (!closed || id === current) continue;
    conversations.get(id)?.end();
    conversations.delete(id);
    cases.delete(id);
  }
  list();
}

function join(id) {
  const conversation = new Conversation(client, id, `agent-${name}`, () => token.now);
  conversations.set(id, conversation);
  conversation.addEventListener('change', ({ line }) => {
    if (line && id !== current && !line.mine && !line.note && !line.question) unread.set(id, (unread.get(id) ?? 0) + 1);
    if (id === current) draw();
    list();
  });
}

function select(id) {
  current = id;
  unread.delete(id);
  draw();
  update([]);
}

function draw() {
  const conversation = conversations.get(current);
  const one = cases.get(current);
  $('conversation').hidden = !conversation;
  if (!conversation) return;
  $('customer').textContent = one.name;
  $('close').hidden = conversation.closed;
  show(conversation, { log: $('log'), peer: $('peer'), form: $('say'), name: one.name, asked: 'theirs' });
}

function list() {
  const waiting = [...cases.values()].filter(({ agent, closed }) => !agent && !closed).length;
  $('waiting').textContent = waiting;
  $('waiting').hidden = !waiting;
  $('empty').hidden = cases.size > 0;
  const focused = document.activeElement?.dataset?.case;
  $('cases').replaceChildren(...[...cases.values()].map(row));
  if (focused) $('cases').querySelector(`[data-case="${focused}"]`)?.focus();
}

function row(one) {
  const item = document.createElement('li');
  const what = item.appendChild(document.createElement('div'));
  what.append(document.createElement('strong'), document.createElement('p'));
  what.firstChild.textContent = one.name;
  what.lastChild.textContent = one.question;
  what.lastChild.className = 'question';
  const news = unread.get(one.id);
  if (news) what.insertAdjacentHTML('afterbegin', `<span class="badge">${news}<span class="unseen"> new</span></span> `);
  const mine = one.agent === name;
  if (one.agent && !mine) {
    const taken = item.appendChild(document.createElement('span'));
    taken.className = 'aside';
    taken.textContent = `with ${one.agent}`;
    return item;
  }
  const button = item.appendChild(document.createElement('button'));
  button.dataset.case = one.id;
  button.textContent = mine ? 'Show' : 'Take';
  button.setAttribute('aria-label', `${button.textContent} the case of ${one.name}`);
  if (mine) button.setAttribute('aria-pressed', String(one.id === current));
  button.addEventListener('click', async () => {
    if (mine || await post(one.id, 'take')) select(one.id);
  });
  return item;
}

// post changes a case, and resolves with whether it did.
async function post(id, what) {
  const answer = await fetch(`/agent/cases/${id}/${what}`, { method: 'POST' }).catch((error) => error);
  $('status').textContent = answer.ok ? '' : answer.status ? await answer.text() : 'The desk cannot be reached. Try again.';
  if (answer.ok) update([await answer.json()]);
  return answer.ok;
}
