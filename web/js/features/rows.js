// The rows: the grid of all lines, the mouse on its rows, and the bar above it that loads older lines.

import { listenToRows } from "../views/row-events.js";
import { LoadOlderBar } from "../views/load-older-bar.js";
import { LogGrid } from "../views/log-grid.js";

/** `on` has `copy(seq)`, `link(seq)`, `pin(seq)` and `context(seq)`, for the buttons of a row, and `says()`, see row-events.js. */
export function addRows(page, on) {
  const { workspace, style } = page;
  const { history, ring } = workspace;
  const [stage] = document.querySelectorAll(".stage");
  const callbacks = {
    follow: () => page.emit("follow"),
    select: (seq) => page.emit("select", seq),
    nearTop: () => history.load(),
    drawn: () => page.emit("drawn"),
  };
  const grid = new LogGrid(stage, ring, workspace.list, style, callbacks);
  // The button disappears and must not take the focus with it.
  const bar = new LoadOlderBar({ load: () => (history.load(), grid.view.focus()), retry: () => (history.retry(), grid.view.focus()) });

  function unfold(seq, open) {
    if (seq === null) return;
    style.setOpen(seq, open);
    page.grid.view.rewrite();
  }

  const listen = (element) =>
    listenToRows(element, {
      ...on,
      open: (seq) => page.openLine(seq),
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
  page.on("update", () => {
    const oldest = ring.held > 0 ? ring.shownTime(ring.first) : null;
    bar.show(history.state, workspace.channels, ring.held, oldest, style.zone);
  });

  return {
    addGrid,
    commands: {
      open: () => page.openLine(page.grid.selected),
      unfold: () => unfold(page.grid.selected, true),
      fold: () => unfold(page.grid.selected, false),
    },
  };
}
