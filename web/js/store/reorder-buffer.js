// Lines of several channels in the order of their times: each is held back for a short while, in case an older one comes after it.
//
//     const places = new Places();
//     places.of(channel, moment, time)  what a line is ordered by, in ms: `moment` is its own time, `time` when it came
//     const order = new MergeOrder({windowMs: 250});
//     order.push({at, …}, now)          take a line that came at `now` (ms), to be ordered by `at`
//     order.release(now)                [{line, late}, …] that have waited long enough, oldest first; without `now` all; nothing is ever dropped
//     disorder(ring, from, to)          the part of those seqs that is not in order: {from, seqs}, `seqs` in the right order; or null
//
// `late` is set where a newer line has gone before.

const TRUSTED_MS = 5_000;
const MAX_CHANNELS = 10_000;

export class Places {
  #last = new Map();

  // A clock that is far off orders nothing, and a line without a time of its own stays behind the one before it on its channel.
  of(channel, moment, time) {
    const own = moment !== time && Math.abs(moment - time) <= TRUSTED_MS;
    const at = own ? moment : Math.max(time, this.#last.get(channel) ?? time);
    if (this.#last.size >= MAX_CHANNELS) this.#last.clear();
    this.#last.set(channel, at);
    return at;
  }
}

export class MergeOrder {
  #held = [];
  #newest = -Infinity;

  constructor({ windowMs = 250 } = {}) {
    this.windowMs = windowMs;
  }

  /** Lines held back. */
  get waiting() {
    return this.#held.length;
  }

  push(line, now) {
    this.#held.push({ line, came: now });
  }

  release(now = Infinity) {
    // What is older than one that has waited long enough goes with it, however short it has waited.
    let upTo = -Infinity;
    for (const { line, came } of this.#held) if (now - came >= this.windowMs && line.at > upTo) upTo = line.at;
    const leaving = this.#held.filter(({ line }) => line.at <= upTo);
    this.#held = this.#held.filter(({ line }) => line.at > upTo);
    leaving.sort((one, other) => one.line.at - other.line.at);
    return leaving.map(({ line }) => {
      const late = line.at < this.#newest;
      if (!late) this.#newest = line.at;
      return { line, late };
    });
  }
}

export function disorder(ring, from, to) {
  const seqs = Array.from({ length: to - from }, (_, index) => from + index);
  seqs.sort((one, other) => ring.at(one) - ring.at(other));
  const moved = (seq, index) => seq !== from + index;
  const first = seqs.findIndex(moved);
  return first < 0 ? null : { from: from + first, seqs: seqs.slice(first, seqs.findLastIndex(moved) + 1) };
}
