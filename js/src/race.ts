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
  const known = transports.filter((t) => t === first);
  const rest = transports.filter((t) => t !== first);
  const complete = (t: Transport) => t === 'poll';
  return [
    known,
    rest.filter((t) => t === 'websocket'),
    rest.filter((t) => t !== 'websocket' && !complete(t)),
    rest.filter(complete),
  ].filter((group) => group.length);
}

/** Opens lines of all groups that it comes to. Resolves with the line that won, not yet accepted; the others are closed. Rejects with what the server says, or when nothing gets through. */
export function race(groups: Transport[][], open: (transport: Transport, opening: Opening) => Line, start: (line: Line) => void, signal: AbortSignal): Promise<Line> {
  return new Promise((resolve, reject) => {
    const running = new Set<Line>();
    let timer: ReturnType<typeof setTimeout>;
    let graceTimer: ReturnType<typeof setTimeout>;
    let best: Line | undefined;
    let decided = false;

    const decide = (winner?: Line, failure?: Failure) => {
      if (decided) return;
      decided = true;
      clearTimeout(timer);
      clearTimeout(graceTimer);
      for (const line of running) if (line !== winner) line.close();
      if (winner) resolve(winner);
      else reject(failure);
    };

    let next = 0;
    const startNext = (failure = new Failure('timeout', 'nothing answered in time', 'next')) => {
      clearTimeout(timer);
      const group = groups[next++];
      if (!group) return decide(undefined, failure);
      timer = setTimeout(startNext, next < groups.length ? budget : patience);
      const pending: (Line | undefined)[] = [];
      group.forEach((transport, rank) => {
        const opening = {
          open() {
            // Whoever is before it in the group may still come.
            if (!best || pending.indexOf(best) > rank) best = line;
            if (pending.slice(0, rank).some(Boolean)) {
              clearTimeout(graceTimer);
              graceTimer = setTimeout(() => decide(best), grace);
            } else decide(best);
          },
          fail(failure: Failure) {
            running.delete(line);
            pending[rank] = undefined;
            if (best === line) best = undefined;
            if (failure.consequence !== 'next') decide(undefined, failure);
            else if (!running.size) startNext(failure);
            else if (best && !pending.slice(0, pending.indexOf(best)).some(Boolean)) decide(best);
          },
        };
        const line = open(transport, opening);
        running.add(line);
        pending[rank] = line;
      });
      for (const line of pending) {
        try {
          if (line && !decided) start(line);
        } catch (error) {
          line!.fail(failureOf(error)); // a WebSocket that a policy of the page forbids
        }
      }
    };

    signal.addEventListener('abort', () => decide(undefined, new Failure('closed', 'it was given up', 'next')));
    startNext();
  });
}
