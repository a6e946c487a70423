// The geometry of the list: where each row stands in the spacer, and how far the spacer is scrolled.
//
// Row numbers are absolute (see filtered-list.js); `base` is the row at the top of the spacer. While the reader has scrolled
// away the base stays the same, so lines that fall off the ring move nothing.
// The end of a list that is followed may leave a blank strip below the last row, so that the first row is whole.
// `top` is how far the spacer is scrolled out of sight; it is negative while the bar above the list is in sight.

import { RowHeights } from "./row-heights.js";

const TALLEST_PX = 20_000_000;

export class ScrollGeometry {
  #viewport;
  #lead;
  #spacer;
  #list;
  #leadHeight = 20;
  #heights = new RowHeights(20);
  #slack = 0;

  /** `lead` is the element above the spacer. */
  constructor(viewport, lead, spacer, list) {
    this.#viewport = viewport;
    this.#lead = lead;
    this.#spacer = spacer;
    this.#list = list;
    this.base = 0;
    this.top = 0;
    this.height = 0;
    this.totalHeight = -1;
  }

  get rowHeight() {
    return this.#heights.rowHeight;
  }

  /** Px of the list below the viewport. */
  get below() {
    return this.totalHeight - this.height - this.top;
  }

  /** True when the list is taller than the viewport. */
  get scrollable() {
    return this.totalHeight + this.#leadHeight > this.height;
  }

  topOf(row) {
    return row >= this.base ? this.#heights.span(this.base, row) : (row - this.base) * this.rowHeight;
  }

  heightOf(row) {
    return this.#heights.heightOf(row);
  }

  rowAt(px) {
    return this.#heights.rowAt(this.base, this.#list.end, px);
  }

  /** The row at the top of the viewport and how far it is scrolled out of it, as `{row, offset}`. */
  anchor() {
    const row = this.rowAt(this.top);
    return { row, offset: this.top - this.topOf(row) };
  }

  restore({ row, offset }) {
    this.scrollTo(this.topOf(row) + offset);
  }

  /** Record measured heights `[[row, px], …]`; true when one has changed. */
  recordHeights(sizes) {
    let changed = false;
    for (const [row, px] of sizes) changed = this.#heights.set(row, px) || changed;
    return changed;
  }

  forgetHeights() {
    this.#heights.reset();
  }

  /** Read where the browser has scrolled to. */
  read() {
    this.top = this.#viewport.scrollTop - this.#leadHeight;
    // Measured here: the browser has already scrolled a viewport that has just grown, and its observer is called later.
    this.height = this.#viewport.clientHeight;
  }

  /** Read the size of the viewport and of its rows; true when the row height has changed. */
  resize() {
    this.height = this.#viewport.clientHeight;
    this.#leadHeight = this.#lead.offsetHeight;
    const rowHeight = parseInt(getComputedStyle(this.#viewport).getPropertyValue("--row"), 10) || 20;
    if (rowHeight === this.rowHeight) return false;
    this.#heights.reset(rowHeight);
    return true;
  }

  /** Put another row at the top of the spacer and leave what is in sight where it is. */
  rebase(row) {
    const anchor = this.anchor();
    this.base = row;
    this.fitSpacer();
    this.restore(anchor);
  }

  /** Put a row at the top of the spacer, wherever that leaves the viewport. */
  startAt(row) {
    this.base = row;
    this.#heights.forgetBefore(row);
    this.fitSpacer();
  }

  /** Start over with a new list: no measured height is valid. */
  clear(row) {
    this.#heights.reset();
    this.startAt(row);
  }

  get tooTall() {
    return this.topOf(this.#list.end) > TALLEST_PX;
  }

  /** Make the spacer as tall as the list. */
  fitSpacer() {
    const height = Math.max(0, this.topOf(this.#list.end));
    if (height === this.totalHeight) return;
    this.totalHeight = height;
    this.#setHeight();
    this.#spacer.setAttribute("aria-rowcount", String(this.#list.end - this.#list.first));
  }

  scrollTo(top) {
    const target = Math.max(0, top + this.#leadHeight);
    if (Math.abs(this.#viewport.scrollTop - target) >= 0.5) this.#viewport.scrollTop = target;
    this.top = this.#viewport.scrollTop - this.#leadHeight;
  }

  toStart() {
    this.scrollTo(-this.#leadHeight);
  }

  toEnd() {
    const end = this.totalHeight - this.height;
    const slack = end > 0 ? this.#cutAt(end) : 0;
    if (slack !== this.#slack) {
      this.#slack = slack;
      this.#setHeight();
    }
    this.scrollTo(end + slack);
  }

  // How much of the row at the top would be in sight; 0 if all of it is, or if it is too tall to be pushed out for that.
  #cutAt(top) {
    const row = this.rowAt(top);
    const hidden = top - this.topOf(row);
    const height = this.heightOf(row);
    return hidden > 0 && height <= 2 * this.rowHeight ? height - hidden : 0;
  }

  #setHeight() {
    this.#spacer.style.height = `${this.totalHeight + this.#slack}px`;
  }

  /** Bring a row into the middle. */
  centre(row) {
    this.scrollTo(this.topOf(row) - (this.height - this.heightOf(row)) / 2);
  }

  /** Bring a row into sight: at the nearest edge, or with `centre` into the middle if it was out of sight. */
  reveal(row, centre = false) {
    const top = this.topOf(row);
    const bottom = top + this.heightOf(row);
    const inSight = top >= this.top && bottom <= this.top + this.height;
    if (inSight) return;
    if (centre) this.centre(row);
    else this.scrollTo(top < this.top ? top : bottom - this.height);
  }
}
