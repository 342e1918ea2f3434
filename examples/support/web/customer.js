// The page of a customer: one question, and the conversation about it, which is there again after a reload.

import { Conversation, show, talk, tokens } from './conversation.js';

const $ = (id) => document.getElementById(id);
let conversation;

function follow({ id }) {
  const token = tokens('/customer/token');
  const client = new wsbridge.Client({ token });
  conversation = new Conversation(client, id, `customer-${id}`, () => token.now);
  conversation.addEventListener('change', () => {
    const { agent, closed } = conversation;
    show(conversation, { log: $('log'), peer: $('peer'), form: $('say'), name: agent, asked: 'mine' });
    if (!agent && !closed) $('peer').textContent = 'Somebody will be with you soon';
    $('again').hidden = !conversation.closed;
  });
  $('ask').hidden = true;
  $('conversation').hidden = false;
}

talk($('say'), $('status'), () => conversation);
$('ask').addEventListener('submit', async (event) => {
  event.preventDefault();
  const answer = await fetch('/customer/case', { method: 'POST', body: new URLSearchParams(new FormData(event.target)) }).catch((error) => error);
  if (answer.ok) follow(await answer.json());
  $('status').textContent = answer.ok ? '' : 'The question was not taken. Try again.';
});
$('again').addEventListener('click', () => {
  conversation.end();
  conversation.client.close();
  $('log').replaceChildren();
  $('conversation').hidden = $('again').hidden = true;
  $('ask').hidden = false;
  $('ask').reset();
  $('name').focus();
});

const mine = await (await fetch('/customer/case')).json();
if (mine) follow(mine);
