// What the page shows, read as a visitor would: its lines, rows and cells.

import { until } from '../server.js';

export const lines = ['ws', 'sse', 'stream', 'long', 'poll'];

export class BoardReader {
  constructor(page) {
    this.page = page;
  }

  // open shows the page for one channel and waits until all its lines stand.
  async open(server, channel) {
    await this.page.goto(`${server.origin}/?channel=${channel}`);
    await this.allLive();
  }

  async allLive() {
    for (const line of lines) await this.line(line, 'live');
  }

  line(line, state) {
    return this.page.locator(`[data-testid=line-${line}][data-state=${state}]`).waitFor();
  }

  button(line) {
    return this.page.locator(`[data-testid=line-${line}] button`);
  }

  async cut(...which) {
    for (const line of which) await this.button(line).click();
    for (const line of which) await this.line(line, 'cut');
  }

  async resume(...which) {
    for (const line of which) await this.button(line).click();
    for (const line of which) await this.line(line, 'live');
  }

  // rows are the rows of messages and gaps, newest first, with the mark of each line.
  rows() {
    return this.page.$$eval('.rows > .row', (rows) => rows.map((row) => ({
      pos: row.dataset.pos,
      text: row.querySelector('.data')?.textContent ?? row.querySelector('.publication').innerText,
      marks: Object.fromEntries([...row.querySelectorAll('.arrival')].map((cell) => [cell.dataset.line, cell.dataset.mark ?? ''])),
    })));
  }

  // arrived waits until the message at pos has a mark in each of the lines' cells.
  arrived(pos, which = lines) {
    return until(`${pos} on ${which}`, async () => {
      const row = (await this.rows()).find((row) => row.pos === pos);
      return row && which.every((line) => row.marks[line]) && row;
    });
  }
}
