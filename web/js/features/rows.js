// The rows: the grid of all lines, the mouse on its rows, and the bar above it that loads older lines.

import { olderBar } from "../format/older-text.js";
import { covers } from "../protocol/channels.js";
import { listenToRows } from "../views/row-events.js";
import { LoadOlderBar } from "../views/load-older-bar.js";
import { LogGrid } from "../views/log-grid.js";

/** `on` has `copy(seq)`, `link(seq)`, `pin(seq)` and `context(seq)`, for the buttons of a row, and `says()`, see row-events.js. */
export function addRows(page, on) {
  const { workspace, style } = page;
  const { history, ring, search } = workspace;
  const [stage] = document.querySelectorAll(".stage");
  const callbacks = {
    follow: () => page.emit("follow"),
    select: (seq) => page.emit("select", seq),
    // What a search has found is followed by what it finds next, not by all older lines.
    nearTop: () => search.state.name === "idle" && history.load(),
    drawn: () => page.emit("drawn"),
  };
  const grid = new LogGrid(stage, ring, workspace.list, style, callbacks);
  const acts = { load: () => history.load(), retry: () => history.retry(), search: () => workspace.searchLog(), goOn: () => workspace.searchLog(), stop: () => search.stop() };
  // The button disappears and must not take the focus with it.
  const bar = new LoadOlderBar((action) => (acts[action](), grid.view.focus()));
  // Whether the hub has no lines but those held: it said so of a time after the last look at them.
  let complete = false;
  let heldBefore = 0;

  function checkComplete({ channels }) {
    const open = channels.filter(({ name }) => covers(workspace.channels, name));
    complete ||= open.length > 0 && workspace.pinned === null && open.reduce((sum, { lines }) => sum + lines, 0) <= heldBefore;
    heldBefore = ring.held;
  }

  function olderState() {
    const { list } = workspace;
    const oldest = ring.held > 0 ? ring.shownTime(ring.first) : null;
    return olderBar({ search: search.state, history: history.state, complete, filtered: workspace.filtered && !workspace.lifted, channels: workspace.channels, held: ring.held, shown: list.shown, oldest, zone: style.zone });
  }

  function unfold(seq, open) {
    if (seq === null) return;
    style.setOpen(seq, open);
    page.grid.view.rewrite();
  }

  const listen = (element) =>
    listenToRows(element, {
      ...on,
      pick: (seq) => page.pick(seq),
      open: () => page.openLine(page.grid.selected),
      extend: (seq) => page.grid.extend(seq),
      unfold: (seq) => unfold(seq, !style.isOpen(seq)),
      times: (seq) => style.allTimes(seq),
    });

  /** One more grid, over another list, with the same callbacks and these. */
  function addGrid(element, list, more, channel) {
    listen(element);
    return new LogGrid(element, ring, list, style, { ...callbacks, ...more }, channel);
  }

  listen(stage);
  page.showGrids([grid]);
  page.on("update", () => bar.show(olderState()));
  page.on("polled", checkComplete);
  page.on("channels", () => {
    complete = false;
    heldBefore = 0;
  });

  return {
    addGrid,
    /** What the bar says, and the function that does what it offers. */
    older: { state: olderState, act: (action) => acts[action]() },
    commands: {
      open: () => page.openLine(page.grid.selected),
      unfold: () => unfold(page.grid.selected, true),
      fold: () => unfold(page.grid.selected, false),
    },
  };
}
