// Counts each line once in the histogram, for as long as it is held.
//
//     the test of a list --> LineCounter.add(seq)       lines that pass everything but the time range
//     ring.onDrop        --> LineCounter.remove(seq)

import { Histogram } from "./histogram.js";
import { slotOf } from "./ring.js";

export class LineCounter {
  #ring;
  #histogram = new Histogram();
  // The level that a line was counted with, and 1; 0: it is not counted.
  #counted;

  constructor(ring) {
    this.#ring = ring;
    this.#counted = new Uint8Array(ring.capacity);
    this.version = 0;
  }

  /** Count a line, unless it is counted already. */
  add(seq) {
    const slot = this.#slotOf(seq);
    if (this.#counted[slot]) return;
    this.#counted[slot] = this.#ring.level(seq) + 1;
    this.version += 1;
    this.#histogram.add(this.#ring.shownTime(seq), this.#ring.level(seq));
  }

  remove(seq) {
    const slot = this.#slotOf(seq);
    const level = this.#counted[slot] - 1;
    if (level < 0) return;
    this.#counted[slot] = 0;
    this.version += 1;
    this.#histogram.remove(this.#ring.shownTime(seq), level);
  }

  /** Lines have changed places, see Ring.reorder(). */
  reorder({ from, seqs }) {
    seqs.map((seq) => this.#counted[this.#slotOf(seq)]).forEach((counted, index) => (this.#counted[this.#slotOf(from + index)] = counted));
  }

  reset() {
    this.#counted.fill(0);
    this.#histogram.clear();
    this.version += 1;
  }

  /** The bars, see histogram.js. A filter that hides lines does not narrow the time they show. */
  bars() {
    const extent = this.#histogram.total < this.#ring.held ? this.#ring.timeExtent() : null;
    return extent ? this.#histogram.barsOver(...extent) : this.#histogram.bars();
  }

  /** How many of the counted lines are in each of so many bars, see histogram.js. */
  countsIn(from, width, number) {
    return this.#histogram.countsIn(from, width, number);
  }

  #slotOf(seq) {
    return slotOf(seq, this.#ring.capacity);
  }
}
