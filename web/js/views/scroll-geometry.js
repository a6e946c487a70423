// The geometry of the list: which place stands where in the spacer, and how far that is scrolled.
//
// Places are absolute (see view-list.js) and `base` is the place at the top of the spacer. While the reader has scrolled
// away the base stays, so lines that fall off the ring move nothing.
// `top` is how far the spacer is scrolled out of sight; it is below 0 while the state at the top of the list is in sight.

import { Heights } from "./row-heights.js";

const TALLEST_PX = 20_000_000;

export class Scroller {
  #viewport;
  #lead;
  #spacer;
  #view;
  #leadHeight = 20;
  #heights = new Heights(20);

  constructor(viewport, lead, spacer, view) {
    this.#viewport = viewport;
    this.#lead = lead;
    this.#spacer = spacer;
    this.#view = view;
    this.base = 0;
    this.top = 0;
    this.height = 0;
    this.spread = -1;
  }

  get rowHeight() {
    return this.#heights.rowHeight;
  }

  /** Px of the list below the view. */
  get left() {
    return this.spread - this.height - this.top;
  }

  get fills() {
    return this.spread + this.#leadHeight > this.height;
  }

  topOf(place) {
    return place >= this.base ? this.#heights.span(this.base, place) : (place - this.base) * this.rowHeight;
  }

  heightOf(place) {
    return this.#heights.heightOf(place);
  }

  placeAt(px) {
    return this.#heights.placeAt(this.base, this.#view.end, px);
  }

  /** The place at the top of the view and how far it is scrolled out of it. */
  anchor() {
    const place = this.placeAt(this.top);
    return { place, offset: this.top - this.topOf(place) };
  }

  restore({ place, offset }) {
    this.scrollTo(this.topOf(place) + offset);
  }

  /** Note measured heights `[[place, px], …]`; true when one has changed. */
  measured(sizes) {
    let changed = false;
    for (const [place, px] of sizes) changed = this.#heights.set(place, px) || changed;
    return changed;
  }

  forgetHeights() {
    this.#heights.reset();
  }

  /** Read where the browser has scrolled to. */
  read() {
    this.top = this.#viewport.scrollTop - this.#leadHeight;
    // Measured now: a view that has just grown was scrolled by the browser, and its observer comes later.
    this.height = this.#viewport.clientHeight;
  }

  /** Take in a new size of the view or of its rows; true when rows have another height. */
  resize() {
    this.height = this.#viewport.clientHeight;
    this.#leadHeight = this.#lead.offsetHeight;
    const rowHeight = parseInt(getComputedStyle(this.#viewport).getPropertyValue("--row"), 10) || 20;
    if (rowHeight === this.rowHeight) return false;
    this.#heights.reset(rowHeight);
    return true;
  }

  /** Have another place at the top of the spacer and leave what is in sight where it is. */
  rebase(place) {
    const anchor = this.anchor();
    this.base = place;
    this.stretch();
    this.restore(anchor);
  }

  /** Begin the spacer at the first place shown, wherever that leaves the view. */
  begin(place) {
    this.base = place;
    this.#heights.forgetBefore(place);
    this.stretch();
  }

  /** A new list: nothing that was measured counts. */
  clear(place) {
    this.#heights.reset();
    this.begin(place);
  }

  get tooTall() {
    return this.topOf(this.#view.end) > TALLEST_PX;
  }

  stretch() {
    const height = Math.max(0, this.topOf(this.#view.end));
    if (height === this.spread) return;
    this.spread = height;
    this.#spacer.style.height = `${height}px`;
    this.#spacer.setAttribute("aria-rowcount", String(this.#view.end - this.#view.first));
  }

  scrollTo(top) {
    const wanted = Math.max(0, top + this.#leadHeight);
    if (Math.abs(this.#viewport.scrollTop - wanted) >= 0.5) this.#viewport.scrollTop = wanted;
    this.top = this.#viewport.scrollTop - this.#leadHeight;
  }

  toStart() {
    this.scrollTo(-this.#leadHeight);
  }

  toEnd() {
    this.scrollTo(this.spread - this.height);
  }

  /** Bring a place into sight: at the nearest edge, or with `centre` into the middle when it is out of sight. */
  reveal(place, centre = false) {
    const top = this.topOf(place);
    const bottom = top + this.heightOf(place);
    const inside = top >= this.top && bottom <= this.top + this.height;
    if (inside) return;
    if (centre) this.scrollTo(top - (this.height - this.heightOf(place)) / 2);
    else this.scrollTo(top < this.top ? top : bottom - this.height);
  }
}
