// The board: a row for each message and gap, newest on top, a column for each line, and in
// the cell whether and when the message arrived on it.

import { Cuts } from './cuts.js';
import { element } from './element.js';
import { format } from './exact.js';
import { format as duration, median } from './latency.js';

const kept = 50; // rows
const words = {
  idle: 'not connected', connecting: 'connecting', live: 'live', waiting: 'reconnecting',
  resting: 'resting', cut: 'cut', refused: 'refused',
};

export class Board {
  #root;
  #body = element('div', { role: 'rowgroup', class: 'rows' });
  #heads = new Map(); // line's id → its elements in the head
  #cuts;
  #rows = []; // newest first: { key, order, element, cells, firstAt }
  #epochs = []; // in the order in which they were first seen

  // toggle(line) is called when the button of a line is pressed, resume(line) when a cut
  // one is resumed from its row.
  constructor(root, lines, { toggle, resume }) {
    this.#root = root;
    this.#cuts = new Cuts(lines, resume);
    const head = element('div', { role: 'row', class: 'head' },
      element('div', { role: 'columnheader', class: 'publication' }, element('span', { text: 'Message' })));
    for (const line of lines) head.append(this.#head(line, toggle));
    root.append(fan(lines), element('div', { role: 'rowgroup' }, head), this.#cuts.element, this.#body);
    this.lines = lines;
  }

  #head(line, toggle) {
    const state = element('span', { class: 'state' });
    const place = element('span', { class: 'place' });
    const typical = element('span', { class: 'typical' });
    const button = element('button', { type: 'button', class: 'quiet' });
    button.addEventListener('click', () => toggle(line));
    this.#heads.set(line.id, { state, place, typical, button, latencies: [] });
    const head = element('div', { role: 'columnheader', class: 'line', 'data-line': line.id, 'data-testid': `line-${line.id}` },
      element('span', { class: 'name', text: line.name }),
      element('code', { class: 'path', text: line.path }),
      state, place, typical, button);
    this.#heads.get(line.id).head = head;
    return head;
  }

  // state shows what became of a line.
  state(line) {
    const { head, state, place, typical, button, latencies } = this.#heads.get(line.id);
    head.dataset.state = line.state;
    setText(state, line.reason ? `${words[line.state]}: ${line.reason.replaceAll('_', ' ')}` : words[line.state]);
    setText(place, line.position ? `at ${offset(line.position)}` : '');
    setText(typical, latencies.length ? `median ${duration(median(latencies))}` : '');
    const verb = line.running ? 'Cut' : line.state === 'cut' || line.state === 'resting' ? 'Resume' : 'Connect';
    setText(button, verb);
    button.setAttribute('aria-label', `${verb} ${line.name}`);
    if (this.#cuts.state(line)) button.focus();
  }

  // cursor is where a line goes on: as its row says if it is cut.
  cursor(line) {
    return this.#cuts.cursor(line);
  }

  // message shows that a message arrived on a line after so many milliseconds.
  message(line, message, latency) {
    const row = this.#row(`message ${message.pos}`, rank(this.#epochs, message.pos), () => publication(message));
    // What was sent before the line came back was in the log by then. Broker times are cut to milliseconds.
    const late = row.firstAt < line.returnedAt || performance.now() - latency < line.returnedAt - 1;
    this.#mark(row, line, late ? 'late' : 'live', late ? `+${duration(latency)}` : duration(latency));
    if (late) return;
    const { latencies } = this.#heads.get(line.id);
    latencies.push(latency);
    if (latencies.length > kept) latencies.shift();
    this.state(line);
  }

  // gap shows what a line was told that it will not get.
  gap(line, gap) {
    const order = rank(this.#epochs, gap.to) + 0.5;
    const row = this.#row(`gap ${gap.reason} ${gap.from} ${gap.to}`, order, () => missed(gap));
    this.#mark(row, line, 'gap', 'gap');
    const [epoch, from, to] = [epochOf(gap.from), offset(gap.from), offset(gap.to)];
    for (const { pos, cells } of this.#rows) {
      const lost = pos && epochOf(pos) === epoch && offset(pos) > from && (epoch !== epochOf(gap.to) || offset(pos) <= to);
      const cell = cells.get(line.id);
      if (lost && !cell.dataset.mark) Object.assign(cell.dataset, { mark: 'gap' });
    }
  }

  clear() {
    this.#rows = [];
    this.#epochs = [];
    this.#body.replaceChildren();
    for (const head of this.#heads.values()) head.latencies = [];
    this.#root.removeAttribute('data-filled');
  }

  #mark(row, line, mark, text) {
    const cell = row.cells.get(line.id);
    cell.dataset.mark = mark;
    cell.replaceChildren(
      element('i', { class: `mark ${mark}` }),
      element('span', { class: 'unseen', text: `${line.name}: ${mark === 'late' ? 'caught up' : mark === 'live' ? 'arrived after' : 'told of a'} ` }),
      element('span', { class: 'time', text }));
  }

  #row(key, order, publication) {
    const known = this.#rows.find((row) => row.key === key);
    if (known) return known;
    const cells = new Map(this.lines.map((line) =>
      [line.id, element('div', { role: 'cell', class: 'arrival', 'data-line': line.id })]));
    const { content, pos, kind } = publication();
    const row = { key, order, pos, cells, firstAt: performance.now() };
    row.element = element('div', { role: 'row', class: `row ${kind}`, 'data-pos': pos }, content, ...cells.values());
    const at = this.#rows.findIndex((other) => other.order < order);
    const index = at < 0 ? this.#rows.length : at;
    this.#body.insertBefore(row.element, this.#rows[index]?.element ?? null);
    this.#rows.splice(index, 0, row);
    while (this.#rows.length > kept) this.#rows.pop().element.remove();
    this.#root.setAttribute('data-filled', '');
    return row;
  }
}

// fan draws the one publish that becomes five lines. It says nothing that the head does not.
function fan(lines) {
  const fan = element('div', { class: 'fan', role: 'presentation', 'aria-hidden': 'true' });
  for (const line of lines) fan.append(element('i', { 'data-line': line.id }));
  fan.append(element('b'));
  return fan;
}

function publication(message) {
  const content = element('div', { role: 'cell', class: 'publication' },
    element('p', { class: 'what' },
      element('span', { class: 'offset', text: offset(message.pos) }),
      ...(message.event ? [element('span', { class: 'event', text: message.event })] : []),
      element('span', { class: 'data code', text: payload(message) })),
    element('p', { class: 'where code' },
      element('span', { text: message.pos }),
      element('span', { text: message.time.slice(11, 23) })));
  return { content, pos: message.pos, kind: 'published' };
}

function missed({ reason, from, to }) {
  const content = element('div', { role: 'cell', class: 'publication' },
    element('p', { class: 'what' }, element('span', { class: 'reason', text: `gap: ${reason}` }),
      element('span', { text: epochOf(from) === epochOf(to) && offset(to) > offset(from) ? `${offset(to) - offset(from)} missed` : '' })),
    element('p', { class: 'where code' }, element('span', { text: `from ${from}` }), element('span', { text: `to ${to}` })));
  return { content, kind: 'missed' };
}

const longest = 600; // characters of a payload that are shown

function payload(message) {
  if (message.bytes !== undefined) return `${message.bytes} bytes`;
  if (message.data_base64 !== undefined) return `${atob(message.data_base64).length} bytes`;
  if (message.data === undefined) return '';
  const text = typeof message.data === 'string' ? message.data : format(message.data);
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

const epochOf = (position) => position.split('-')[0];
const offset = (position) => Number(position.split('-')[1] ?? 0);

// rank orders positions: epochs by when they were seen, then offsets.
function rank(epochs, position) {
  const epoch = epochOf(position);
  if (!epochs.includes(epoch)) epochs.push(epoch);
  return epochs.indexOf(epoch) * 2 ** 40 + offset(position);
}

function setText(e, text) {
  if (e.textContent !== text) e.textContent = text;
}
