// Which lines of the ring are shown, in order: the seqs that pass the filter and the level chips.
// A line's place is an absolute number that stays its own while older lines fall off the front or are put before it, so a
// reader who has scrolled away is not moved by them. A new filter makes new places: `epoch` tells.
// A place may stand for more lines than its own: those that go on with it, and with `maskOf` those after it that say the same.

import { ERROR } from "../normalise/levels.js";
import { slotOf } from "./ring.js";

const SLICE_MS = 8;

export class ViewList {
  #ring;
  #seqs;
  #test = null;
  #going = null;
  #folds;
  #lastMask = null;
  #pending = new Map();

  constructor(ring) {
    this.#ring = ring;
    this.#seqs = new Float64Array(ring.capacity);
    // How many lines a place stands for beside its own; below 0 where they are repeats of it.
    this.#folds = new Int32Array(ring.capacity);
    this.first = 0;
    this.end = 0;
    this.epoch = 0;
    /** How often a filter has made it anew. */
    this.rebuilt = 0;
    this.notes = 0;
    this.lines = 0;
    this.errors = 0;
    this.folded = 0;
    /** What a line says apart from its numbers, `(seq) => text`: lines in a row that say the same are one; null: each is shown. */
    this.maskOf = null;
  }

  /** Lines shown now, notes not counted. */
  get shown() {
    return this.end - this.first - this.notes + this.folded;
  }

  /** How many lines a place stands for beside its own; below 0 where they are repeats of it. */
  foldOf(place) {
    return this.#folds[this.#slotOf(place)];
  }

