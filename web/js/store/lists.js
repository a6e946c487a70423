// The lists of what is shown: one of every line that passes the filter, and in a split view one more for each pane.
// A time range narrows the lists but not the histogram: `counter` gets each line before the range is applied.

import { FilteredList } from "./filtered-list.js";

const MAX_DECIDED = 10_000;

export class Lists {
  #ring;
  #test = null;
  #range = null;
  #counts = null;
  #panes = [];
  #templateOf;
  // Whether a line passes together with those that continue it, by its seq.
  #decided = new Map();

  constructor(ring) {
    this.#ring = ring;
    this.main = new FilteredList(ring);
    /** Has `add(seq)` and `reset()`; gets each line that passes all but the time range, some of them more than once. */
    this.counter = null;
    /** When the newest line arrived that has passed all but the time range since the filter was set, in ms, still held or not; else null. */
    this.lastMatch = null;
    this.#templateOf = null;
    /** Has `add(seq)`, `remove(seq)` and `reset(active)`; see ResultCounter. */
    this.result = null;
    this.main.onHidden = (seq) => this.#uncount(seq);
  }

  /** See FilteredList.templateOf; takes effect with the next filter. */
  set templateOf(templateOf) {
    this.#templateOf = templateOf;
    for (const list of this.all) list.templateOf = templateOf;
  }

  get all() {
    return [this.main, ...this.#panes.map(({ list }) => list)];
  }

  /** Add a new seq of the ring where it passes. */
  offer(seq) {
    if (this.#decided.size > 0) this.#decided.delete(this.#ring.headOf(seq));
    for (const list of this.all) list.offer(seq);
  }

  /** Add a seq that comes before all others; true when it is shown. */
  offerOlder(seq) {
    for (const { list } of this.#panes) list.offerOlder(seq);
    return this.main.offerOlder(seq);
  }

  /** A line continues another, see FilteredList.fold(). */
  fold(seq, head) {
    this.#decided.delete(head);
    // It may have another level now.
    this.#uncount(seq);
    for (const list of this.all) list.fold(seq, head);
  }

  /** Lines have changed places, see FilteredList.reorder(). */
  reorder(part, moved) {
    this.#decided.clear();
    for (const list of this.all) list.reorder(part, moved);
  }

  trim() {
    for (const list of this.all) list.trim();
  }

  /**
   * Show what `test(seq)` accepts (null: everything), a line together with those that continue it, within `range`, `[from, to]` in ms or
   * null. Calls `done()` when each list is in place. `counts(seq)` is true for a line that `test` refuses, and the result counts all the
   * same; null: it counts what is shown; undefined: nothing is filtered, and the result counts nothing.
   */
  refilter(test, range, done = () => {}, counts = undefined) {
    this.#counts = counts ?? null;
    this.result?.reset(counts !== undefined);
    this.#test = test;
    this.#range = range;
    this.#decided.clear();
    this.lastMatch = null;
    this.counter?.reset();
    this.main.refilter(this.#testFor(null), done);
    for (const { list, keep } of this.#panes) list.refilter(this.#testFor(keep), done);
  }

  /** Keep one more list for each of these tests of a channel name. */
  split(keeps) {
    this.#panes = keeps.map((keep) => ({ keep, list: new FilteredList(this.#ring) }));
    for (const { list, keep } of this.#panes) {
      list.templateOf = this.#templateOf;
      list.refilter(this.#testFor(keep));
    }
    return this.#panes.map(({ list }) => list);
  }

  #recordMatch(arrivedAt) {
    if (this.lastMatch === null || arrivedAt > this.lastMatch) this.lastMatch = arrivedAt;
  }

  #testFor(keep) {
    const [test, range, ring, counts] = [this.#test, this.#range, this.#ring, this.#counts];
    const [counter, result] = keep === null ? [this.counter, this.result] : [null, null];
    if (test === null && range === null && keep === null && counter === null) return null;
    const inRange = (head) => {
      const time = ring.shownTime(head);
      return range === null || (time >= range[0] && time <= range[1]);
    };
    return (head, seq) => {
      if (keep !== null && !keep(ring.channel(head))) return false;
      if (test !== null && !this.#decide(test, head)) {
        if (result !== null && counts?.(head) && inRange(head)) result.add(seq);
        return false;
      }
      counter?.add(seq);
      if (keep === null) this.#recordMatch(ring.arrivedAt(seq));
      if (!inRange(head)) return false;
      result?.add(seq);
      return true;
    };
  }

  #uncount(seq) {
    this.counter?.remove(seq);
    this.result?.remove(seq);
  }

  #decide(test, head) {
    if (!this.#ring.isContinued(head)) return test(head);
    const known = this.#decided.get(head);
    if (known !== undefined) return known;
    if (this.#decided.size >= MAX_DECIDED) this.#decided.clear();
    const passes = test(head);
    this.#decided.set(head, passes);
    return passes;
  }
}
