// Lines that say the same but for their numbers and ids: their mask, runs of them, and which are new. Pure.
//
//     maskOf("order 8348 paid by 203.0.113.7 in 12ms")     "order # paid by # in #ms"
//     runsOf(["a", "a", "b"])                              [{start: 0, count: 2}, {start: 2, count: 1}]
//     const news = new FirstSeen(); news.offer(maskOf(message), now)     true when it has not come for an hour
//     news.top(10)                                         [{mask, count, first, last}, …], the most frequent first

const HOUR_MS = 3_600_000;
const MOST_MASKS = 5_000;
const LONGEST = 500;
const UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}";
// Hex needs a digit in it, or "deadbeef" and "facade" would be ids; a number may stand right before its unit.
const VARIABLE = new RegExp(
  `${UUID}|\\b(?:\\d{1,3}\\.){3}\\d{1,3}(?::\\d+)?\\b|\\b0x[0-9a-fA-F]+\\b|\\b(?=[a-fA-F]*\\d)(?=\\d*[a-fA-F])[0-9a-fA-F]{7,}\\b|\\d+(?:[.,:/-]\\d+)*`,
  "g",
);

/** What is left of a message when numbers, addresses and ids are `#`. */
export function maskOf(message) {
  return message.slice(0, LONGEST).replace(VARIABLE, "#");
}

/** Runs of equal masks in a row, of which each can be shown as one line "×37". */
export function runsOf(masks) {
  const runs = [];
  masks.forEach((mask, at) => {
    if (at > 0 && mask === masks[at - 1]) runs.at(-1).count += 1;
    else runs.push({ start: at, count: 1 });
  });
  return runs;
}

/** Which masks have not come for a while, in a table of bounded size: what has not come for longest makes room. */
export class FirstSeen {
  #known = new Map();
  #forgetMs;
  #most;

  constructor({ forgetMs = HOUR_MS, most = MOST_MASKS } = {}) {
    this.#forgetMs = forgetMs;
    this.#most = most;
  }

  /** Count a mask that came at `ms`; true when it is new. */
  offer(mask, ms) {
    const known = this.#known.get(mask);
    // Put at the end of the map: its order is that of the last time.
    if (known) this.#known.delete(mask);
    else if (this.#known.size >= this.#most) this.#known.delete(this.#known.keys().next().value);
    const isNew = known === undefined || ms - known.last > this.#forgetMs;
    this.#known.set(mask, isNew ? { mask, count: 1, first: ms, last: ms } : { ...known, count: known.count + 1, last: Math.max(ms, known.last) });
    return isNew;
  }

  top(most) {
    return [...this.#known.values()].sort((one, other) => other.count - one.count).slice(0, most);
  }
}
