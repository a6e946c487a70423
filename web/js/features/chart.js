// The way to the chart: the first numbers, its key, or a field to plot. All else is loaded then.

import { addLater } from "./later.js";

/** `goToTime(time)` shows the lines of a time. */
export function addChart(page, goToTime) {
  const { series } = page.workspace;
  let begun = false;
  const { commands: { chart, plot, draw } } = addLater(
    ["chart", "plot", "draw"],
    () => import("./chart-panel.js"),
    ({ addChartPanel }) => addChartPanel(page, goToTime),
  );
  page.on("update", () => {
    if (begun || series.empty) return;
    begun = true;
    draw();
  });
  return { plot, commands: { chart } };
}
