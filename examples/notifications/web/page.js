// What was received and how far is kept in one item of the storage, so that both are written or none. After a reload
// the subscription goes on behind it, and what was missed meanwhile comes first.

const $ = (id) => document.getElementById(id);
const most = 50;

const user = await (await fetch('/user')).text();
if (user) follow(`user:${user}`);

function follow(name) {
  // Another kept item for what is read: it belongs to all tabs, while each tab receives for itself.
  const [logKey, readKey] = [`notifications ${name}`, `notifications read ${name}`];
  const { pos, items } = JSON.parse(localStorage.getItem(logKey) ?? '{"pos":"0","items":[]}');

  const client = new wsbridge.Client({ token: getToken });
  const sub = client.channel(name).subscribe({ since: pos });
  sub.addEventListener('message', ({ id, pos, data, time }) => keep({ id, text: data?.text ?? JSON.stringify(data), time }, pos));
  sub.addEventListener('gap', ({ reason, from, to }) => keep({ id: `${from} ${to}`, gap: reason }, to));
  client.addEventListener('state', ({ state, transport }) => {
    $('line').textContent = state === 'connected' ? `connected by ${transport}` : state;
  });
  sub.addEventListener('error', ({ detail }) => { $('line').textContent = detail; });

  function keep(item, pos) {
    items.unshift(item);
    items.length = Math.min(items.length, most);
    localStorage.setItem(logKey, JSON.stringify({ pos, items }));
    show();
  }

  function show() {
    const read = items.findIndex(({ id }) => id === localStorage.getItem(readKey));
    const unread = read < 0 ? items.length : read;
    $('badge').hidden = unread === 0;
    $('badge').textContent = unread;
    $('read').disabled = unread === 0;
    document.title = unread ? `(${unread}) Notifications` : 'Notifications';
    $('empty').hidden = items.length > 0;
    $('list').replaceChildren(...items.map((item, i) => row(item, i < unread)));
  }

  $('read').addEventListener('click', () => {
    localStorage.setItem(readKey, items[0].id);
    show();
  });
  addEventListener('storage', ({ key }) => { if (key === readKey) show(); });
  $('ship').addEventListener('click', ship);

  $('who').textContent = `Signed in as ${user}`;
  $('sign-in').hidden = true;
  $('signed-in').hidden = false;
  show();
}

async function getToken() {
  const answer = await fetch('/token', { method: 'POST' });
  if (answer.status === 401) location.replace('/'); // signed out
  if (!answer.ok) throw new Error(await answer.text());
  return answer.text();
}

async function ship() {
  const order = String(Date.now()).slice(-6);
  const answer = await fetch(`/orders/${order}/ship`, { method: 'POST' }).catch((error) => error);
  $('status').textContent = answer.ok ? '' : 'The order could not be shipped. Try again.';
}

function row({ text, gap, time }, fresh) {
  const item = document.createElement('li');
  const what = item.appendChild(document.createElement('span'));
  what.textContent = gap ? `Some notifications are no longer there (${gap})` : text;
  if (time) {
    const at = item.appendChild(document.createElement('time'));
    at.dateTime = time;
    at.textContent = new Date(time).toLocaleTimeString();
  }
  item.classList.toggle('fresh', fresh);
  item.classList.toggle('gap', Boolean(gap));
  if (fresh) what.insertAdjacentHTML('afterbegin', '<span class="unseen">New: </span>');
  return item;
}
