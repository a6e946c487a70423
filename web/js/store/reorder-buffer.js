// Puts lines of several channels into the order of their times: each line is held back for a short while, in case an older one follows.
//
//     const sortKeys = new SortKeys();
//     sortKeys.keyOf(channel, ownTime, arrivedAt)    the sort key of a line, in ms: by its own time, or by when it arrived
//     const buffer = new ReorderBuffer({windowMs: 250});
//     buffer.push({sortKey, …}, now)    hold a line back that arrived at `now` (ms)
//     buffer.release(now)               [{line, late}, …] that have waited long enough, oldest first; without `now` all of them
//     misplaced(ring, from, to)         the part of these seqs that is not in order: {from, seqs}, `seqs` in the right order; or null
//
// `late` means that a newer line was released before. No line is ever dropped.

const TRUSTED_MS = 5_000;
const MAX_CHANNELS = 10_000;

export class SortKeys {
  #last = new Map();

  // A clock that is far off is ignored, and a line without a time of its own stays behind the one before it on its channel.
  keyOf(channel, ownTime, arrivedAt) {
    const own = ownTime !== arrivedAt && Math.abs(ownTime - arrivedAt) <= TRUSTED_MS;
    const key = own ? ownTime : Math.max(arrivedAt, this.#last.get(channel) ?? arrivedAt);
    if (this.#last.size >= MAX_CHANNELS) this.#last.clear();
    this.#last.set(channel, key);
    return key;
  }
}

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
}

export function misplaced(ring, from, to) {
  const seqs = Array.from({ length: to - from }, (_, index) => from + index);
  seqs.sort((one, other) => ring.sortKey(one) - ring.sortKey(other));
  const moved = (seq, index) => seq !== from + index;
  const first = seqs.findIndex(moved);
  return first < 0 ? null : { from: from + first, seqs: seqs.slice(first, seqs.findLastIndex(moved) + 1) };
}
