// What the features of the page share: the workspace, the settings, the style of rows, the grids, and the events between them.
//
//     page.on("filter", ({ changes, committed }) => …)      another filter: `changes` to it; `committed`: see setFilter()
//     page.on("columns", ({ committed }) => …)              other columns
//     page.on("span", ({ committed }) => …)                 the bars show another span up to now, or what is held; `committed`: see setFilter()
//     page.on("pin", ({ committed }) => …)                  another filter is pinned, or none; `committed`: see setFilter()
//     page.on("context", ({ committed }) => …)              the filter is lifted, or applied again; `committed`: see setFilter()
//     page.on("statistics", ({ committed }) => …)           other statistics are shown, or none; `committed`: see setFilter()
//     page.on("restored", (state) => …)                     the state of an address has been restored, see url-state.js; whoever
//                                                           brings its line into sight sets `at` to null
//     page.on("leaving", () => …)                           the open channels are about to change
//     page.on("channels", (names) => …)                     these channels are open
//     page.on("moved", (moved) => …)                        lines have changed places: moved(seq) is the new seq
//     page.on("select", (seq) => …)                         a grid has another cursor; null: none
//     page.on("open", (seq) => …)                           the reader wants the details of a line
//     page.on("follow", () => …)                            the grid has started or stopped following new lines
//     page.on("drawn", () => …)                             other rows may be in the page
//     page.on("update", () => …)                            lines have changed; ten times a second at most
//     page.on("state", (state) => …)                        the stream has another state
//     page.on("polled", ({ ready, recording, channels }) => …)     the hub has answered with its list of channels
//     page.on("notable", () => …)                           something happened that a hidden page shows in its title
//
// A feature is a function that gets the page and what it needs of other features, and returns its `commands` and what it offers.

import { isPattern } from "../protocol/channels.js";
import { throttle } from "./throttle.js";

const TAIL_LINES = 500;
const EVENTS = ["filter", "columns", "span", "pin", "context", "moved", "statistics", "restored", "leaving", "channels", "select", "open", "follow", "drawn", "update", "state", "polled", "notable"];

export class Page {
  #listeners = new Map(EVENTS.map((event) => [event, []]));
  #tail;

