// Which lines of the ring are shown, in order: the seqs that pass the filter and the level chips.
// A line's place is an absolute number that stays its own while older lines fall off the front or are put before it, so a
// reader who has scrolled away is not moved by them. A new filter makes new places: `epoch` tells.

import { ERROR } from "./normalise/levels.js";

const SLICE_MS = 8;

export class ViewList {
  #ring;
  #seqs;
  #test = null;
  #rebuild = 0;

  constructor(ring) {
    this.#ring = ring;
    this.#seqs = new Float64Array(ring.capacity);
    this.first = 0;
    this.end = 0;
    this.epoch = 0;
    this.notes = 0;
    this.lines = 0;
    this.errors = 0;
  }

  /** Lines shown now, notes not counted. */
  get shown() {
    return this.end - this.first - this.notes;
  }

  /** The seq at a place from `first` to `end`. */
  at(place) {
    return this.#seqs[this.#slotOf(place)];
  }

  /** The place of a seq, or of the next one shown after it. */
  placeOf(seq) {
    let low = this.first;
    let high = this.end;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.at(middle) < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Take a new seq of the ring in if it passes. `lines` and `errors` count for ever, for "12 new". */
  offer(seq) {
    this.trim();
    if (!this.#passes(seq)) return;
    this.#push(seq);
    if (this.#ring.isNote(seq)) return;
    this.lines += 1;
    if (this.#ring.level(seq) >= ERROR) this.errors += 1;
  }

  /** Take in a seq put before all others if it passes; true when it does. It is no news. */
  offerOlder(seq) {
    if (!this.#passes(seq)) return false;
    this.first -= 1;
    this.#seqs[this.#slotOf(this.first)] = seq;
    return true;
  }

  /** A line was put into the ring at `seq`, and those from there on have a seq one higher. What was drawn is to be placed anew. */
  insert(seq) {
    this.trim();
    const at = this.placeOf(seq);
    for (let place = at; place < this.end; place += 1) this.#seqs[this.#slotOf(place)] += 1;
    this.epoch += 1;
    if (!this.#passes(seq)) return;
    for (let place = this.end; place > at; place -= 1) this.#seqs[this.#slotOf(place)] = this.at(place - 1);
    this.#seqs[this.#slotOf(at)] = seq;
    this.end += 1;
    this.lines += 1;
    if (this.#ring.level(seq) >= ERROR) this.errors += 1;
  }

  /** Let go of places whose lines have fallen off the ring. */
  trim() {
    while (this.first < this.end && this.at(this.first) < this.#ring.first) this.first += 1;
    // Notes are few; what the ring still holds of them bounds what is shown of them.
    this.notes = Math.min(this.#ring.notes, this.end - this.first);
  }

  /** Show what `test(seq)` accepts; null shows all. Works in slices, calls `done` when the new list is in place. */
  refilter(test, done = () => {}) {
    this.#test = test;
    const ticket = (this.#rebuild += 1);
    const found = [];
    const start = this.#ring.first;
    let seq = start;
    const slice = () => {
      if (ticket !== this.#rebuild) return;
      const until = performance.now() + SLICE_MS;
      seq = Math.max(seq, this.#ring.first);
      while (seq < this.#ring.end) {
        if (this.#passes(seq)) found.push(seq);
        seq += 1;
        if (seq % 256 === 0 && performance.now() > until) return void setTimeout(slice);
      }
      this.#replace([...this.#olderThan(start), ...found]);
      done();
    };
    slice();
  }

  // What was put before the first while the slices went on.
  #olderThan(start) {
    const found = [];
    for (let seq = this.#ring.first; seq < start; seq += 1) if (this.#passes(seq)) found.push(seq);
    return found;
  }

  #slotOf(place) {
    const slot = place % this.#seqs.length;
    return slot < 0 ? slot + this.#seqs.length : slot;
  }

  #passes(seq) {
    return this.#test === null || this.#ring.isNote(seq) || this.#test(seq);
  }

  #push(seq) {
    this.#seqs[this.#slotOf(this.end)] = seq;
    this.end += 1;
  }

  #replace(seqs) {
    this.first = 0;
    this.end = 0;
    this.epoch += 1;
    for (const seq of seqs) this.#push(seq);
    this.trim();
  }
}
