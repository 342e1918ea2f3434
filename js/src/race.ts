// Which transport gets through: groups of them are tried one after the other, each given a
// budget for its first answer, and whoever answered first is the one. An open that nothing
// follows is no answer: there are proxies that accept and then swallow.

import { Failure } from './failure.ts';
import type { Line, Opening } from './line.ts';
import type { Transport } from './options.ts';

// What a group has to itself before the next is started beside it.
const budget = 2500;
// What a better transport of the same group is still given once a lesser one has answered.
const grace = 150;
// What the last group has.
const patience = 10_000;

/** Whose lines they are. */
export interface Starter {
  /** Opens a line. */
  _open(transport: Transport, opening: Opening): Line;
  _won(line: Line): void;
  _lost(failure: Failure): void;
}

/** In what order to try: what worked before alone, then by how good they are. */
export function groupsOf(transports: readonly Transport[], first?: string): Transport[][] {
  const rank = (t: Transport) => (t === first ? 0 : t === 'websocket' ? 1 : t === 'poll' ? 3 : 2);
  return [0, 1, 2, 3].map((r) => transports.filter((t) => rank(t) === r)).filter((group) => group[0]);
}

/**
 * Opens lines of all groups that it comes to, until one has won; the others are closed. It is
 * lost by what the server says, or when nothing gets through. Returns what gives it up.
 */
export function race(groups: Transport[][], starter: Starter): () => void {
  const running = new Set<Line>();
  let timer: ReturnType<typeof setTimeout>;
  let next = 0;
  const end = () => {
    clearTimeout(timer);
    for (const line of running) line._close();
    running.clear();
  };
  const startNext = (failure = new Failure('timeout', 'next')) => {
    clearTimeout(timer);
    const group = groups[next++];
    if (!group || failure._next !== 'next') {
      end();
      return starter._lost(failure);
    }
    timer = setTimeout(startNext, next < groups.length ? budget : patience);
    group.forEach((transport, rank) => {
      const line = starter._open(transport, {
        async _open() {
          if (rank) await new Promise((resolve) => setTimeout(resolve, grace));
          if (!running.delete(line)) return;
          end();
          starter._won(line);
        },
        _fail(failure) {
          if (running.delete(line) && (!running.size || failure._next !== 'next')) startNext(failure);
        },
      });
      running.add(line);
    });
  };
  startNext();
  return end;
}
