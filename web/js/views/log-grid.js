// The lines with a cursor: a virtual list in which one line, or a range of lines, is selected.

import { VirtualList } from "./virtual-list.js";

export class LogGrid {
  #from = null;
  #onSelect;

  /** `on` has the callbacks of VirtualList, and `select(seq)`. `channel` is the only one whose lines are shown; null: all are. */
  constructor(stage, ring, list, style, on, channel = null) {
    this.list = list;
    this.stage = stage;
    this.channel = channel;
    /** The seq of the cursor, or null. */
    this.selected = null;
    this.#onSelect = on.select;
    this.view = new VirtualList(stage, ring, list, style, on, () => this.selected);
  }

  /** The first and last seq of the selection, or null. */
  get range() {
    if (this.selected === null) return null;
    const from = this.#from ?? this.selected;
    return [Math.min(from, this.selected), Math.max(from, this.selected)];
  }

  /** False for a channel whose lines this grid does not show. */
  has(channel) {
    return (this.channel ?? channel) === channel;
  }

  /** Select a seq; null selects nothing. */
  select(seq) {
    this.#setSelection(null, seq);
    this.#onSelect(seq);
  }

  /** Select from the line selected first to this one. */
  extend(seq) {
    this.#setSelection(this.#from ?? this.selected ?? seq, seq);
    this.#onSelect(seq);
  }

  /** Select all lines shown. */
  selectAll() {
    this.view.detach();
    this.#setSelection(null, this.list.seqAt(this.list.first));
    this.extend(this.list.seqAt(this.list.end - 1));
  }

  /** Bring a seq, or the next one shown, into sight, into the middle if it was not, and select it. The view stays there. */
  goTo(seq) {
    const row = this.view.centre(seq);
    if (row !== null) this.select(this.list.seqAt(row));
  }

  /** Select the line `step` rows below the selected one; without a selection, the newest in sight. */
  move(step) {
    this.#step(step, (seq) => this.select(seq));
  }

  /** Extend the selection by `step` rows. */
  extendBy(step) {
    this.#step(step, (seq) => this.extend(seq));
  }

  /** Lines have changed places: `moved(seq)` is the new seq. */
  renumber(moved) {
    this.view.renumber(moved);
    this.#setSelection(this.#from === null ? null : moved(this.#from), this.selected === null ? null : moved(this.selected));
  }

  #step(step, select) {
    const { first, end } = this.list;
    if (first === end) return;
    const from = this.selected === null ? this.view.lastRowInSight - step : this.list.firstRowFrom(this.selected);
    const row = Math.min(end - 1, Math.max(first, from + step));
    if (row < end - 1) this.view.detach();
    select(this.list.seqAt(row));
    this.view.reveal(row, step);
  }

  #setSelection(from, seq) {
    this.#from = from;
    this.selected = seq;
    this.view.showSelection(seq, this.range);
  }
}
