// Which transport gets through: groups of them are tried one after the other, each given a
// budget for its first answer, and whoever answered first is the one. An open that nothing
// follows is no answer: there are proxies that accept and then swallow.

import { Failure, failureOf } from './failure.ts';
import type { Line, Opening } from './line.ts';
import type { Transport } from './options.ts';

// What a group has to itself before the next is started beside it.
const budget = 2500;
// What a better transport of the same group is still given once a lesser one has answered.
const grace = 150;
// What the last group has.
const patience = 10_000;

/** In what order to try: what worked before alone, then by how good they are. */
export function groupsOf(transports: readonly Transport[], first?: string): Transport[][] {
  const rank = (t: Transport) => (t === first ? 0 : t === 'websocket' ? 1 : t === 'poll' ? 3 : 2);
  return [0, 1, 2, 3].map((r) => transports.filter((t) => rank(t) === r)).filter((group) => group[0]);
}

/** Opens and starts lines of all groups that it comes to. Resolves with the line that won, not yet accepted; the others are closed. Rejects with what the server says, or when nothing gets through. */
export function race(groups: Transport[][], open: (transport: Transport, opening: Opening) => Line, start: (line: Line) => void, signal: AbortSignal): Promise<Line> {
  const running = new Set<Line>();
  let timer: ReturnType<typeof setTimeout>;
  return new Promise<Line>((resolve, reject) => {
    let next = 0;
    let decided = false;
    const decide = (line: Line) => {
      if (decided || line._over) return;
      decided = running.delete(line);
      resolve(line);
    };
    const giveUp = (failure: Failure) => {
      decided = true;
      reject(failure);
    };
    const startNext = (failure = new Failure('timeout', 'next')) => {
      clearTimeout(timer);
      const group = groups[next++];
      if (!group) return giveUp(failure);
      timer = setTimeout(startNext, next < groups.length ? budget : patience);
      const lines = group.map((transport, rank) => {
        const line: Line = open(transport, {
          _open: () => {
            if (rank) setTimeout(() => decide(line), grace);
            else decide(line);
          },
          _fail(failure) {
            running.delete(line);
            if (decided) return;
            if (failure._next !== 'next') giveUp(failure);
            else if (!running.size) startNext(failure);
          },
        });
        running.add(line);
        return line;
      });
      for (const line of lines) {
        try {
          if (!decided) start(line);
        } catch (error) {
          line._fail(failureOf(error)); // a WebSocket that a policy of the page forbids
        }
      }
    };
    signal.addEventListener('abort', () => giveUp(new Failure('aborted', 'next')));
    startNext();
  }).finally(() => {
    clearTimeout(timer);
    for (const line of running) line._close();
  });
}
