// The lists of what is shown: one of all that passes the filter, and in a split view one more for each pane.
// A time range narrows the lists, but not what the histogram counts: that is told of each line before the range is looked at.

import { ViewList } from "./filtered-list.js";

export class Shown {
  #ring;
  #plain = null;
  #range = null;
  #panes = [];
  #maskOf;

  constructor(ring) {
    this.#ring = ring;
    this.main = new ViewList(ring);
    /** Has `add(seq)` and `reset()`; told of lines that pass all but the time range, of some more than once. */
    this.counter = null;
    /** When the newest line came that passed all but the time range since the filter was set, in ms, whether it is still held or not; else null. */
    this.lastMatch = null;
    this.#maskOf = null;
  }

  /** See ViewList.maskOf; counts with the next filter. */
  set maskOf(maskOf) {
    this.#maskOf = maskOf;
    for (const list of this.lists) list.maskOf = maskOf;
  }

  get lists() {
    return [this.main, ...this.#panes.map(({ list }) => list)];
  }

  /** Take a new seq of the ring in. */
  offer(seq) {
    for (const list of this.lists) list.offer(seq);
  }

  /** Take in a seq put before all others; true when it is shown. */
  offerOlder(seq) {
    for (const { list } of this.#panes) list.offerOlder(seq);
    return this.main.offerOlder(seq);
  }

  /** Lines are in another order, see ViewList.reorder(). */
  reorder(part, moved) {
    for (const list of this.lists) list.reorder(part, moved);
  }

  trim() {
    for (const list of this.lists) list.trim();
  }

  /** Show what `plain(seq)` accepts (null: all) within `range`, `[from, to]` in ms or null. `done()` when all lists are in place. */
  refilter(plain, range, done = () => {}) {
    this.#plain = plain;
    this.#range = range;
    this.lastMatch = null;
    this.counter?.reset();
    this.main.refilter(this.#test(null), done);
    for (const { list, keep } of this.#panes) list.refilter(this.#test(keep), done);
  }

  /** Have one more list for each of these tests over a channel name. */
  split(keeps) {
    this.#panes = keeps.map((keep) => ({ keep, list: new ViewList(this.#ring) }));
    for (const { list, keep } of this.#panes) {
      list.maskOf = this.#maskOf;
      list.refilter(this.#test(keep));
    }
    return this.#panes.map(({ list }) => list);
  }

  #matched(time) {
    if (this.lastMatch === null || time > this.lastMatch) this.lastMatch = time;
  }

  #test(keep) {
    const [plain, range, ring, counter] = [this.#plain, this.#range, this.#ring, keep === null ? this.counter : null];
    if (plain === null && range === null && keep === null && counter === null) return null;
    return (seq) => {
      if (keep !== null && !keep(ring.channel(seq))) return false;
      if (plain !== null && !plain(seq)) return false;
      counter?.add(seq);
      if (keep === null) this.#matched(ring.time(seq));
      if (range === null) return true;
      const moment = ring.moment(seq);
      return moment >= range[0] && moment <= range[1];
    };
  }
}
