// The lines of the ring that are shown, in order: the seqs that pass the filter and the level chips.
// The number of a row is absolute: it stays the same while older lines fall off the front or are put before it, so they do not move a
// reader who has scrolled away. A new filter or order numbers the rows anew and changes `version`.
// A row may stand for more lines than its own: lines that continue it, and with `templateOf` repeats of it. A line and those that
// continue it are shown together or not at all.

import { ERROR } from "../normalise/levels.js";
import { slotOf } from "./ring.js";

const SLICE_MS = 8;

export class FilteredList {
  #ring;
  #seqs;
  #test = null;
  #pass = null;
  #foldedCounts;
  #lastTemplate = null;
  #pending = new Map();

  constructor(ring) {
    this.#ring = ring;
    this.#seqs = new Float64Array(ring.capacity);
    // How many lines a row stands for besides its own; negative if they are repeats of it.
    this.#foldedCounts = new Int32Array(ring.capacity);
    this.first = 0;
    this.end = 0;
    this.version = 0;
    /** How often a filter has rebuilt the list. */
    this.rebuilds = 0;
    this.notes = 0;
    this.lines = 0;
    this.errors = 0;
    this.folded = 0;
    /** The text of a line without its numbers, `(seq) => text`: consecutive lines with the same are one row; null: each has a row. */
    this.templateOf = null;
    /** Called with the seq of each line that is hidden because a line that continues it has been added. */
    this.onHidden = () => {};
  }

  /** Lines shown now, notes not counted. */
  get shown() {
    return this.end - this.first - this.notes + this.folded;
  }

  /** How many lines a row stands for besides its own; negative if they are repeats of it. */
  foldedCount(row) {
    return this.#foldedCounts[this.#slotOf(row)];
  }

