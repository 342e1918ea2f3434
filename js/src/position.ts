// Positions, as docs/protocol.md defines them: EPOCH-OFFSET-DIGEST. They are compared by
// epoch and offset, and never made up.

export const epochOf = (pos?: string) => pos?.split('-')[0];

// Offsets stay below 2^53 wherever a browser meets them: at a million messages a second, for
// 285 years.
const offsetOf = (pos?: string) => Number(pos?.split('-')[1]);

/** Whether a stands in the epoch of b, at its offset or in front of it. */
export const notBehind = (a?: string, b?: string) => epochOf(a) === epochOf(b) && offsetOf(a) <= offsetOf(b);

/** Takes a cursor apart: channel to position, in the order in which they stand. */
export function parseCursor(cursor = ''): Map<string, string | undefined> {
  return new Map(cursor ? cursor.split(',').map((mark) => mark.split('@') as [string, string | undefined]) : []);
}

export function formatCursor(marks: Iterable<readonly [string, string | undefined]>): string {
  return [...marks].map(([name, pos]) => (pos ? `${name}@${pos}` : name)).join();
}
