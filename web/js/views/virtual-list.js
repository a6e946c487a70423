// A virtual list over the view list. Only rows in sight and a few around them are in the page; a row keeps
// its element as long as it is drawn, so a selection or a hovered row stays what it is.
//
// Where the reader has scrolled away, nothing moves: neither new lines nor old ones that fall off the ring, nor rows above
// the view that turn out to be higher than was thought. Rows in sight stay even when their lines are gone.

import { RowWindow } from "./row-pool.js";
import { Scroller } from "./scroll-geometry.js";

const PARTS = { viewport: ".viewport", top: ".top", spacer: ".spacer" };
const OVERSCAN = 20;
const MAX_ROWS = 148;

export class ListView {
  #viewport;
  #spacer;
  #gone = new AbortController();
  #epoch = 0;
  #frame = 0;
  #detachedAt = null;
  #length = 0;
  #rebuilt = 0;
  // What stays where it is until the next drawing: a view of another width must not lose the selected row.
  #kept = null;

  /**
   * `on` has `follow(following)`, called when it changes, `select(seq)`, `top()`: the reader nears the oldest line, and
   * `drawn()`: other rows may be in the page. `style` says how rows are written (views/row.js).
   */
  constructor(stage, ring, view, style, on) {
    this.view = view;
    this.on = on;
    this.#viewport = stage.querySelector(PARTS.viewport);
    this.#spacer = stage.querySelector(PARTS.spacer);
    this.scroller = new Scroller(this.#viewport, stage.querySelector(PARTS.top), this.#spacer, view);
    this.rowWindow = new RowWindow(this.#spacer, ring, view, style);
    this.stage = stage;
    this.paused = false;
    this.#listen();
  }

  get following() {
    return this.#detachedAt === null;
  }

  get rowsInDom() {
    return this.rowWindow.size;
  }

  /** The selected seq, or null. */
  get selected() {
    return this.rowWindow.selected;
  }

  /** The first and last seq of the selection, or null. */
  get range() {
    return this.rowWindow.range;
  }

  /** The rows that are in the page, oldest first. */
  get rows() {
    return this.rowWindow.inOrder();
  }

  /** `{lines, errors}` that came since the view let go of the end. */
  get news() {
    const since = this.#detachedAt ?? this.view;
    return { lines: this.view.lines - since.lines, errors: this.view.errors - since.errors };
  }

  /** The seq of the row at the top of the view, or null. */
  get topSeq() {
    const place = Math.max(this.view.first, this.scroller.placeAt(Math.max(0, this.scroller.top)));
    return place < this.view.end ? this.view.at(place) : null;
  }

  /** Draw in the next frame. Cheap to call at any time; in a hidden tab nothing is drawn and nothing waits. */
  draw() {
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  /** Write all rows again: how they are written has changed. */
  rewrite() {
    const anchor = this.scroller.anchor();
    this.scroller.forgetHeights();
    this.rowWindow.rewrite();
    this.scroller.stretch();
    if (!this.following) this.scroller.restore(anchor);
    this.draw();
  }

  /** Lines are in another order: `moved(seq)` is the new seq. */
  shift(moved) {
    this.rowWindow.shift(moved);
  }

  /** Light a row up for a moment. */
  flash(seq) {
    requestAnimationFrame(() => requestAnimationFrame(() => this.rowWindow.flash(seq)));
  }

  focus() {
    this.#viewport.focus({ preventScroll: true });
  }

  showChannels(many) {
    this.#viewport.dataset.many = String(many);
    this.rowWindow.narrow();
  }

  /** Stay at the newest line. */
  follow() {
    this.paused = false;
    this.#setFollowing(true);
    // At once: the event of a scroll that is still under way must find the view at its end, or it lets go again.
    cancelAnimationFrame(this.#frame);
    this.#draw();
  }

  /** Let go of the end; lines keep coming in below. */
  detach() {
    if (!this.following) return;
    this.#setFollowing(false);
    this.draw();
  }

  pause() {
    this.paused = true;
    this.detach();
    this.on.follow(false);
  }

  /** It is no longer in the page. */
  drop() {
    this.#gone.abort();
    this.stage.remove();
  }

  #listen() {
    const viewport = this.#viewport;
    const { signal } = this.#gone;
    viewport.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    viewport.addEventListener("wheel", (event) => event.deltaY < 0 && this.#goUp(), { passive: true });
    let touchY = 0;
    viewport.addEventListener("touchstart", (event) => (touchY = event.touches[0].clientY), { passive: true });
    viewport.addEventListener("touchmove", (event) => event.touches[0].clientY > touchY + 4 && this.#goUp(), { passive: true });
    document.addEventListener("selectionchange", () => {
      const selection = document.getSelection();
      if (selection && !selection.isCollapsed && this.#spacer.contains(selection.anchorNode)) this.detach();
    }, { signal });
    new ResizeObserver(() => this.resized()).observe(viewport);
    document.addEventListener("visibilitychange", () => this.draw(), { signal });
  }

  /** Let go of the end where the list can be scrolled at all. */
  letGo() {
    if (this.scroller.fills) this.detach();
  }

  // A list that does not fill the view cannot be scrolled: turning the wheel says enough.
  #goUp() {
    this.letGo();
    this.nearTop();
  }

  /** The reader goes up: tell when the oldest line is near. */
  nearTop() {
    if (this.scroller.top < this.scroller.height) this.on.top();
  }

  #scrolled() {
    const before = this.scroller.top;
    this.scroller.read();
    const { top, left } = this.scroller;
    if (this.following && top < before && left > 2) this.detach();
    else if (!this.following && !this.paused && top > before && left <= 2) this.#setFollowing(true);
    if (!this.following && top < before) this.nearTop();
    this.on.scrolled?.();
    this.draw();
  }

  /** The view or the height of its rows has changed. */
  resized() {
    const anchor = this.#kept ?? this.#anchor();
    const other = this.scroller.resize();
    if (other || this.rowWindow.variable) {
      this.#kept = anchor;
      this.scroller.forgetHeights();
      this.rowWindow.unmeasure();
      this.scroller.stretch();
      this.scroller.restore(anchor);
    }
    this.draw();
  }

  // What stays where it is: the selected row if it is in sight, or the row at the top of the view.
  #anchor() {
    const chosen = this.rowWindow.chosenIn(this.scroller);
    return chosen ? { place: this.view.placeOf(chosen.seq), offset: this.scroller.top - chosen.top } : this.scroller.anchor();
  }

  #setFollowing(following) {
    if (following === this.following) return;
    this.#detachedAt = following ? null : { lines: this.view.lines, errors: this.view.errors };
    this.on.follow(following);
  }

  #draw() {
    this.#frame = 0;
    const scroller = this.scroller;
    this.view.trim();
    scroller.read();
    this.sync();
    if (this.following) scroller.begin(this.view.first);
    else if (this.view.first < scroller.base || scroller.tooTall) scroller.rebase(this.view.first);
    scroller.stretch();
    if (this.following) scroller.toEnd();
    else this.#leaveBlank();
    const anchor = this.#kept ?? scroller.anchor();
    this.#kept = null;
    if (this.#place()) this.#settle(anchor);
    this.#length = this.view.end - this.view.first;
    this.on.drawn();
  }

  // Rows turned out to be higher than was thought: what is in sight stays, or the end stays in sight.
  #settle(anchor) {
    this.scroller.stretch();
    if (this.following) this.scroller.toEnd();
    else this.scroller.restore(anchor);
    this.#place();
  }

  /** Take in a list that was made anew; whoever goes to a place does so first. */
  sync() {
    if (this.#epoch !== this.view.epoch) this.#relocate();
  }

  // The list was made anew: keep the first line in sight where it is.
  #relocate() {
    this.#epoch = this.view.epoch;
    this.#kept = null;
    // When a filter is lifted, a reader who has chosen a line wants it among its neighbours, and not the newest ones.
    const widened = this.view.rebuilt !== this.#rebuilt && this.view.end - this.view.first > this.#length;
    this.#rebuilt = this.view.rebuilt;
    const chosen = widened && this.selected !== this.view.at(this.view.end - 1) ? this.rowWindow.chosenIn(this.scroller) : null;
    if (chosen && this.following) this.#setFollowing(false);
    const anchor = chosen ?? this.rowWindow.firstBelow(this.scroller.top);
    const place = anchor ? this.view.placeOf(anchor.seq) : this.view.end;
    const offset = anchor ? this.scroller.top - anchor.top : 0;
    this.rowWindow.clear();
    this.scroller.clear(this.view.first);
    if (!this.following) this.scroller.restore({ place, offset });
  }

  // Above the oldest line held there is nothing any more; rows still drawn there may be read on.
  #leaveBlank() {
    const place = this.scroller.placeAt(Math.max(0, this.scroller.top));
    if (place >= this.view.first || this.rowWindow.covers(this.scroller.topOf(place))) return;
    this.scroller.begin(this.view.first);
    this.scroller.toStart();
  }

  #place() {
    const { top, height, rowHeight } = this.scroller;
    const topPlace = this.scroller.placeAt(top);
    const inSight = Math.ceil(height / rowHeight) + 1;
    const around = Math.max(0, Math.min(OVERSCAN, Math.floor((MAX_ROWS - inSight) / 2)));
    const from = Math.max(this.view.first, topPlace - around);
    const to = Math.min(this.view.end, topPlace + inSight + around);
    const inView = (row) => row.top + row.height > top && row.top < top + height;
    return this.rowWindow.show(from, to, this.scroller, (row) => !this.following && inView(row));
  }
}
