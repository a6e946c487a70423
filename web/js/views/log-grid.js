// The lines with a cursor: a line, or a range of lines, is selected, and the list goes where the cursor goes.

import { ListView } from "./virtual-list.js";

export class Grid extends ListView {
  /** False for a channel whose lines a pane does not show. */
  has(channel) {
    return (this.channel ?? channel) === channel;
  }

  /** Select a seq; null selects nothing. */
  select(seq) {
    this.rowWindow.mark(seq);
    this.on.select(seq);
  }

  /** Select from the line selected first to this one. */
  extend(seq) {
    this.rowWindow.extend(seq);
    this.on.select(this.selected, true);
  }

  /** Select all lines shown. */
  selectAll() {
    this.detach();
    this.rowWindow.mark(this.view.at(this.view.first));
    this.extend(this.view.at(this.view.end - 1));
  }

  /** Bring a seq, or the next one shown, into sight, into the middle if it was not; select it. Nothing moves by itself then. */
  goTo(seq, select = true) {
    this.sync();
    const place = Math.min(this.view.rowOf(seq), this.view.end - 1);
    if (place < this.view.first) return;
    this.detach();
    if (this.scroller.base > place) this.scroller.rebase(this.view.first);
    this.scroller.stretch();
    this.scroller.reveal(place, true);
    if (select) this.select(this.view.at(place));
    this.draw();
  }

  /** Have the first line at or after a seq at the top of the view, `offset` px of it above that. */
  scrollToSeq(seq, offset = 0) {
    this.sync();
    this.detach();
    if (this.scroller.base > this.view.first) this.scroller.rebase(this.view.first);
    this.scroller.stretch();
    this.scroller.scrollTo(this.scroller.topOf(this.view.placeOf(seq)) + offset);
    this.draw();
  }

  /** Select the line `step` rows below the selected one; the newest in sight when there is none. */
  move(step) {
    const place = this.#stepped(step);
    if (place === null) return;
    this.select(this.view.at(place));
    this.#reveal(place, step);
  }

  /** Extend the selection by `step` rows. */
  stretch(step) {
    const place = this.#stepped(step);
    if (place === null) return;
    this.extend(this.view.at(place));
    this.#reveal(place, step);
  }

  /** Scroll by pages, or parts of one. */
  page(pages) {
    if (pages < 0) this.letGo();
    this.scroller.scrollTo(this.scroller.top + pages * (this.scroller.height - this.scroller.rowHeight));
    if (pages < 0) this.nearTop();
    this.draw();
  }

  /** Scroll to the oldest line held. */
  toOldest() {
    this.sync();
    this.detach();
    this.scroller.begin(this.view.first);
    this.scroller.toStart();
    this.nearTop();
    this.draw();
  }

  #stepped(step) {
    const { first, end } = this.view;
    if (first === end) return null;
    const { top, height } = this.scroller;
    const last = Math.min(end - 1, this.scroller.placeAt(top + height) - 1);
    const from = this.selected === null ? last - step : this.view.placeOf(this.selected);
    const place = Math.min(end - 1, Math.max(first, from + step));
    if (place < end - 1) this.detach();
    return place;
  }

  #reveal(place, step) {
    this.scroller.reveal(place);
    this.draw();
    if (step < 0) this.nearTop();
  }
}
