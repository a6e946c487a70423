// Puts lines of several channels into the order of their times: each line is held back for a short while, in case an older one follows.
//
//     const buffer = new ReorderBuffer({windowMs: 250});
//     buffer.push({sortKey, …}, now)    hold a line back that arrived at `now` (ms); for its sort key see line-times.js
//     buffer.release(now)               [{line, late}, …] that have waited long enough, oldest first; without `now` all of them
//     buffer.lines()                    those that are held back
//     misplaced(ring, from, to)         the part of these seqs that is not in order: {from, seqs}, `seqs` in the right order; or null
//
// `late` means that a newer line was released before. No line is ever dropped.

export class ReorderBuffer {
  #held = [];
  #newest = -Infinity;

  constructor({ windowMs = 250 } = {}) {
    this.windowMs = windowMs;
  }

  /** How many lines are held back. */
  get waiting() {
    return this.#held.length;
  }

  push(line, now) {
    this.#held.push({ line, pushedAt: now });
  }

  release(now = Infinity) {
    // Lines that are older than one that has waited long enough leave with it, however short they have waited.
    let upTo = -Infinity;
    for (const { line, pushedAt } of this.#held) if (now - pushedAt >= this.windowMs && line.sortKey > upTo) upTo = line.sortKey;
    const leaving = this.#held.filter(({ line }) => line.sortKey <= upTo);
    this.#held = this.#held.filter(({ line }) => line.sortKey > upTo);
    leaving.sort((one, other) => one.line.sortKey - other.line.sortKey);
    return leaving.map(({ line }) => {
      const late = line.sortKey < this.#newest;
      if (!late) this.#newest = line.sortKey;
      return { line, late };
    });
  }

  lines() {
    return this.#held.map(({ line }) => line);
  }
}

/** The part of these seqs that is not in order by more than `tolerance` ms. */
export function misplaced(ring, from, to, tolerance = 0) {
  const seqs = Array.from({ length: to - from }, (_, index) => from + index);
  let newest = -Infinity;
  if (seqs.every((seq) => ring.sortKey(seq) >= (newest = Math.max(newest, ring.sortKey(seq))) - tolerance)) return null;
  seqs.sort((one, other) => ring.sortKey(one) - ring.sortKey(other));
  const moved = (seq, index) => seq !== from + index;
  const first = seqs.findIndex(moved);
  return first < 0 ? null : { from: from + first, seqs: seqs.slice(first, seqs.findLastIndex(moved) + 1) };
}
