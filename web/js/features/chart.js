// The chart: which numbers are drawn, beside those of lines that are nothing but numbers.

import { valueOf } from "../query/fields.js";
import { t } from "../i18n/translate.js";
import { numberOf } from "../store/series.js";
import { askFor } from "../views/prompt.js";
import { Plot } from "../views/chart.js";
import { toast } from "../views/toast.js";

const BACK_MS = 5 * 60_000;

export function plotting(page) {
  const { desk, inspects } = page;
  const { ring, series } = desk;
  const plot = new Plot(series, () => page.settings.get("zone"), {
    jump: (moment) => page.moves.goTo(moment),
    drop: (field) => (series.drop(field), plot.update()),
  });

  /** Draw a field from now on, and what is held of it from the last minutes. */
  function add(field) {
    if (series.chosen.has(field)) return plot.toggle(true);
    series.drop(field);
    series.choose(field);
    for (const [channel, moment, number] of held(field)) series.add(channel, moment, [[field, number]]);
    return plot.toggle(true);
  }

  function held(field) {
    const found = [];
    const newest = ring.end > ring.first ? ring.moment(ring.end - 1) : 0;
    for (let seq = ring.end - 1; seq >= ring.first && ring.time(seq) > newest - 2 * BACK_MS; seq -= 1) {
      if (ring.isNote(seq)) continue;
      const number = numberOf(valueOf(desk.line.at(seq), field));
      if (number !== null) found.push([ring.channel(seq), ring.moment(seq), number]);
    }
    return found.sort(([, one], [, other]) => one - other);
  }

  /** Show the chart or not; where there is none yet, ask for a field. */
  function show() {
    if (plot.drawn) return plot.toggle();
    const names = inspects.facets.fields().filter(({ numeric }) => numeric).map(({ name }) => name);
    if (names.length === 0) return toast(t("plot.none"));
    return askFor({
      title: t("plot.ask"),
      fields: [{ name: "field", label: t("plot.field"), type: "select", value: names[0], options: Object.fromEntries(names.map((name) => [name, name])) }],
      go: t("plot.go"),
      act: ({ field }) => (add(field), null),
    });
  }

  page.plot = add;
  return { update: () => plot.update(), act: { plot: show } };
}
