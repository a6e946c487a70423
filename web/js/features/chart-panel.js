// The chart: which numbers are drawn, besides those of lines that hold nothing but numbers. Loaded when there are any.

import { t } from "../i18n/translate.js";
import { valueOf } from "../query/fields.js";
import { CHART_MINUTES, numberOf } from "../store/series.js";
import { Chart } from "../views/chart.js";
import { openPrompt } from "../views/prompt.js";
import { toast } from "../views/toast.js";

const BACK_MS = CHART_MINUTES.at(-1) * 60_000;

/** `goToTime(time)` shows the lines of a time. */
export function addChartPanel(page, goToTime) {
  const { workspace, settings } = page;
  const { ring, series } = workspace;
  const chart = new Chart(series, () => settings.get("zone"), {
    jump: goToTime,
    drop: (field) => (series.drop(field), chart.update()),
  });

  /** Draw a field from now on, with the lines held of the last minutes. */
  function plot(field) {
    if (series.chosen.has(field)) return chart.toggle(true);
    series.drop(field);
    series.choose(field);
    for (const [channel, time, number] of numbersHeld(field)) series.add(channel, time, [[field, number]]);
    return chart.toggle(true);
  }

  function numbersHeld(field) {
    const found = [];
    const newest = ring.end > ring.first ? ring.shownTime(ring.end - 1) : 0;
    for (let seq = ring.end - 1; seq >= ring.first && ring.arrivedAt(seq) > newest - BACK_MS; seq -= 1) {
      if (ring.isNote(seq)) continue;
      const number = numberOf(valueOf(workspace.line.at(seq), field));
      if (number !== null) found.push([ring.channel(seq), ring.shownTime(seq), number]);
    }
    return found.sort(([, one], [, other]) => one - other);
  }

  // Shows or hides the chart; while there is none, prompts for a field.
  function toggle() {
    if (chart.drawn) return chart.toggle();
    const names = workspace.facets.fields().filter(({ numeric }) => numeric).map(({ name }) => name);
    if (names.length === 0) return toast(t("chart.none"));
    return openPrompt({
      title: t("chart.prompt"),
      fields: [{ name: "field", label: t("chart.field"), type: "select", value: names[0], options: Object.fromEntries(names.map((name) => [name, name])) }],
      label: t("chart.go"),
      submit: ({ field }) => (plot(field), null),
    });
  }

  page.on("update", () => chart.update());
  return { commands: { chart: toggle, plot, draw: () => chart.update() } };
}
