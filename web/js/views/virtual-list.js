// A virtual list over a FilteredList. Only the rows in sight and a few around them are in the page; a row keeps its element as long
// as it is drawn, so a text selection or a hovered row stays what it is. The list knows nothing of what is selected.
//
// Nothing moves under the mouse while it is pressed, nor until the text that was selected with it is given up.
// While the reader has scrolled away, nothing moves: not for new lines, not for old lines that fall off the ring, and not for rows
// above the viewport that turn out taller than expected. Rows in sight stay even when their lines are gone.

import { RowPool } from "./row-pool.js";
import { ScrollGeometry } from "./scroll-geometry.js";

const PARTS = { viewport: ".viewport", top: ".top", spacer: ".spacer" };
const OVERSCAN = 20;
const MAX_ROWS = 148;

export class VirtualList {
  #viewport;
  #spacer;
  #geometry;
  #pool;
  #removed = new AbortController();
  #version = 0;
  #frame = 0;
  #detachedAt = null;
  #length = 0;
  #rebuilds = 0;
  #pressed = false;
  // The list followed before text was selected, and does so again afterwards.
  #resumes = false;
  #scrolled = false;
  // The anchor of a resize, kept until the next drawing: a viewport of another width must not lose the selected row.
  #keptAnchor = null;

  /**
   * `on` has `follow(following)`, called when that changes, `nearTop()`: the reader nears the oldest line, `drawn()`: other rows may
   * be in the page, and `scrolled()`. `anchorSeq()` is the seq that should stay where it is if it is in sight, or null.
   * `style` says how rows are written (row-style.js).
   */
  constructor(stage, ring, list, style, on, anchorSeq) {
    this.list = list;
    this.on = on;
    this.anchorSeq = anchorSeq;
    this.#viewport = stage.querySelector(PARTS.viewport);
    this.#spacer = stage.querySelector(PARTS.spacer);
    this.#geometry = new ScrollGeometry(this.#viewport, stage.querySelector(PARTS.top), this.#spacer, list);
    this.#pool = new RowPool(this.#spacer, ring, list, style);
    this.stage = stage;
    this.paused = false;
    this.#listen();
  }

  get following() {
    return this.#detachedAt === null;
  }

  get rowsInDom() {
    return this.#pool.size;
  }

  /** True while text of the rows is selected. */
  get selecting() {
    const selection = document.getSelection();
    return Boolean(selection) && !selection.isCollapsed && this.#spacer.contains(selection.anchorNode);
  }

  /** The row elements in the page, oldest first. */
  get rows() {
    return this.#pool.inOrder();
  }

  /** `{lines, errors}` that arrived since the list stopped following. */
  get unseen() {
    const since = this.#detachedAt ?? this.list;
    return { lines: this.list.lines - since.lines, errors: this.list.errors - since.errors };
  }

