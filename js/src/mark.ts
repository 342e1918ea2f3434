import { epochOf, notBehind } from './position.ts';
import type { Subscription } from './subscription.ts';

/** What a line is asked to follow: a channel from a position on, for those who stand there or further. */
export interface Mark {
  readonly _name: string;
  /** undefined: from now. */
  _since: string | undefined;
  readonly _subs: Set<Subscription>;
  /** Whether the line has begun with it. */
  _confirmed: boolean;
  /** What it is called in another tab. */
  _id?: string;
}

/**
 * The mark of a channel for a line that has the mark existing, or none. A line follows a channel
 * once, so who comes to it later with an older position has it begin anew from there;
 * those who stand further on skip what they know (see Subscription). Whoever has no position
 * is placed first, then one epoch after the other: what the server says about one says
 * nothing about another.
 */
export function markOf(name: string, subs: Set<Subscription>, existing?: Mark): Mark {
  if (existing && !existing._confirmed) return existing;
  const peer = existing && [...subs].find((sub) => existing._subs.has(sub));
  const fresh = [...subs].filter((sub) => {
    if (!peer) return true;
    if (existing._subs.has(sub)) return false;
    if (sub._pos && sub._pos !== peer._pos) return true;
    existing._subs.add(sub);
    // It goes on where the other stands.
    sub._pos = peer._pos;
    sub._attach(peer._line!, peer._passed ?? peer._pos!);
    return false;
  });
  if (!fresh[0]) return existing!;
  const first = fresh.find((sub) => !sub._pos) ?? fresh[0];
  const group = [...subs].filter((sub) => epochOf(sub._pos) === epochOf(first._pos));
  return {
    _name: name, _subs: new Set(group), _confirmed: false,
    _since: group.reduce((since, { _pos }) => (notBehind(_pos, since) ? _pos : since), first._pos),
  };
}
