// Lines of several channels in the order of their times: each is held back for a short while, in case an older one comes after it.
//
//     const order = new MergeOrder({windowMs: 250});
//     order.push({moment, …}, now)      take a line that came at `now` (ms); `moment` is its own time
//     order.release(now)                [{line, late, at}, …] that have waited long enough, oldest first; nothing is ever dropped
//     order.dueIn(now)                  ms until release() has something, or null
//     order.flush()                     all of them, now: the stream has ended, or the channels change
//     insertionIndex(length, momentAt, moment)      where a late line belongs in a list in order
//
// `late` is set where a newer line has gone before; `at` is what it was ordered by: its moment, or when it came if the two are so far
// apart that its clock cannot be trusted, or it is a line of long ago. With windowMs 0 lines leave in the order they came.

const TRUSTED_MS = 5_000;

export class MergeOrder {
  #held = [];
  #count = 0;
  #newest = -Infinity;

  constructor({ windowMs = 250 } = {}) {
    this.windowMs = windowMs;
  }

  /** Lines held back. */
  get waiting() {
    return this.#held.length;
  }

  push(line, now) {
    const trusted = Math.abs(line.moment - now) <= TRUSTED_MS;
    this.#held.push({ line, at: this.windowMs > 0 && trusted ? line.moment : now, came: now, number: (this.#count += 1) });
  }

  release(now) {
    // What is older than one that has waited long enough goes with it, however short it has waited.
    let upTo = -Infinity;
    for (const { at, came } of this.#held) if (now - came >= this.windowMs && at > upTo) upTo = at;
    return this.#leave((entry) => entry.at <= upTo);
  }

  flush() {
    return this.#leave(() => true);
  }

  dueIn(now) {
    if (this.#held.length === 0) return null;
    // Lines are held in the order they came.
    return Math.max(0, this.#held[0].came + this.windowMs - now);
  }

  #leave(goes) {
    if (this.#held.length === 0) return [];
    const leaving = this.#held.filter(goes);
    if (leaving.length === 0) return [];
    this.#held = leaving.length === this.#held.length ? [] : this.#held.filter((entry) => !goes(entry));
    leaving.sort((one, other) => one.at - other.at || one.number - other.number);
    return leaving.map(({ line, at }) => {
      const late = at < this.#newest;
      if (!late) this.#newest = at;
      return { line, late, at };
    });
  }
}

/** The place for a moment in a list that is in order: behind all that are not newer. `momentAt(index)` in ms. */
export function insertionIndex(length, momentAt, moment) {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (momentAt(middle) <= moment) low = middle + 1;
    else high = middle;
  }
  return low;
}
