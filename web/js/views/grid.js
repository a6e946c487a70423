// The lines: a virtual list over the view list. Only rows in sight and a few around them are in the page; a row keeps
// its element as long as it is drawn, so a selection or a hovered row stays what it is.
//
// Places are absolute (see view-list.js) and `#base` is the place at the top of the spacer. While the reader has
// scrolled away the base stays, so lines that fall off the ring move nothing; rows in sight stay even when their lines are gone.
// `#top` is how far the spacer is scrolled out of sight; it is below 0 while the state at the top of the list is in sight.

import { RowWindow } from "./row-window.js";

const PARTS = { viewport: ".viewport", top: ".top", spacer: ".spacer" };
const OVERSCAN = 20;
const MOST_ROWS = 148;
const TALLEST_PX = 20_000_000;

export class Grid {
  #view;
  #on;
  #viewport;
  #lead;
  #spacer;
  #rows;
  #base = 0;
  #top = 0;
  #height = 0;
  #rowHeight = 20;
  #leadHeight = 20;
  #spacerHeight = -1;
  #epoch = 0;
  #frame = 0;
  #detachedAt = null;

  /** `on` has `follow(following)`, called when it changes, `select(seq)`, and `top()`: the reader nears the oldest line. */
  constructor(stage, ring, view, on) {
    this.#view = view;
    this.#on = on;
    this.#viewport = stage.querySelector(PARTS.viewport);
    this.#lead = stage.querySelector(PARTS.top);
    this.#spacer = stage.querySelector(PARTS.spacer);
    this.#rows = new RowWindow(this.#spacer, ring, view);
    this.paused = false;
    this.#listen();
  }

  get following() {
    return this.#detachedAt === null;
  }

  get rowsInDom() {
    return this.#rows.size;
  }

  get selected() {
    return this.#rows.selected;
  }

