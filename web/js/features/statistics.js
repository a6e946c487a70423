// The way to the statistics: their button, their key, or the address. All else is loaded when they are opened.

import { addLater } from "./later.js";

const OPEN = "[data-testid=statistics-open]";

/** `goToTime(time)` shows the lines of a time. */
export function addStatistics(page, goToTime) {
  const { commands: { statistics, restore } } = addLater(
    ["statistics", "restore"],
    () => import("./statistics-panel.js"),
    ({ addStatisticsPanel }) => addStatisticsPanel(page, goToTime),
    { [OPEN]: "statistics" },
  );
  page.on("restored", (state) => {
    if (!state.statistics && !page.statistics) return;
    page.statistics = state.statistics;
    restore();
  });
  return { commands: { statistics } };
}