  /** The seqs of these lines, the first `limit` of them. */
  foldedSeqs(row, limit = Infinity) {
    const folded = this.foldedCount(row);
    const head = this.seqAt(row);
    const found = [];
    const count = Math.min(limit, Math.abs(folded));
    if (count === 0 || !this.#ring.has(head)) return found;
    const channel = this.#ring.channel(head);
    const template = folded < 0 ? this.templateOf?.(head) : null;
    for (let seq = head + 1; seq < this.#ring.end && found.length < count; seq += 1) {
      if (this.#ring.isNote(seq) || this.#ring.channel(seq) !== channel) continue;
      if (folded > 0 ? this.#ring.headOf(seq) === head : this.#passes(seq) && this.templateOf?.(seq) === template) found.push(seq);
    }
    return found;
  }

  /** The row that contains a seq, or the next row after it. */
  rowOf(seq) {
    const row = this.firstRowFrom(seq);
    if (row < this.end && this.seqAt(row) === seq) return row;
    const head = this.#ring.has(seq) ? this.#ring.headOf(seq) : null;
    if (head !== null && this.seqAt(this.firstRowFrom(head)) === head) return this.firstRowFrom(head);
    return row > this.first && this.foldedCount(row - 1) < 0 && this.foldedSeqs(row - 1).includes(seq) ? row - 1 : row;
  }

  /** The seq of a row, from `first` to `end`. */
  seqAt(row) {
    return this.#seqs[this.#slotOf(row)];
  }

  /** The row of a seq, or the next row after it. */
  firstRowFrom(seq) {
    let low = this.first;
    let high = this.end;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.seqAt(middle) < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Add a new seq of the ring if it passes. `lines` and `errors` count all of them, for "12 new". */
  offer(seq) {
    this.trim();
    const head = this.#ring.headOf(seq);
    const passes = this.#passes(seq);
    if (head === null ? !passes : this.#changesRowOf(head, passes)) return;
    this.#take(seq, this.#templateOf(seq));
    if (this.#ring.isNote(seq)) return;
    this.lines += 1;
    if (head === null && this.#ring.level(seq) >= ERROR) this.errors += 1;
  }

  /** Add a seq that comes before all others if it passes; true if it does. It does not count as new. */
  offerOlder(seq) {
    if (!this.#passes(seq)) return false;
    const head = this.#ring.headOf(seq);
    if (head !== null && this.#passes(head)) {
      this.#pending.set(head, (this.#pending.get(head) ?? 0) + 1);
      return false;
    }
    this.first -= 1;
    this.#seqs[this.#slotOf(this.first)] = seq;
    const folded = this.#pending.get(seq) ?? 0;
    this.#pending.delete(seq);
    this.#foldedCounts[this.#slotOf(this.first)] = folded;
    this.folded += folded;
    return true;
  }

  /** Lines have changed places, see Ring.reorder(): `moved(seq)` is the new seq. All rows must be drawn again. */
  reorder({ from, seqs }, moved) {
    this.trim();
    this.version += 1;
    if (this.#pass) this.#rewind(this.#pass, from);
    const first = this.firstRowFrom(from);
    const rows = [];
    const end = this.firstRowFrom(from + seqs.length);
    for (let row = first; row < end; row += 1) rows.push([moved(this.seqAt(row)), this.foldedCount(row)]);
    rows.sort(([one], [other]) => one - other);
    rows.forEach(([seq, folded], index) => {
      this.#seqs[this.#slotOf(first + index)] = seq;
      this.#foldedCounts[this.#slotOf(first + index)] = folded;
    });
  }

  /** A line that may have a row continues `head` from now on, and belongs to its row. */
  fold(seq, head) {
    this.trim();
    const own = this.#rowWith(seq);
    const to = this.#rowWith(head);
    if ((own !== null && this.foldedCount(own) !== 0) || (to !== null && this.foldedCount(to) < 0)) return;
    if (own !== null) this.#removeRow(own);
    if (this.#changesRowOf(head, this.#passes(seq))) return;
    const row = this.#rowWith(head);
    if (row !== null) this.#setFolded(row, this.#ring.continuationsOf(head).length);
  }

  /** Remove the rows whose lines have fallen off the ring. */
  trim() {
    while (this.first < this.end && this.seqAt(this.first) < this.#ring.first) {
      this.folded -= Math.abs(this.foldedCount(this.first));
      this.first += 1;
    }
    // Notes are always shown, so there are at most as many as the ring holds.
    this.notes = Math.min(this.#ring.notes, this.end - this.first);
  }

  /** Show the lines whose `test(head, seq)` is true, `head` is the line that `seq` continues or itself; null shows all. Works in slices and calls `done` when the new list is in place. */
  refilter(test, done = () => {}) {
    this.#test = test;
    const start = this.#ring.first;
    const found = [];
    const templates = [];
    const pass = { found, templates, seq: start, start };
    this.#pass = pass;
    const slice = () => {
      if (pass !== this.#pass) return;
      const until = performance.now() + SLICE_MS;
      pass.seq = Math.max(pass.seq, this.#ring.first);
      while (pass.seq < this.#ring.end) {
        if (this.#passes(pass.seq)) {
          found.push(pass.seq);
          if (this.templateOf !== null) templates.push(this.#templateOf(pass.seq));
        }
        pass.seq += 1;
        // A single line may take milliseconds.
        if (pass.seq % 4 === 0 && performance.now() > until) return void setTimeout(slice);
      }
      this.#pass = null;
      const older = this.#olderThan(pass.start);
      this.#replace([...older, ...found], [...older.map((each) => this.#templateOf(each)), ...templates]);
      done();
    };
    slice();
  }

  // Lines from `from` on have changed places during a pass: test them again.
  #rewind(pass, from) {
    if (pass.seq <= from) return;
    pass.seq = from;
    pass.start = Math.min(pass.start, from);
    const kept = pass.found.findLastIndex((seq) => seq < from) + 1;
    pass.found.splice(kept);
    pass.templates.splice(kept);
  }

  // Lines that were put before the first during a pass.
  #olderThan(start) {
    const found = [];
    for (let seq = this.#ring.first; seq < start; seq += 1) if (this.#passes(seq)) found.push(seq);
    return found;
  }

  #slotOf(row) {
    return slotOf(row, this.#seqs.length);
  }

  #passes(seq) {
    return this.#test === null || this.#ring.isNote(seq) || this.#test(this.#ring.headOf(seq) ?? seq, seq);
  }

  // A line was added to the row of `head`, which may change whether it passes: then the row comes or goes. True if it has.
  #changesRowOf(head, passes) {
    if (this.#pass) this.#rewind(this.#pass, head);
    const row = this.#rowWith(head);
    if (passes === (row !== null) || (passes && this.templateOf !== null)) return !passes;
    if (passes) this.#insertRow(head);
    else this.#hideRow(row, head);
    return true;
  }

  /** The row that begins with a seq, or null. */
  #rowWith(seq) {
    const row = this.firstRowFrom(seq);
    return row < this.end && this.seqAt(row) === seq ? row : null;
  }

  #setFolded(row, count) {
    this.folded += count - Math.abs(this.foldedCount(row));
    this.#foldedCounts[this.#slotOf(row)] = count;
  }

  #removeRow(row) {
    this.#setFolded(row, 0);
    for (let next = row + 1; next < this.end; next += 1) this.#copyRow(next, next - 1);
    this.end -= 1;
    this.version += 1;
  }

  #insertRow(head) {
    const row = this.firstRowFrom(head);
    for (let last = this.end; last > row; last -= 1) this.#copyRow(last - 1, last);
    this.end += 1;
    this.version += 1;
    this.#seqs[this.#slotOf(row)] = head;
    this.#foldedCounts[this.#slotOf(row)] = 0;
    const lines = [head, ...this.#ring.continuationsOf(head)].filter((seq) => this.#passes(seq)).length;
    this.#setFolded(row, lines - 1);
    this.lines += lines;
    if (this.#ring.level(head) >= ERROR) this.errors += 1;
  }

  #hideRow(row, head) {
    this.#removeRow(row);
    for (const seq of [head, ...this.#ring.continuationsOf(head)]) this.onHidden(seq);
  }

  #copyRow(from, to) {
    this.#seqs[this.#slotOf(to)] = this.seqAt(from);
    this.#foldedCounts[this.#slotOf(to)] = this.foldedCount(from);
  }

  #templateOf(seq) {
    return this.templateOf === null || this.#ring.isNote(seq) ? null : this.templateOf(seq);
  }

  // Adds a seq to the row of the line that it continues or repeats, else as a new row.
  #take(seq, template) {
    const head = this.#ring.headOf(seq);
    const row = head === null ? this.end - 1 : this.firstRowFrom(head);
    const inRow = head !== null && row < this.end && this.seqAt(row) === head && this.foldedCount(row) >= 0;
    const repeats = !inRow && template !== null && template === this.#lastTemplate && this.end > this.first && this.foldedCount(this.end - 1) <= 0;
    this.#lastTemplate = inRow ? null : template;
    if (!inRow && !repeats) return this.#push(seq);
    this.#foldedCounts[this.#slotOf(inRow ? row : this.end - 1)] += inRow ? 1 : -1;
    this.folded += 1;
    return undefined;
  }

  #push(seq) {
    this.#seqs[this.#slotOf(this.end)] = seq;
    this.#foldedCounts[this.#slotOf(this.end)] = 0;
    this.end += 1;
  }

  #replace(seqs, templates) {
    this.first = 0;
    this.end = 0;
    this.folded = 0;
    this.#lastTemplate = null;
    this.rebuilds += 1;
    this.version += 1;
    // Some lines may have fallen off during the pass, and there is only room for those held.
    seqs.forEach((seq, at) => this.#ring.has(seq) && this.#take(seq, templates[at] ?? null));
    this.trim();
  }
}
