// The rows that are in the page: keyed by seq, in the order of the lines, taken from and given back to a pool.

import { Row } from "./row.js";

const WIDEST_CH = 18;

export class RowWindow {
  #spacer;
  #ring;
  #view;
  #rows = new Map();
  #pool = [];
  #widths = { channel: 0, logger: 0 };

  constructor(spacer, ring, view) {
    this.#spacer = spacer;
    this.#ring = ring;
    this.#view = view;
    this.selected = null;
  }

  get size() {
    return this.#rows.size;
  }

  /** The first row that reaches below `top` px, or undefined. */
  firstBelow(top, rowHeight) {
    return [...this.#rows.values()].find((row) => row.top + rowHeight > top);
  }

  /** True when a row stands at `top` px. */
  covers(top) {
    return [...this.#rows.values()].some((row) => row.top === top);
  }

  clear() {
    for (const seq of [...this.#rows.keys()]) this.#recycle(seq);
  }

  /** Let the columns be as wide as the next lines need. */
  narrow() {
    for (const column of Object.keys(this.#widths)) {
      this.#widths[column] = 0;
      this.#spacer.style.removeProperty(`--${column}-width`);
    }
  }

  /** Select one seq, or null. */
  mark(seq) {
    this.#rows.get(this.selected)?.mark(false);
    this.selected = seq;
    this.#rows.get(seq)?.mark(true);
  }

  /**
   * Have the places `from` to `to` in the page and nothing else, except rows whose line has fallen off the ring
   * and that `stays(top)` wants to keep. `topOf(place)` is where a place stands, in px.
   */
  show(from, to, topOf, stays) {
    const lowest = from < to ? this.#view.at(from) : Infinity;
    const highest = from < to ? this.#view.at(to - 1) : -Infinity;
    for (const [seq, row] of this.#rows) {
      const wanted = seq < this.#ring.first ? stays(row.top) : seq >= lowest && seq <= highest;
      if (!wanted) this.#recycle(seq);
    }
    this.#fill(from, to, topOf);
  }

  // Rows that stay are never moved in the document, new ones are put between them: so the order of the elements
  // is the order of the lines, and a selection over them survives.
  #fill(from, to, topOf) {
    let next = this.#spacer.firstElementChild;
    while (next && Number(next.dataset.seq) < this.#ring.first) next = next.nextElementSibling;
    for (let place = from; place < to; place += 1) {
      const seq = this.#view.at(place);
      let row = this.#rows.get(seq);
      if (row) next = row.element.nextElementSibling;
      else row = this.#insert(seq, place, next);
      row.stand(place - this.#view.first, topOf(place));
    }
  }

  #insert(seq, place, before) {
    const row = this.#pool.pop() ?? new Row();
    row.fill(this.#ring, seq, place > this.#view.first ? this.#view.at(place - 1) : null);
    row.mark(seq === this.selected);
    this.#rows.set(seq, row);
    this.#spacer.insertBefore(row.element, before);
    this.#widen(row.lengths);
    return row;
  }

  // Columns grow to the longest name seen and never jump back while one reads.
  #widen(lengths) {
    for (const [column, length] of Object.entries(lengths)) {
      if (length <= this.#widths[column] || this.#widths[column] >= WIDEST_CH) continue;
      this.#widths[column] = Math.min(length, WIDEST_CH);
      this.#spacer.style.setProperty(`--${column}-width`, `${this.#widths[column]}ch`);
    }
  }

  #recycle(seq) {
    const row = this.#rows.get(seq);
    row.element.remove();
    this.#rows.delete(seq);
    this.#pool.push(row);
  }
}
