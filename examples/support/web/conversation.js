// A conversation is two channels. What was said and what became of the case stands in the log of `case:ID`, and is
// read from its beginning. Who is there and who is typing matters only while it happens: `live:ID`, from now on.

const beat = 15e3; // ms between two signs of life
const silence = 40e3; // ms without one, and the other is taken to be away
const typing = 4e3; // ms that one key stroke counts

export class Conversation extends EventTarget {
  lines = []; // { text, mine }, or { text, note: true }
  present = false; // the other
  typing = false; // the other
  agent = '';
  closed = false;
  #ends = [];

  // me is the user of the token that tokenNow() returns.
  constructor(client, id, me, tokenNow) {
    super();
    this.client = client;
    this.id = id;
    const { signal } = this.ending = new AbortController();

    const log = client.channel(`case:${id}`).subscribe({ since: '0', signal });
    log.addEventListener('message', ({ event, data, from }) => this.#said(event, data, from, from?.user === me));
    log.addEventListener('gap', () => this.#add({ text: 'Older lines are no longer there', note: true }));

    const live = client.channel(`live:${id}`).subscribe({ signal });
    live.addEventListener('message', ({ event, from }) => { if (from?.user !== me) this.#sign(event); });
    live.ready.then(() => this.#send('hello'), () => {});
    const beating = setInterval(() => this.#send('here'), beat);
    const leave = () => navigator.sendBeacon('/v1/send', JSON.stringify({ type: 'publish', channel: `live:${id}`, event: 'left', token: tokenNow() }));
    const back = ({ persisted }) => { if (persisted) this.#send('hello'); };
    addEventListener('pagehide', leave, { signal });
    addEventListener('pageshow', back, { signal });
    signal.addEventListener('abort', () => {
      clearInterval(beating);
      for (const end of this.#ends) clearTimeout(end);
    });
  }

  say(text) {
    this.typed = 0;
    return this.client.publish(`case:${this.id}`, text, { event: 'said' });
  }

  // type is called with each key stroke, and tells the other now and then.
  type() {
    if (Date.now() - (this.typed ?? 0) < typing / 2) return;
    this.typed = Date.now();
    this.#send('typing');
  }

  end() {
    this.ending.abort();
  }

  // A sign that gets lost is no loss: the next one comes.
  #send(event) {
    this.client.publish(`live:${this.id}`, null, { event }).catch(() => {});
  }

  #said(event, data, from, mine) {
    if (from) { // one of the two; what becomes of the case is only the backend's to say
      if (event !== 'said') return;
      if (!mine) this.typing = false;
      this.#add({ text: String(data), mine });
    } else if (event === 'opened') {
      this.#add({ text: data.question, question: true });
    } else if (event === 'taken') {
      this.agent = data.agent;
      this.#add({ text: `${data.agent} has taken the case`, note: true });
    } else if (event === 'closed') {
      this.closed = true;
      this.#add({ text: `${data.agent || 'The desk'} has closed the case`, note: true });
    }
  }

  #sign(event) {
    if (event === 'hello') this.#send('here'); // so that who comes later knows, too
    this.present = event !== 'left';
    this.typing = event === 'typing';
    for (const end of this.#ends) clearTimeout(end);
    this.#ends = [
      setTimeout(() => { this.typing = false; this.#changed(); }, typing),
      setTimeout(() => { this.present = false; this.#changed(); }, silence),
    ];
    this.#changed();
  }

  #add(line) {
    this.lines.push(line);
    if (this.lines.length > 200) this.lines.shift();
    this.#changed(line);
  }

  #changed(line) {
    this.dispatchEvent(Object.assign(new Event('change'), { line }));
  }
}

// show draws a conversation into the elements of a page. asked says whose the question is. Lines that stand there
// already are left alone, so that a screen reader says each once.
export function show(conversation, { log, peer, form, name, asked }) {
  if (log.shown !== conversation) log.replaceChildren();
  log.shown = conversation;
  let added = false;
  for (const line of conversation.lines) {
    if (line.item?.parentNode === log) continue;
    log.append(line.item = row(line, asked));
    added = true;
  }
  while (log.childElementCount > conversation.lines.length) log.firstChild.remove();
  if (added) log.parentElement.scrollTop = log.parentElement.scrollHeight;
  const state = conversation.typing ? 'is typing …' : conversation.present ? 'is here' : 'is away';
  const words = conversation.closed ? '' : `${name} ${state}`;
  if (peer.textContent !== words) peer.textContent = words;
  form.hidden = conversation.closed;
}

function row({ text, mine, note, question }, asked) {
  const item = document.createElement('li');
  const ours = question ? asked === 'mine' : mine;
  item.className = note ? 'said-note' : ours ? 'mine' : 'theirs';
  if (!note) item.insertAdjacentHTML('afterbegin', `<span class="unseen">${ours ? 'You' : 'The other'}: </span>`);
  item.append(text);
  return item;
}

// talk lets a form say its text. current() is the conversation that it is about.
export function talk(form, status, current) {
  const { text } = form.elements;
  text.addEventListener('input', () => current()?.type());
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const said = text.value;
    try {
      text.value = '';
      status.textContent = '';
      await current().say(said);
    } catch ({ message }) {
      text.value ||= said;
      status.textContent = `That was not sent: ${message}`;
    }
  });
}

// tokens returns a callback for the client, with the last token as its member now.
export function tokens(url) {
  const get = async () => {
    const answer = await fetch(url, { method: 'POST' });
    if (!answer.ok) throw new Error(await answer.text());
    return get.now = await answer.text();
  };
  return get;
}
