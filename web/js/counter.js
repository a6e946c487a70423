// What the histogram and the facets count: each line once, as long as it is held.
//
//     list test --> Counter.add(seq)     lines that pass all but the time range
//     ring.onDrop --> Counter.drop(seq)

import { Histogram } from "./histogram.js";
import { slotOf } from "./ring.js";

export class Counter {
  #ring;
  #histogram = new Histogram();
  #counted;

  constructor(ring) {
    this.#ring = ring;
    this.#counted = new Uint8Array(ring.capacity);
    this.version = 0;
  }

  /** Count a line; one that is counted already is not counted again. */
  add(seq) {
    const slot = this.#slotOf(seq);
    if (this.#counted[slot]) return;
    this.#counted[slot] = 1;
    this.version += 1;
    this.#histogram.add(this.#ring.moment(seq), this.#ring.level(seq));
  }

  drop(seq) {
    const slot = this.#slotOf(seq);
    if (!this.#counted[slot]) return;
    this.#counted[slot] = 0;
    this.version += 1;
    this.#histogram.remove(this.#ring.moment(seq), this.#ring.level(seq));
  }

  /** Lines from `seq` on have a seq one higher now, and `seq` is a new one that is not counted yet. */
  shift(seq, end) {
    for (let at = end - 1; at > seq; at -= 1) this.#counted[this.#slotOf(at)] = this.#counted[this.#slotOf(at - 1)];
    this.#counted[this.#slotOf(seq)] = 0;
  }

  reset() {
    this.#counted.fill(0);
    this.#histogram.clear();
    this.version += 1;
  }

  /** The bars, see histogram.js. */
  bars() {
    return this.#histogram.bars();
  }

  #slotOf(seq) {
    return slotOf(seq, this.#ring.capacity);
  }
}
