// A topic is a channel of which something is wanted here: its subscriptions, which may stand
// at different positions, and the line that serves them.

import type { Failure } from './failure.ts';
import type { Line } from './line.ts';
import { epochOf, notBehind } from './position.ts';
import type { Subscription } from './subscription.ts';

/** What a line is asked to follow: a channel from a position on, for those who stand there or further. */
export interface Mark {
  readonly _name: string;
  /** undefined: from now. */
  readonly _since: string | undefined;
  readonly _subs: Set<Subscription>;
  /** Whether the line has begun with it. */
  _confirmed: boolean;
  /** What it is called in another tab. */
  _id?: string;
}

export class Topic {
  readonly _subs = new Set<Subscription>();
  /** The line whose word counts. While two overlap, only one's does. */
  _line?: Line;

  constructor(readonly _name: string) {}

  /**
   * The mark for a line that has the mark existing, or none. A line follows a channel once, so
   * who comes to it later with an older position has it begin anew from there; those who
   * stand further on skip what they know (see Subscription). Whoever has no position is
   * placed first, then one epoch after the other: what the server says about one says
   * nothing about another.
   */
  _mark(existing?: Mark): Mark {
    if (existing && !existing._confirmed) return existing;
    let fresh = [...this._subs].filter((sub) => !existing?._subs.has(sub));
    const peer = existing && [...existing._subs].find((sub) => this._subs.has(sub));
    if (peer) {
      fresh = fresh.filter((sub) => {
        const joins = !sub._pos || sub._pos === peer._pos;
        if (joins) {
          existing._subs.add(sub);
          sub._join(peer);
        }
        return !joins;
      });
    }
    if (existing && peer && !fresh.length) return existing;
    const placed = fresh.filter((sub) => sub._pos);
    if (placed.length < fresh.length) return this._marked(undefined, fresh.filter((sub) => !sub._pos));
    const epoch = epochOf(placed[0]!._pos!);
    const group = [...this._subs].filter((sub) => sub._pos && epochOf(sub._pos) === epoch);
    return this._marked(group.reduce((since, sub) => (notBehind(sub._pos!, since) ? sub._pos! : since), group[0]!._pos!), group);
  }

  private _marked(_since: string | undefined, subs: Subscription[]): Mark {
    return { _name: this._name, _since, _subs: new Set(subs), _confirmed: false };
  }

  /** The line begins with the mark, at pos. From here on its word counts. */
  _confirm(line: Line, mark: Mark, pos: string): void {
    this._line = line;
    mark._confirmed = true;
    for (const sub of this._subs) {
      if (mark._subs.has(sub)) sub._attach(pos);
      else sub._detach();
    }
  }

  /** No line serves it. */
  _leave(): void {
    this._line = undefined;
    for (const sub of this._subs) sub._detach();
  }

  _end(failure: Failure): void {
    for (const sub of this._subs) sub._end(failure);
  }
}
