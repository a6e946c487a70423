// The rows that are in the page: keyed by seq, in the order of the lines, taken from and given back to a pool.

import { Row } from "./row.js";

const WIDEST_CH = { channel: 12, logger: 18 };

export class RowWindow {
  #spacer;
  #ring;
  #view;
  #style;
  #rows = new Map();
  #pool = [];
  #widths = { channel: 0, logger: 0 };
  #from = null;

  constructor(spacer, ring, view, style) {
    this.#spacer = spacer;
    this.#ring = ring;
    this.#view = view;
    this.#style = style;
    this.selected = null;
  }

  get size() {
    return this.#rows.size;
  }

  get range() {
    if (this.selected === null) return null;
    const from = this.#from ?? this.selected;
    return [Math.min(from, this.selected), Math.max(from, this.selected)];
  }

  inOrder() {
    return [...this.#rows.values()].sort((one, other) => one.seq - other.seq);
  }

  /** True when rows may have different heights. */
  get variable() {
    return this.#style.variable;
  }

  /** The first row that reaches below `top` px, or undefined. */
  firstBelow(top) {
    return this.inOrder().find((row) => row.top + row.height > top);
  }

  /** The selected row, if it is in sight, or null. */
  chosenIn({ top, height }) {
    const row = this.selected === null ? undefined : this.#rows.get(this.selected);
    return row && row.top >= top && row.top < top + height ? row : null;
  }

  /** True when a row stands at `top` px. */
  covers(top) {
    return [...this.#rows.values()].some((row) => row.top === top);
  }

  clear() {
    for (const seq of [...this.#rows.keys()]) this.#recycle(seq);
  }

  /** Write the rows again where they stand, each at once, so that what is selected in them may go but nothing jumps. */
  rewrite() {
    for (const [seq, row] of this.#rows) {
      if (!this.#ring.has(seq)) continue;
      this.#refill(row, seq, this.#view.placeOf(seq));
      this.#widen(row.lengths);
    }
  }

  #refill(row, seq, place) {
    row.fill(this.#ring, seq, this.#above(place), this.#style, this.#foldAt(place));
    this.#mark(row);
    row.measured = false;
  }

  flash(seq) {
    const element = this.#rows.get(seq)?.element;
    if (!element) return;
    element.classList.add("flash");
    element.addEventListener("animationend", () => element.classList.remove("flash"), { once: true });
  }

  /** Lines are in another order: `moved(seq)` is the new seq. */
  shift(moved) {
    const rows = [...this.#rows.values()];
    this.#rows.clear();
    for (const row of rows) {
      row.renumber(moved(row.seq));
      this.#rows.set(row.seq, row);
    }
    if (this.selected !== null) this.selected = moved(this.selected);
    if (this.#from !== null) this.#from = moved(this.#from);
  }

  unmeasure() {
    for (const row of this.#rows.values()) row.measured = false;
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
    this.#from = null;
    this.selected = seq;
    this.#showMarks();
  }

  /** Select from the seq selected first to this one. */
  extend(seq) {
    this.#from ??= this.selected ?? seq;
    this.selected = seq;
    this.#showMarks();
  }

  /**
   * Have the places `from` to `to` in the page and nothing else, except rows whose line has fallen off the ring and that
   * `stays(row)` wants to keep. Returns true when a row has another height than the scroller thought.
   */
  show(from, to, scroller, stays) {
    const lowest = from < to ? this.#view.at(from) : Infinity;
    const highest = from < to ? this.#view.at(to - 1) : -Infinity;
    for (const [seq, row] of this.#rows) {
      const wanted = seq < this.#ring.first ? stays(row) : seq >= lowest && seq <= highest;
      if (!wanted) this.#recycle(seq);
    }
    this.#fill(from, to);
    return this.#stand(from, to, scroller);
  }

  // Rows that stay are never moved in the document, new ones are put between them: so the order of the elements
  // is the order of the lines, and a selection over them survives.
  #fill(from, to) {
    let next = this.#spacer.firstElementChild;
    while (next && Number(next.dataset.seq) < this.#ring.first) next = next.nextElementSibling;
    for (let place = from; place < to; place += 1) {
      const seq = this.#view.at(place);
      const row = this.#rows.get(seq);
      if (!row) {
        this.#insert(seq, place, next);
        continue;
      }
      next = row.element.nextElementSibling;
      // Older lines have come above what was the first row, or lines that belong to it.
      const other = row.count !== this.#view.foldOf(place);
      if (other || (row.above === null && place > this.#view.first)) this.#refill(row, seq, place);
    }
  }

  #stand(from, to, scroller) {
    const sizes = [];
    let top = scroller.topOf(from);
    for (let place = from; place < to; place += 1) {
      const row = this.#rows.get(this.#view.at(place));
      if (!row.measured) {
        row.measured = true;
        sizes.push([place, this.#style.variable || row.tall ? row.element.offsetHeight : scroller.rowHeight]);
      }
      row.stand(place - this.#view.first, top, scroller.heightOf(place));
      top += scroller.heightOf(place);
    }
    return scroller.measured(sizes);
  }

  #insert(seq, place, before) {
    const row = this.#pool.pop() ?? new Row();
    row.fill(this.#ring, seq, this.#above(place), this.#style, this.#foldAt(place));
    row.measured = false;
    this.#rows.set(seq, row);
    this.#mark(row);
    this.#spacer.insertBefore(row.element, before);
    this.#widen(row.lengths);
  }

  #foldAt(place) {
    return { count: this.#view.foldOf(place), seqs: (most) => this.#view.foldedAt(place, most) };
  }

  #above(place) {
    return place > this.#view.first ? this.#view.at(place - 1) : null;
  }

  #showMarks() {
    for (const row of this.#rows.values()) this.#mark(row);
  }

  #mark(row) {
    const range = this.range;
    const inside = range !== null && row.seq >= range[0] && row.seq <= range[1];
    row.mark(row.seq === this.selected, inside && range[0] !== range[1]);
  }

  // Columns grow to the longest name seen and never jump back while one reads.
  #widen(lengths) {
    for (const [column, length] of Object.entries(lengths)) {
      const widest = WIDEST_CH[column];
      if (length <= this.#widths[column] || this.#widths[column] >= widest) continue;
      this.#widths[column] = Math.min(length, widest);
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
