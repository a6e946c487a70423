// Where rows stand when some are taller than others: one height for all, and how much the measured rows exceed it. The excess is
// summed in blocks, so that finding a row in a list of 100,000 takes a few hundred additions. Pure.

const BLOCK = 256;

export class RowHeights {
  #extras = new Map();
  #blocks = new Map();

  constructor(rowHeight) {
    this.rowHeight = rowHeight;
  }

  /** Forget all measured heights; rows are `rowHeight` px from now on. */
  reset(rowHeight = this.rowHeight) {
    this.rowHeight = rowHeight;
    this.#extras.clear();
    this.#blocks.clear();
  }

  heightOf(row) {
    return this.rowHeight + (this.#extras.get(row) ?? 0);
  }

  /** Record the measured height of a row, in px; true when it has changed. */
  set(row, height) {
    const extra = height - this.rowHeight;
    const before = this.#extras.get(row) ?? 0;
    if (extra === before) return false;
    if (extra === 0) this.#extras.delete(row);
    else this.#extras.set(row, extra);
    const block = Math.floor(row / BLOCK);
    this.#blocks.set(block, (this.#blocks.get(block) ?? 0) + extra - before);
    return true;
  }

  /** Px from the top of row `from` to the top of row `to`, which is not before it. */
  span(from, to) {
    if (this.#extras.size === 0) return (to - from) * this.rowHeight;
    const first = Math.ceil(from / BLOCK);
    const last = Math.floor(to / BLOCK);
    let px = (to - from) * this.rowHeight;
    if (first > last) return px + this.#sum(from, to);
    for (const [block, extra] of this.#blocks) if (block >= first && block < last) px += extra;
    return px + this.#sum(from, first * BLOCK) + this.#sum(last * BLOCK, to);
  }

  /** The row that covers `px` below the top of row `from`, at most `end`; a row before `from` where px is negative. */
  rowAt(from, end, px) {
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

  /** Forget the measured heights of rows before `row`. */
  forgetBefore(row) {
    const block = Math.floor(row / BLOCK);
    for (const [known] of this.#blocks) {
      if (known >= block) continue;
      this.#blocks.delete(known);
      for (let index = known * BLOCK; index < (known + 1) * BLOCK; index += 1) this.#extras.delete(index);
    }
  }

  #sum(from, to) {
    let px = 0;
    for (let row = from; row < to; row += 1) px += this.#extras.get(row) ?? 0;
    return px;
  }
}
