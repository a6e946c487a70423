// Counts the lines held that pass the filter, whether their level is shown or not: how many of each level, and in the facets how many have
// each value of a field. Without a filter it counts nothing, because everything passes.
//
//     result.reset(true); result.add(seq); result.perLevel[ERROR]          each line counts once
//     ring.onDrop = (seq) => (result.remove(seq), facets.remove(seq))

import { LEVELS } from "../normalise/levels.js";
import { slotOf } from "./ring.js";

export class ResultCounter {
  #ring;
  #facets;
  // The level that a line was counted with, and 1; 0: it is not counted.
  #counted;

  constructor(ring, facets) {
    this.#ring = ring;
    this.#facets = facets;
    this.#counted = new Uint8Array(ring.capacity);
    this.perLevel = new Uint32Array(LEVELS.length);
    this.active = false;
  }

  add(seq) {
    const slot = slotOf(seq, this.#ring.capacity);
    if (!this.active || this.#counted[slot] || this.#ring.isNote(seq)) return;
    const level = this.#ring.level(seq);
    this.#counted[slot] = level + 1;
    this.perLevel[level] += 1;
    this.#facets.show(seq, 1);
  }

  remove(seq) {
    const slot = slotOf(seq, this.#ring.capacity);
    const level = this.#counted[slot] - 1;
    if (level < 0) return;
    this.#counted[slot] = 0;
    this.perLevel[level] -= 1;
    this.#facets.show(seq, -1);
  }

  /** Lines have changed places, see Ring.reorder(); the facets know it already. */
  reorder({ from, seqs }) {
    const slots = seqs.map((seq) => slotOf(seq, this.#ring.capacity));
    const counted = slots.map((slot) => this.#counted[slot]);
    counted.forEach((level, index) => (this.#counted[slotOf(from + index, this.#ring.capacity)] = level));
  }

  /** Count anew, for a filter; or nothing, while there is none. */
  reset(active) {
    this.active = active;
    this.#counted.fill(0);
    this.perLevel.fill(0);
    this.#facets.resetShown();
  }
}
