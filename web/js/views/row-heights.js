// Where places stand when some rows are higher than others: one height for all, and by how much the measured ones exceed
// it, summed in blocks, so that a look at a list of 100,000 costs a few hundred additions. Pure.

const BLOCK = 256;

export class Heights {
  #extras = new Map();
  #blocks = new Map();

  constructor(rowHeight) {
    this.rowHeight = rowHeight;
  }

  /** Forget all that was measured; rows are `rowHeight` px from now on. */
  reset(rowHeight = this.rowHeight) {
    this.rowHeight = rowHeight;
    this.#extras.clear();
    this.#blocks.clear();
  }

  heightOf(place) {
    return this.rowHeight + (this.#extras.get(place) ?? 0);
  }

  /** Note the measured height of a place, in px; true when it is news. */
  set(place, height) {
    const extra = height - this.rowHeight;
    const before = this.#extras.get(place) ?? 0;
    if (extra === before) return false;
    if (extra === 0) this.#extras.delete(place);
    else this.#extras.set(place, extra);
    const block = Math.floor(place / BLOCK);
    this.#blocks.set(block, (this.#blocks.get(block) ?? 0) + extra - before);
    return true;
  }

  /** Px from the top of place `from` to the top of place `to`, which is not before it. */
  span(from, to) {
    if (this.#extras.size === 0) return (to - from) * this.rowHeight;
    const first = Math.ceil(from / BLOCK);
    const last = Math.floor(to / BLOCK);
    let px = (to - from) * this.rowHeight;
    if (first > last) return px + this.#sum(from, to);
    for (const [block, extra] of this.#blocks) if (block >= first && block < last) px += extra;
    return px + this.#sum(from, first * BLOCK) + this.#sum(last * BLOCK, to);
  }

  /** The place that covers `px` below the top of place `from`, at most `end`; before `from` where px is negative. */
  placeAt(from, end, px) {
    if (px < 0 || this.#extras.size === 0) return Math.min(end, from + Math.floor(px / this.rowHeight));
    let low = from;
    let high = end;
    while (low < high) {
      const middle = Math.floor((low + high + 1) / 2);
      if (this.span(from, middle) <= px) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Forget what was measured of places before `place`. */
  forgetBefore(place) {
    const block = Math.floor(place / BLOCK);
    for (const [known] of this.#blocks) {
      if (known >= block) continue;
      this.#blocks.delete(known);
      for (let at = known * BLOCK; at < (known + 1) * BLOCK; at += 1) this.#extras.delete(at);
    }
  }

  #sum(from, to) {
    let px = 0;
    for (let place = from; place < to; place += 1) px += this.#extras.get(place) ?? 0;
    return px;
  }
}