  /** `tail` is how many lines of each channel are loaded at first; null: the default. */
  constructor(workspace, settings, style, tail) {
    this.workspace = workspace;
    this.settings = settings;
    this.style = style;
    this.#tail = tail ?? TAIL_LINES;
    /** All grids in the page, and the one that keys act on. */
    this.grids = [];
    this.grid = null;
    /** The lines in which text is selected with the mouse, see text-selection.js, or null. */
    this.marked = null;
    /** The statistics that are shown, see url-state.js, or null. */
    this.statistics = null;
    /** The span up to now that the bars show, see time-range.js; null: that of the lines held. */
    this.span = null;
    /** The names of all channels the hub knows. */
    this.channelNames = [];
    /** Their lines per second, by name. */
    this.rates = new Map();
    // Lines are in the ring before this is called, so a hidden tab, whose timers and frames pause, misses nothing.
    this.drawSoon = throttle(() => this.#draw(), () => this.grid.view.rowsInDom === 0 && !document.hidden);
    workspace.onChange = () => this.drawSoon();
    workspace.onState = (state) => {
      this.emit("state", state);
      this.drawSoon();
    };
    workspace.onReorder = (moved) => {
      [style, ...this.grids].forEach((each) => each.renumber(moved));
      this.emit("moved", moved);
    };
    workspace.ingest.onLateLine = (name) => style.markLate(name);
    settings.on("holdBack", (ms) => workspace.holdBack(ms));
  }

  /** Call `listener(value)` at each of these events, see above. */
  on(event, listener) {
    this.#listeners.get(event).push(listener);
  }

  emit(event, value) {
    for (const listener of this.#listeners.get(event)) listener(value);
  }

  /** Show these grids; keys act on the first. */
  showGrids(grids) {
    this.grids = grids;
    this.grid = grids[0];
  }

  /** Let keys act on this one of the grids. */
  useGrid(grid) {
    this.grid = grid;
  }

  /** The hub has answered a poll with `{ready, recording, channels}`. */
  setPolled(answer) {
    this.channelNames = answer.channels.map(({ name }) => name);
    this.rates = new Map(answer.channels.map(({ name, lines_per_second: rate }) => [name, rate]));
    this.emit("polled", answer);
    this.drawSoon();
  }

  /** Fill all rows again: how they are written has changed. */
  rewrite() {
    for (const grid of this.grids) grid.view.rewrite();
  }

  /**
   * Change the filter: any of `text`, `off`, `hidden`, `range`. Returns what is wrong with the text, or null. A `committed` filter is
   * a step that Back undoes, one that is not stands in its place while it is typed, and null leaves the address as it is.
   */
  setFilter(changes, committed = true) {
    const fault = this.workspace.setFilter(changes);
    if (fault) return fault;
    this.#noteHidden();
    this.emit("filter", { changes, committed });
    return null;
  }

  /** Pin a filter, `{q, zone}`, or none; `committed`: see setFilter(). */
  pin(filter, committed = true) {
    this.workspace.pin(filter);
    this.#noteHidden();
    this.emit("pin", { committed });
  }

  /** Show all lines and leave the filter as it is, or apply it again; `committed`: see setFilter(). */
  lift(lifted, committed = true) {
    this.workspace.lift(lifted);
    this.#noteHidden();
    this.emit("context", { committed });
  }

  /** Show all lines; a reader who looks at a range of the past stays there. */
  clearFilter(committed = true) {
    const { past, filter } = this.workspace;
    this.setFilter({ text: "", off: new Set(), hidden: new Set(), range: past ? filter.range : null }, committed);
  }

  /** Show another span up to now in the bars; `committed`: see setFilter(). */
  setSpan(span, committed = true) {
    this.span = span;
    this.emit("span", { committed });
  }

  /** Show these fields as columns; `committed`: see setFilter(). */
  setColumns(columns, committed = true) {
    this.style.columns = columns;
    this.rewrite();
    this.emit("columns", { committed });
  }

  /** Open the first channels of the page. */
  open(channels) {
    this.workspace.open(channels, this.#tail);
    this.showChannels();
  }

  /** Open other channels. Those that stay open keep their lines. */
  changeChannels(channels) {
    if (channels.length === 0 || String(channels) === String(this.workspace.channels)) return;
    this.#leaveFor(() => this.workspace.changeChannels(channels, this.#tail));
  }

  /** Open these channels and load all of them again. */
  reopen(channels) {
    if (channels.length > 0) this.#leaveFor(() => this.workspace.reopen(channels, this.#tail));
  }

  /** Show the lines of a range of time out of the log, `[from, to]` in ms; null: live again, from the newest lines on. */
  showPast(range) {
    const { workspace } = this;
    this.#leaveFor(() => (range ? workspace.showPast(range) : workspace.reopen(workspace.channels, this.#tail)));
  }

  /** Show which channels are open. */
  showChannels() {
    const { channels } = this.workspace;
    this.workspace.holdBack(this.settings.get("holdBack"));
    this.grid.view.showChannels(channels.length > 1 || channels.some(isPattern));
    this.emit("channels", channels);
  }

  /** Select a line that the reader looks at. */
  pick(seq) {
    const { grid } = this;
    if (seq !== grid.selected) grid.select(seq);
    // An older line must not scroll away from its reader.
    if (seq !== grid.list.seqAt(grid.list.end - 1)) grid.view.detach();
  }

  /** Show the details of a line; null: nothing. */
  openLine(seq) {
    if (seq === null) return;
    this.pick(seq);
    this.emit("open", seq);
  }

  #noteHidden() {
    const { filtered, lifted, pinned } = this.workspace;
    this.style.filtered = (filtered && !lifted) || pinned !== null;
  }

  #leaveFor(change) {
    this.emit("leaving");
    change();
    this.grid.view.follow();
    this.showChannels();
  }

  #draw() {
    this.workspace.undrawn = 0;
    this.workspace.lists.trim();
    this.emit("update");
    for (const grid of this.grids) grid.view.draw();
  }
}
