// The list of orders, the same in all steps. An order is known by its number, so one that comes twice, or by two
// ways during the move, is shown once and in its place.

const list = document.getElementById('list');
const orders = new Map();

export function show(more) {
  for (const order of more) orders.set(order.n, order);
  const newestFirst = [...orders.values()].sort((a, b) => b.n - a.n).slice(0, 100);
  list.replaceChildren(...newestFirst.map(row));
}

export const newest = () => Math.max(0, ...orders.keys());

// load asks for the present state until it has it.
export async function load() {
  for (;; await pause(1000)) {
    const answer = await fetch('/orders').catch(() => null);
    if (answer?.ok) return show(await answer.json());
  }
}

export async function getToken() {
  const answer = await fetch('/token', { method: 'POST' });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.text();
}

export const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

function row({ n, text, time }) {
  const item = document.createElement('li');
  item.append(document.createElement('span'), document.createElement('time'));
  item.firstChild.textContent = `${n}. ${text}`;
  item.lastChild.dateTime = time;
  item.lastChild.textContent = new Date(time).toLocaleTimeString();
  return item;
}

document.getElementById('order').addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  const answer = await fetch('/orders', { method: 'POST', body: new URLSearchParams(new FormData(form)) }).catch((error) => error);
  document.getElementById('status').textContent = answer.ok ? '' : 'The order was not taken. Try again.';
  if (answer.ok) form.reset();
});