  /** The seqs that a place stands for beside its own, the first `most` of them. */
  foldedAt(place, most = Infinity) {
    const fold = this.foldOf(place);
    const head = this.at(place);
    const found = [];
    const wanted = Math.min(most, Math.abs(fold));
    if (wanted === 0 || !this.#ring.has(head)) return found;
    const channel = this.#ring.channel(head);
    const mask = fold < 0 ? this.maskOf?.(head) : null;
    for (let seq = head + 1; seq < this.#ring.end && found.length < wanted; seq += 1) {
      if (this.#ring.isNote(seq) || this.#ring.channel(seq) !== channel) continue;
      if (fold > 0 ? this.#ring.headOf(seq) === head && this.#passes(seq) : this.#passes(seq) && this.maskOf?.(seq) === mask) found.push(seq);
    }
    return found;
  }

  /** The place of the row that a seq is in, or of the next one shown after it. */
  rowOf(seq) {
    const place = this.placeOf(seq);
    if (place < this.end && this.at(place) === seq) return place;
    const head = this.#ring.has(seq) ? this.#ring.headOf(seq) : null;
    if (head !== null && this.at(this.placeOf(head)) === head) return this.placeOf(head);
    return place > this.first && this.foldOf(place - 1) < 0 && this.foldedAt(place - 1).includes(seq) ? place - 1 : place;
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
    this.#take(seq, this.#maskOf(seq));
    if (this.#ring.isNote(seq)) return;
    this.lines += 1;
    if (this.#ring.level(seq) >= ERROR) this.errors += 1;
  }

  /** Take in a seq put before all others if it passes; true when it does. It is no news. */
  offerOlder(seq) {
    if (!this.#passes(seq)) return false;
    const head = this.#ring.headOf(seq);
    if (head !== null && this.#passes(head)) {
      this.#pending.set(head, (this.#pending.get(head) ?? 0) + 1);
      return false;
    }
    this.first -= 1;
    this.#seqs[this.#slotOf(this.first)] = seq;
    const fold = this.#pending.get(seq) ?? 0;
    this.#pending.delete(seq);
    this.#folds[this.#slotOf(this.first)] = fold;
    this.folded += fold;
    return true;
  }

  /** Lines are in another order, see Ring.reorder(): `moved(seq)` is the new seq. What was drawn is to be placed anew. */
  reorder({ from, seqs }, moved) {
    this.trim();
    this.epoch += 1;
    if (this.#going) this.#goBack(this.#going, from);
    const first = this.placeOf(from);
    const rows = [];
    const end = this.placeOf(from + seqs.length);
    for (let place = first; place < end; place += 1) rows.push([moved(this.at(place)), this.foldOf(place)]);
    rows.sort(([one], [other]) => one - other);
    rows.forEach(([seq, fold], index) => {
      this.#seqs[this.#slotOf(first + index)] = seq;
      this.#folds[this.#slotOf(first + index)] = fold;
    });
  }

  /** Let go of places whose lines have fallen off the ring. */
  trim() {
    while (this.first < this.end && this.at(this.first) < this.#ring.first) {
      this.folded -= Math.abs(this.foldOf(this.first));
      this.first += 1;
    }
    // Notes are few; what the ring still holds of them bounds what is shown of them.
    this.notes = Math.min(this.#ring.notes, this.end - this.first);
  }

  /** Show what `test(seq)` accepts; null shows all. Works in slices, calls `done` when the new list is in place. */
  refilter(test, done = () => {}) {
    this.#test = test;
    const start = this.#ring.first;
    const found = [];
    const masks = [];
    const going = { found, masks, seq: start, start };
    this.#going = going;
    const slice = () => {
      if (going !== this.#going) return;
      const until = performance.now() + SLICE_MS;
      going.seq = Math.max(going.seq, this.#ring.first);
      while (going.seq < this.#ring.end) {
        if (this.#passes(going.seq)) {
          found.push(going.seq);
          if (this.maskOf !== null) masks.push(this.#maskOf(going.seq));
        }
        going.seq += 1;
        // A line may take milliseconds.
        if (going.seq % 4 === 0 && performance.now() > until) return void setTimeout(slice);
      }
      this.#going = null;
      const older = this.#olderThan(going.start);
      this.#replace([...older, ...found], [...older.map((each) => this.#maskOf(each)), ...masks]);
      done();
    };
    slice();
  }

  // Lines from `from` on are in another order while the slices go on.
  #goBack(going, from) {
    if (going.seq <= from) return;
    going.seq = from;
    going.start = Math.min(going.start, from);
    const kept = going.found.findLastIndex((seq) => seq < from) + 1;
    going.found.splice(kept);
    going.masks.splice(kept);
  }

  // What was put before the first while the slices went on.
  #olderThan(start) {
    const found = [];
    for (let seq = this.#ring.first; seq < start; seq += 1) if (this.#passes(seq)) found.push(seq);
    return found;
  }

  #slotOf(place) {
    return slotOf(place, this.#seqs.length);
  }

  #passes(seq) {
    return this.#test === null || this.#ring.isNote(seq) || this.#test(seq);
  }

  #maskOf(seq) {
    return this.maskOf === null || this.#ring.isNote(seq) ? null : this.maskOf(seq);
  }

  // Into the row of the line it goes on with, or of the one it repeats; else a row of its own.
  #take(seq, mask) {
    const head = this.#ring.headOf(seq);
    const place = head === null ? this.end - 1 : this.placeOf(head);
    const inRow = head !== null && place < this.end && this.at(place) === head && this.foldOf(place) >= 0;
    const repeats = !inRow && mask !== null && mask === this.#lastMask && this.end > this.first && this.foldOf(this.end - 1) <= 0;
    this.#lastMask = inRow ? null : mask;
    if (!inRow && !repeats) return this.#push(seq);
    this.#folds[this.#slotOf(inRow ? place : this.end - 1)] += inRow ? 1 : -1;
    this.folded += 1;
    return undefined;
  }

  #push(seq) {
    this.#seqs[this.#slotOf(this.end)] = seq;
    this.#folds[this.#slotOf(this.end)] = 0;
    this.end += 1;
  }

  #replace(seqs, masks) {
    this.first = 0;
    this.end = 0;
    this.folded = 0;
    this.#lastMask = null;
    this.rebuilt += 1;
    this.epoch += 1;
    // Some may have fallen off meanwhile, and there is room for no more than are held.
    seqs.forEach((seq, at) => this.#ring.has(seq) && this.#take(seq, masks[at] ?? null));
    this.trim();
  }
}
