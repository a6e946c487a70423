// The live chart: the numbers of the last minutes, drawn at most four times a second. The mouse reads values, a click goes to the lines.

import { hueOf } from "../protocol/channels.js";
import { t } from "../i18n/translate.js";
import { CHART_MINUTES, USUAL_MINUTES, nearestTo } from "../store/series.js";
import { clockText } from "../format/format-time.js";
import { formatNamed, unitOfName } from "../format/units.js";
import { button } from "./button.js";
import { DrawTimer, showTip } from "./canvas.js";
import { drawLines } from "./chart-canvas.js";

const PARTS = { plot: ".plot", canvas: ".plot-canvas", legend: ".plot-legend", toggle: ".plot-toggle", tip: ".plot-tip", span: ".plot-span" };
const NEAR_PX = 24;

export class Chart {
  #series;
  #visible = true;
  #timer;
  #entries = new Map();
  #lines = [];
  #scale = null;
  #minutes = USUAL_MINUTES;
  #on;
  #zoneOf;

  /** `zoneOf()` is the zone of its times; `on` has `jump(time)`, in ms, and `drop(field)`: the field is to be removed. */
  constructor(series, zoneOf, on) {
    this.#series = series;
    this.#zoneOf = zoneOf;
    this.#on = on;
    this.#timer = new DrawTimer(() => series.version, () => this.#draw());
    $(PARTS.toggle).on("click", () => this.toggle());
    const options = CHART_MINUTES.map((minutes) => $("<option>", { value: minutes }).text(t("chart.minutes", { n: minutes })));
    $(PARTS.span).append(options).val(String(USUAL_MINUTES)).on("change", ({ target }) => {
      this.#minutes = Number(target.value);
      this.#timer.redraw();
    });
    this.#listen();
  }

  /** Draw if there is something new, at most four times a second. */
  update() {
    this.#timer.update();
  }

  /** True when there is something to draw. */
  get drawn() {
    return this.#lines.length > 0;
  }

  /** Show or hide the chart. */
  toggle(visible = !this.#visible) {
    this.#visible = visible;
    this.#timer.redraw();
  }

  #draw() {
    // A single point makes no line.
    const lines = this.#series.recent(this.#minutes).filter(({ points }) => points.length > 1);
    this.#lines = lines;
    const shown = lines.length > 0 && this.#visible;
    $(PARTS.toggle).prop("hidden", lines.length === 0).attr("aria-pressed", String(this.#visible));
    $(PARTS.plot).prop("hidden", !shown);
    if (!shown) return;
    this.#showLegend(lines);
    this.#scale = drawLines($(PARTS.canvas)[0], lines, {
      colourOf: (line) => getComputedStyle(this.#entries.get(keyOf(line)).$item[0]).color, textOf: scaleText(lines), zone: this.#zoneOf(),
    });
  }

  #showLegend(lines) {
    const channels = new Set(lines.map(({ channel }) => channel));
    const keys = lines.map(keyOf);
    if (keys.join("\n\n") !== [...this.#entries.keys()].join("\n\n")) {
      this.#entries = new Map(lines.map((line, at) => [keyOf(line), makeEntry(line, at, channels.size > 1, this.#series.chosen.has(line.field) && (() => this.#on.drop(line.field)))]));
      $(PARTS.legend).empty().append([...this.#entries.values()].map(({ $item }) => $item));
    }
    for (const line of lines) this.#entries.get(keyOf(line)).$value.text(formatNamed(line.field, line.points.at(-1)[1]));
    const values = lines.map(({ field, points }) => `${field} ${formatNamed(field, points.at(-1)[1])}`).join(", ");
    $(PARTS.canvas).attr("aria-label", t("chart.description", { values }));
  }

  #listen() {
    const [canvas] = $(PARTS.canvas);
    const near = (event) => {
      if (this.#lines.length === 0 || this.#scale === null) return [];
      const x = event.clientX - canvas.getBoundingClientRect().left;
      const found = this.#lines.map((line) => ({ ...line, near: nearestTo(line.intervals, this.#scale.timeAt(x)) }));
      return found.filter(({ near: { at } }) => Math.abs(this.#scale.x(at) - x) < NEAR_PX);
    };
    canvas.addEventListener("pointermove", (event) => this.#tip(near(event), event.clientX));
    canvas.addEventListener("pointerleave", () => $(PARTS.tip).prop("hidden", true));
    canvas.addEventListener("click", (event) => {
      const [nearest] = near(event);
      if (nearest) this.#on.jump(nearest.near.at);
    });
  }

  #tip(found, x) {
    $(PARTS.tip).prop("hidden", true);
    if (found.length === 0) return;
    const several = new Set(this.#lines.map(({ channel }) => channel)).size > 1;
    const label = [clockText(found[0].near.at, this.#zoneOf(), true), ...found.map((line) => tipText(line, several))].join("\n");
    showTip($(PARTS.tip)[0], $(PARTS.plot)[0], x, label);
  }
}

const keyOf = ({ channel, field }) => `${channel}\n${field}`;
const nameOf = ({ channel, field }, several) => (several ? `${channel} ${field}` : field);

// "svc.beta duration_ms 419 ms (10–90 %: 120 ms–640 ms, max 899 ms)"
function tipText(line, several) {
  const { count, low, median, high, max } = line.near;
  const [text, ...others] = [median, low, high, max].map((number) => formatNamed(line.field, number));
  return `${nameOf(line, several)} ${text}${count > 1 ? ` ${t("chart.band", { low: others[0], high: others[1], max: others[2] })}` : ""}`;
}

// The scale has a unit if all lines have the same kind.
function scaleText(lines) {
  const units = new Set(lines.map(({ field }) => JSON.stringify(unitOfName(field))));
  return (number) => formatNamed(units.size === 1 ? lines[0].field : "", number);
}

function makeEntry({ channel, field }, at, many, drop) {
  const label = nameOf({ channel, field }, many);
  const $value = $("<b>");
  const hue = String((hueOf(channel) + at) % 8);
  const $drop = drop ? button("plot-drop", { "aria-label": t("chart.drop", { name: field }) }).text("✕").on("click", drop) : [];
  return { $value, $item: $("<li>", { "data-hue": hue }).append($("<span>", { title: label }).text(label), $value, $drop) };
}
