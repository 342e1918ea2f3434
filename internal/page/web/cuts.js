// What a cut line would show on its return: its cursor, in a field of a row between the
// head of the board and the messages, to be looked at and changed.

import { element } from './element.js';

export class Cuts {
  element = element('div', { role: 'rowgroup', class: 'cuts' });
  #rows = new Map(); // line's id → { row, field, cells }

  // resume(line) is called when the row's own button is pressed, or Enter in its field.
  constructor(lines, resume) {
    this.lines = lines;
    this.resume = resume;
  }

  // state adds or takes away the row of a line. It returns whether the focus was in it.
  state(line) {
    if (line.state === 'cut' && !this.#rows.has(line.id)) this.#add(line);
    const had = this.#rows.get(line.id);
    const focused = line.state !== 'cut' && had?.row.contains(document.activeElement);
    if (line.state !== 'cut') {
      had?.row.remove();
      this.#rows.delete(line.id);
    }
    for (const { cells } of this.#rows.values()) cells.get(line.id).toggleAttribute('data-mark', line.state !== 'cut');
    return focused;
  }

  cursor(line) {
    return this.#rows.get(line.id)?.field.value.trim() ?? line.cursor;
  }

  #add(line) {
    const field = element('input', {
      id: `cursor-${line.id}`, class: 'code', autocapitalize: 'none', autocomplete: 'off', spellcheck: 'false',
    });
    field.value = line.cursor;
    const form = element('form', {},
      element('label', { for: field.id, text: `${line.name} would go on from` }), field,
      element('button', { type: 'submit', class: 'quiet', text: 'Resume', 'aria-label': `Resume ${line.name} from this cursor` }));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.resume(line);
    });
    const cells = new Map(this.lines.map((other) => [other.id,
      element('div', { role: 'cell', class: 'arrival', 'data-line': other.id, 'data-mark': other.state === 'cut' ? undefined : '' })]));
    const row = element('div', { role: 'row', class: 'row cut', 'data-line': line.id },
      element('div', { role: 'cell', class: 'publication' }, form), ...cells.values());
    this.#rows.set(line.id, { row, field, cells });
    this.element.append(row);
  }
}