  /** The seq of the row at the top of the viewport, or null. */
  get topSeq() {
    const row = Math.max(this.list.first, this.#geometry.rowAt(Math.max(0, this.#geometry.top)));
    return row < this.list.end ? this.list.seqAt(row) : null;
  }

  /** The last row that is in sight as a whole. */
  get lastRowInSight() {
    return Math.min(this.list.end - 1, this.#geometry.rowAt(this.#geometry.top + this.#geometry.height) - 1);
  }

  /** The seq of the row at the top of the viewport, and how far it is scrolled out of it, as `[seq, px]`. */
  scrollPosition() {
    const { row, offset } = this.#geometry.anchor();
    return [this.list.seqAt(row), offset];
  }

  /** Draw in the next frame. Cheap to call at any time; in a hidden tab nothing is drawn and nothing waits. */
  draw() {
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  /** Fill all rows again: how they are written has changed. */
  rewrite() {
    const anchor = this.#geometry.anchor();
    this.#geometry.forgetHeights();
    this.#pool.rewrite();
    this.#geometry.fitSpacer();
    if (!this.following) this.#geometry.restore(anchor);
    this.draw();
  }

  /** Lines have changed places: `moved(seq)` is the new seq. */
  renumber(moved) {
    this.#pool.renumber(moved);
  }

  /** Show the selection, see RowPool. */
  showSelection(current, range) {
    this.#pool.showSelection(current, range);
  }

  /** Light a row up for a moment. */
  flash(seq) {
    requestAnimationFrame(() => requestAnimationFrame(() => this.#pool.flash(seq)));
  }

  focus() {
    this.#viewport.focus({ preventScroll: true });
  }

  /** Show or hide the column with the channel. */
  showChannels(several) {
    this.#viewport.dataset.many = String(several);
    this.resetWidths();
  }

  /** Let the columns start again from the width that the next lines need. */
  resetWidths() {
    this.#pool.resetWidths();
  }

  /** Stay at the newest line. */
  follow() {
    this.paused = false;
    this.#resumes = false;
    if (this.selecting) document.getSelection().removeAllRanges();
    this.#setFollowing(true);
    // At once: the event of a scroll that is still under way must find the viewport at its end, or it detaches again.
    cancelAnimationFrame(this.#frame);
    this.#draw();
  }

  /** Stop following; new lines are added below. */
  detach() {
    this.#resumes = false;
    if (!this.following) return;
    this.#setFollowing(false);
    this.draw();
  }

  pause() {
    this.paused = true;
    this.detach();
    this.on.follow(false);
  }

  /** Bring a seq, or the next one shown, into sight, into the middle if it was not, or `always`. Returns its row, or null if no line is shown. */
  centre(seq, always = false) {
    this.#sync();
    const row = Math.min(this.list.rowOf(seq), this.list.end - 1);
    if (row < this.list.first) return null;
    this.detach();
    if (this.#geometry.base > row) this.#geometry.rebase(this.list.first);
    this.#geometry.fitSpacer();
    if (always) this.#geometry.centre(row);
    else this.#geometry.reveal(row, true);
    this.draw();
    return row;
  }

  /** Have the first line at or after a seq at the top of the viewport, `offset` px of it above. */
  scrollToSeq(seq, offset = 0) {
    this.#sync();
    this.detach();
    if (this.#geometry.base > this.list.first) this.#geometry.rebase(this.list.first);
    this.#geometry.fitSpacer();
    this.#geometry.scrollTo(this.#geometry.topOf(this.list.firstRowFrom(seq)) + offset);
    this.draw();
  }

  /** Scroll a row into sight at the nearest edge; `step` is negative on the way up. */
  reveal(row, step) {
    this.#geometry.reveal(row);
    this.draw();
    if (step < 0) this.#checkTop();
  }

  /** Scroll by pages, or parts of one. */
  scrollByPages(pages) {
    if (pages < 0) this.#detachIfScrollable();
    this.#geometry.scrollTo(this.#geometry.top + pages * (this.#geometry.height - this.#geometry.rowHeight));
    if (pages < 0) this.#checkTop();
    this.draw();
  }

  /** Scroll to the oldest line held. */
  scrollToOldest() {
    this.#sync();
    this.detach();
    this.#geometry.startAt(this.list.first);
    this.#geometry.toStart();
    this.#checkTop();
    this.draw();
  }

  /** Adapt to another size of the viewport or of its rows. */
  resize() {
    const anchor = this.#keptAnchor ?? this.#anchor();
    const changed = this.#geometry.resize();
    if (changed || this.#pool.variableHeight) {
      this.#keptAnchor = anchor;
      this.#geometry.forgetHeights();
      this.#pool.unmeasure();
      this.#geometry.fitSpacer();
      this.#geometry.restore(anchor);
    }
    this.draw();
  }

  /** Take the list out of the page. */
  remove() {
    this.#removed.abort();
    this.stage.remove();
  }

  #listen() {
    const viewport = this.#viewport;
    const { signal } = this.#removed;
    viewport.addEventListener("scroll", () => this.#onScroll(), { passive: true });
    viewport.addEventListener("wheel", (event) => event.deltaY < 0 && this.#goUp(), { passive: true });
    let touchY = 0;
    viewport.addEventListener("touchstart", (event) => (touchY = event.touches[0].clientY), { passive: true });
    viewport.addEventListener("touchmove", (event) => event.touches[0].clientY > touchY + 4 && this.#goUp(), { passive: true });
    this.#spacer.addEventListener("mousedown", (event) => event.button === 0 && !event.target.closest("button, a") && this.#press());
    // The click comes after this, and must find the row that it is on.
    for (const type of ["mouseup", "blur"]) window.addEventListener(type, () => this.#pressed && setTimeout(() => this.#release()), { signal });
    document.addEventListener("selectionchange", () => this.#onSelection(), { signal });
    new ResizeObserver(() => this.resize()).observe(viewport);
    document.addEventListener("visibilitychange", () => this.draw(), { signal });
  }

  #press() {
    this.#pressed = true;
    this.#resumes ||= this.following;
  }

  #release() {
    this.#pressed = false;
    this.#onSelection();
    this.draw();
  }

  #onSelection() {
    const resumes = this.#resumes;
    if (this.selecting) {
      this.detach();
      this.#resumes = resumes;
    } else if (!this.#pressed && resumes) {
      this.#resumes = false;
      if (!this.following && !this.paused) this.follow();
      else this.draw();
    }
  }

  #detachIfScrollable() {
    if (this.#geometry.scrollable) this.detach();
  }

  // A list that does not fill the viewport cannot be scrolled: the turn of the wheel is enough.
  #goUp() {
    this.#detachIfScrollable();
    this.#checkTop();
  }

  // The reader goes up: report when the oldest line is near.
  #checkTop() {
    if (this.#geometry.top < this.#geometry.height) this.on.nearTop();
  }

  #onScroll() {
    const before = this.#geometry.top;
    this.#geometry.read();
    const { top, below } = this.#geometry;
    if (top !== before) this.#scrolled = true;
    if (this.following && top < before && below > 2) this.detach();
    else if (!this.following && !this.paused && top > before && below <= 2) this.#setFollowing(true);
    if (!this.following && top < before) this.#checkTop();
    this.on.scrolled?.();
    this.draw();
  }

  // What stays where it is: the selected row if it is in sight, else the row at the top of the viewport.
  #anchor() {
    const selected = this.#pool.inSight(this.anchorSeq(), this.#geometry);
    return selected ? { row: this.list.firstRowFrom(selected.seq), offset: this.#geometry.top - selected.top } : this.#geometry.anchor();
  }

  #setFollowing(following) {
    if (following === this.following) return;
    this.#detachedAt = following ? null : { lines: this.list.lines, errors: this.list.errors };
    this.on.follow(following);
  }

  #draw() {
    this.#frame = 0;
    const still = this.#pressed || this.selecting;
    // Rows that have changed places wait, unless the reader scrolls.
    if (still && !this.#scrolled && (this.following || this.#version !== this.list.version)) return;
    this.#scrolled = false;
    this.#pool.still = still;
    const geometry = this.#geometry;
    this.list.trim();
    geometry.read();
    this.#sync();
    if (this.following) geometry.startAt(this.list.first);
    else if (this.list.first < geometry.base || geometry.tooTall) geometry.rebase(this.list.first);
    geometry.fitSpacer();
    if (this.following) geometry.toEnd();
    else this.#leaveBlankSpace();
    const anchor = this.#keptAnchor ?? geometry.anchor();
    this.#keptAnchor = null;
    if (this.#placeRows()) this.#settle(anchor);
    this.#length = this.list.end - this.list.first;
    this.on.drawn();
  }

  // Some rows were taller than expected: what is in sight stays there, or the end does.
  #settle(anchor) {
    this.#geometry.fitSpacer();
    if (this.following) this.#geometry.toEnd();
    else this.#geometry.restore(anchor);
    this.#placeRows();
  }

  // Adapts to a list that has been rebuilt or reordered. Whatever goes to a row calls this first.
  #sync() {
    if (this.#version !== this.list.version) this.#relocate();
  }

  // The list was rebuilt: keep the first line in sight where it is.
  #relocate() {
    this.#version = this.list.version;
    this.#keptAnchor = null;
    // When a filter is lifted, a reader who has selected a line wants to see it among its neighbours, not the newest lines.
    const widened = this.list.rebuilds !== this.#rebuilds && this.list.end - this.list.first > this.#length;
    this.#rebuilds = this.list.rebuilds;
    const seq = this.anchorSeq();
    const selected = widened && seq !== this.list.seqAt(this.list.end - 1) ? this.#pool.inSight(seq, this.#geometry) : null;
    if (selected && this.following) this.#setFollowing(false);
    const anchor = selected ?? this.#pool.firstBelow(this.#geometry.top);
    const row = anchor ? this.list.firstRowFrom(anchor.seq) : this.list.end;
    const offset = anchor ? this.#geometry.top - anchor.top : 0;
    this.#pool.clear();
    this.#geometry.clear(this.list.first);
    if (!this.following) this.#geometry.restore({ row, offset });
  }

  // Above the oldest line held there is nothing left to show; rows still drawn there may be read on.
  #leaveBlankSpace() {
    const row = this.#geometry.rowAt(Math.max(0, this.#geometry.top));
    if (row >= this.list.first || this.#pool.hasRowAt(this.#geometry.topOf(row))) return;
    this.#geometry.startAt(this.list.first);
    this.#geometry.toStart();
  }

  #placeRows() {
    const { top, height, rowHeight } = this.#geometry;
    const topRow = this.#geometry.rowAt(top);
    const inSight = Math.ceil(height / rowHeight) + 1;
    const around = Math.max(0, Math.min(OVERSCAN, Math.floor((MAX_ROWS - inSight) / 2)));
    const from = Math.max(this.list.first, topRow - around);
    const to = Math.min(this.list.end, topRow + inSight + around);
    const isInSight = (row) => row.top + row.height > top && row.top < top + height;
    return this.#pool.show(from, to, this.#geometry, (row) => !this.following && isInSight(row));
  }
}