  /** `{lines, errors}` that came since the view let go of the end. */
  get news() {
    const since = this.#detachedAt ?? this.#view;
    return { lines: this.#view.lines - since.lines, errors: this.#view.errors - since.errors };
  }

  /** Draw in the next frame. Cheap to call at any time; in a hidden tab nothing is drawn and nothing waits. */
  draw() {
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  focus() {
    this.#viewport.focus({ preventScroll: true });
  }

  showChannels(many) {
    this.#viewport.dataset.many = String(many);
    this.#rows.narrow();
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
    this.#on.follow(false);
  }

  /** Select a seq and bring it into sight; null selects nothing. */
  select(seq) {
    this.#rows.mark(seq);
    this.#on.select(seq);
  }

  /** Select the line `step` rows below the selected one; the newest in sight when there is none. */
  move(step) {
    const { first, end } = this.#view;
    if (first === end) return;
    const last = Math.min(end - 1, this.#base + Math.floor((this.#top + this.#height) / this.#rowHeight) - 1);
    const from = this.selected === null ? last - step : this.#view.placeOf(this.selected);
    const place = Math.min(end - 1, Math.max(first, from + step));
    if (place < end - 1) this.detach();
    this.select(this.#view.at(place));
    this.#reveal(place);
    if (step < 0) this.#nearTop();
  }

  /** Scroll by whole pages. */
  page(pages) {
    if (pages < 0) this.#letGo();
    this.#scrollTo(this.#top + pages * (this.#height - this.#rowHeight));
    if (pages < 0) this.#nearTop();
    this.draw();
  }

  /** Scroll to the oldest line held. */
  toOldest() {
    this.detach();
    this.#base = this.#view.first;
    this.#scrollTo(-this.#leadHeight);
    this.#nearTop();
    this.draw();
  }

  #listen() {
    const viewport = this.#viewport;
    viewport.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    viewport.addEventListener("wheel", (event) => event.deltaY < 0 && this.#goUp(), { passive: true });
    let touchY = 0;
    viewport.addEventListener("touchstart", (event) => (touchY = event.touches[0].clientY), { passive: true });
    viewport.addEventListener("touchmove", (event) => event.touches[0].clientY > touchY + 4 && this.#goUp(), { passive: true });
    document.addEventListener("selectionchange", () => {
      const selection = document.getSelection();
      if (selection && !selection.isCollapsed && this.#spacer.contains(selection.anchorNode)) this.detach();
    });
    this.#spacer.addEventListener("click", (event) => {
      if (document.getSelection()?.isCollapsed === false) return;
      const row = event.target.closest(".row");
      if (row) this.select(Number(row.dataset.seq));
    });
    new ResizeObserver(() => this.#resized()).observe(viewport);
    document.addEventListener("visibilitychange", () => this.draw());
  }

  #letGo() {
    if (this.#spacerHeight + this.#leadHeight > this.#height) this.detach();
  }

  // A list that does not fill the view cannot be scrolled: turning the wheel says enough.
  #goUp() {
    this.#letGo();
    this.#nearTop();
  }

  #nearTop() {
    if (this.#top < this.#height) this.#on.top();
  }

  #scrolled() {
    const before = this.#top;
    this.#top = this.#viewport.scrollTop - this.#leadHeight;
    // Measured now: a view that has just grown was scrolled by the browser, and its observer comes later.
    this.#height = this.#viewport.clientHeight;
    const left = this.#spacerHeight - this.#height - this.#top;
    if (this.following && this.#top < before && left > 2) this.detach();
    else if (!this.following && !this.paused && this.#top > before && left <= 2) this.#setFollowing(true);
    if (!this.following && this.#top < before) this.#nearTop();
    this.draw();
  }

  #resized() {
    const height = this.#viewport.clientHeight;
    const rowHeight = parseInt(getComputedStyle(document.documentElement).getPropertyValue("--row"), 10) || 20;
    const topPlace = this.#top / this.#rowHeight;
    this.#height = height;
    this.#leadHeight = this.#lead.offsetHeight;
    if (rowHeight !== this.#rowHeight) {
      this.#rowHeight = rowHeight;
      this.#spread();
      this.#scrollTo(topPlace * rowHeight);
    }
    this.draw();
  }

  #setFollowing(following) {
    if (following === this.following) return;
    this.#detachedAt = following ? null : { lines: this.#view.lines, errors: this.#view.errors };
    this.#on.follow(following);
  }

  #draw() {
    this.#frame = 0;
    this.#view.trim();
    this.#top = this.#viewport.scrollTop - this.#leadHeight;
    if (this.#epoch !== this.#view.epoch) this.#relocate();
    if (this.following) this.#base = this.#view.first;
    else if (this.#view.first < this.#base) this.#rebaseInPlace();
    else if ((this.#view.end - this.#base) * this.#rowHeight > TALLEST_PX) this.#rebaseInPlace();
    this.#spread();
    if (this.following) this.#scrollTo(this.#spacerHeight - this.#height);
    else this.#leaveBlank();
    this.#place();
  }

  // The list was made anew: keep the first line in sight where it is.
  #relocate() {
    this.#epoch = this.#view.epoch;
    const anchor = this.#rows.firstBelow(this.#top, this.#rowHeight);
    const place = anchor ? this.#view.placeOf(Number(anchor.element.dataset.seq)) : this.#view.end;
    const offset = anchor ? anchor.top - this.#top : 0;
    this.#base = this.#view.first;
    this.#rows.clear();
    this.#spread();
    if (!this.following) this.#scrollTo((place - this.#base) * this.#rowHeight - offset);
  }

  #rebaseInPlace() {
    const place = this.#base + this.#top / this.#rowHeight;
    this.#base = this.#view.first;
    this.#spread();
    this.#scrollTo((place - this.#base) * this.#rowHeight);
  }

  // Above the oldest line held there is nothing any more; rows still drawn there may be read on.
  #leaveBlank() {
    const topPlace = this.#base + Math.max(0, Math.floor(this.#top / this.#rowHeight));
    if (topPlace >= this.#view.first || this.#rows.covers((topPlace - this.#base) * this.#rowHeight)) return;
    this.#base = this.#view.first;
    this.#spread();
    this.#scrollTo(-this.#leadHeight);
  }

  #spread() {
    const height = Math.max(0, (this.#view.end - this.#base) * this.#rowHeight);
    if (height === this.#spacerHeight) return;
    this.#spacerHeight = height;
    this.#spacer.style.height = `${height}px`;
    this.#spacer.setAttribute("aria-rowcount", String(this.#view.end - this.#view.first));
  }

  #scrollTo(top) {
    const wanted = Math.max(0, top + this.#leadHeight);
    if (Math.abs(this.#viewport.scrollTop - wanted) >= 0.5) this.#viewport.scrollTop = wanted;
    this.#top = this.#viewport.scrollTop - this.#leadHeight;
  }

  #place() {
    const topPlace = this.#base + Math.floor(this.#top / this.#rowHeight);
    const inSight = Math.ceil(this.#height / this.#rowHeight) + 1;
    const around = Math.max(0, Math.min(OVERSCAN, Math.floor((MOST_ROWS - inSight) / 2)));
    const from = Math.max(this.#view.first, topPlace - around);
    const to = Math.min(this.#view.end, topPlace + inSight + around);
    const topOf = (place) => (place - this.#base) * this.#rowHeight;
    const inView = (top) => top + this.#rowHeight > this.#top && top < this.#top + this.#height;
    this.#rows.show(from, to, topOf, (top) => !this.following && inView(top));
  }

  #reveal(place) {
    const top = (place - this.#base) * this.#rowHeight;
    if (top < this.#top) this.#scrollTo(top);
    else if (top + this.#rowHeight > this.#top + this.#height) this.#scrollTo(top + this.#rowHeight - this.#height);
    this.draw();
  }
}
