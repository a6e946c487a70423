// The row elements in the page: keyed by seq, in the order of the lines, and reused through a pool.
// Here a `row` is an element with its state (row.js), and the number of a row in the list is its `index`.

import { Row } from "./row.js";

const WIDEST_CH = { channel: 20, logger: 18 };

export class RowPool {
  #spacer;
  #stage;
  #ring;
  #list;
  #style;
  #rows = new Map();
  #pool = [];
  #widths = { channel: 0, logger: 0 };
  #selection = { current: null, range: null };

  constructor(spacer, ring, list, style) {
    this.#spacer = spacer;
    this.#stage = spacer.closest(".stage");
    this.#ring = ring;
    this.#list = list;
    this.#style = style;
    /** True while text of the rows is selected: those in the page stay what they are. */
    this.still = false;
  }

  get size() {
    return this.#rows.size;
  }

  inOrder() {
    return [...this.#rows.values()].sort((one, other) => one.seq - other.seq);
  }

  /** True when rows may have different heights. */
  get variableHeight() {
    return this.#style.variableHeight;
  }

  /** The first row that reaches below `top` px, or undefined. */
  firstBelow(top) {
    return this.inOrder().find((row) => row.top + row.height > top);
  }

  /** The row of a seq if its top is in sight, or null. */
  inSight(seq, { top, height }) {
    const row = seq === null ? undefined : this.#rows.get(seq);
    return row && row.top >= top && row.top < top + height ? row : null;
  }

  /** True when a row stands at `top` px. */
  hasRowAt(top) {
    return [...this.#rows.values()].some((row) => row.top === top);
  }

  clear() {
    for (const seq of [...this.#rows.keys()]) this.#recycle(seq);
  }

  /** Fill the rows again, each in place, so that text selected in them may be lost but nothing jumps. */
  rewrite() {
    for (const [seq, row] of this.#rows) {
      if (!this.#ring.has(seq)) continue;
      this.#refill(row, seq, this.#list.firstRowFrom(seq));
      this.#widen(row.lengths);
    }
  }

  #refill(row, seq, index) {
    row.fill(this.#ring, seq, this.#above(index), this.#style, this.#foldedAt(index));
    this.#showSelected(row);
    row.measured = false;
  }

  flash(seq) {
    const element = this.#rows.get(seq)?.element;
    if (!element) return;
    element.classList.add("flash");
    element.addEventListener("animationend", () => element.classList.remove("flash"), { once: true });
  }

  /** Lines have changed places: `moved(seq)` is the new seq. */
  renumber(moved) {
    const rows = [...this.#rows.values()];
    this.#rows.clear();
    for (const row of rows) {
      row.renumber(moved(row.seq));
      this.#rows.set(row.seq, row);
    }
  }

  /** Have all rows measured again. */
  unmeasure() {
    for (const row of this.#rows.values()) row.measured = false;
  }

  /** Let the columns start again from the width that the next lines need. */
  resetWidths() {
    for (const column of Object.keys(this.#widths)) {
      this.#widths[column] = 0;
      this.#stage.style.removeProperty(`--${column}-width`);
      delete this.#stage.dataset[column];
    }
  }

  /** Show the selection: `current`, the seq of the cursor, and `range`, its first and last seq; null for none. */
  showSelection(current, range) {
    this.#selection = { current, range };
    for (const row of this.#rows.values()) this.#showSelected(row);
  }

  /**
   * Have the rows `from` to `to` of the list in the page and no others, except rows whose line has fallen off the ring and that
   * `keep(row)` accepts. Returns true when the height of a row is not what the geometry expected.
   */
  show(from, to, geometry, keep) {
    const lowest = from < to ? this.#list.seqAt(from) : Infinity;
    const highest = from < to ? this.#list.seqAt(to - 1) : -Infinity;
    for (const [seq, row] of this.#rows) {
      const stays = seq < this.#ring.first ? keep(row) : seq >= lowest && seq <= highest;
      if (!stays) this.#recycle(seq);
    }
    this.#fill(from, to);
    return this.#position(from, to, geometry);
  }

  // Rows that stay are never moved in the document; new ones are inserted between them. So the order of the elements is the order
  // of the lines, and a text selection across them survives.
  #fill(from, to) {
    let next = this.#spacer.firstElementChild;
    while (next && Number(next.dataset.seq) < this.#ring.first) next = next.nextElementSibling;
    for (let index = from; index < to; index += 1) {
      const seq = this.#list.seqAt(index);
      const row = this.#rows.get(seq);
      if (!row) {
        this.#insert(seq, index, next);
        continue;
      }
      next = row.element.nextElementSibling;
      // Older lines were loaded above what was the first row, or more lines were folded into this one.
      const changed = row.foldedCount !== this.#list.foldedCount(index);
      if (!this.still && (changed || (row.above === null && index > this.#list.first))) this.#refill(row, seq, index);
    }
  }

  #position(from, to, geometry) {
    const sizes = [];
    let top = geometry.topOf(from);
    for (let index = from; index < to; index += 1) {
      const row = this.#rows.get(this.#list.seqAt(index));
      if (!row.measured) {
        row.measured = true;
        sizes.push([index, this.#style.variableHeight || row.tall ? row.element.offsetHeight : geometry.rowHeight]);
      }
      row.moveTo(index - this.#list.first, top, geometry.heightOf(index));
      top += geometry.heightOf(index);
    }
    return geometry.recordHeights(sizes);
  }

  #insert(seq, index, before) {
    const row = this.#pool.pop() ?? new Row();
    row.fill(this.#ring, seq, this.#above(index), this.#style, this.#foldedAt(index));
    row.measured = false;
    this.#rows.set(seq, row);
    this.#showSelected(row);
    this.#spacer.insertBefore(row.element, before);
    this.#widen(row.lengths);
  }

  #foldedAt(index) {
    return { count: this.#list.foldedCount(index), seqs: (limit) => this.#list.foldedSeqs(index, limit) };
  }

  #above(index) {
    return index > this.#list.first ? this.#list.seqAt(index - 1) : null;
  }

  #showSelected(row) {
    const { current, range } = this.#selection;
    const inRange = range !== null && row.seq >= range[0] && row.seq <= range[1];
    row.showSelected(row.seq === current, inRange && range[0] !== range[1]);
  }

  // Columns grow to the longest name seen and never shrink while the reader is reading.
  #widen(lengths) {
    for (const [column, length] of Object.entries(lengths)) {
      const widest = WIDEST_CH[column];
      if (length <= this.#widths[column] || this.#widths[column] >= widest) continue;
      this.#widths[column] = Math.min(length, widest);
      this.#stage.style.setProperty(`--${column}-width`, `${this.#widths[column]}ch`);
      this.#stage.dataset[column] = "true";
    }
  }

  #recycle(seq) {
    const row = this.#rows.get(seq);
    row.element.remove();
    this.#rows.delete(seq);
    this.#pool.push(row);
  }
}
