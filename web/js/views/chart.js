// The live chart: the numbers of the last five minutes, drawn at most four times a second. The mouse reads values, a click goes to the line.

import { hueOf } from "../protocol/channels.js";
import { t } from "../i18n/translate.js";
import { pointNear } from "../store/series.js";
import { formatClock } from "../format/format-time.js";
import { button } from "./button.js";
import { DrawTimer, showTip } from "./canvas.js";
import { drawLines, shortNumber } from "./chart-canvas.js";

const PARTS = { plot: ".plot", canvas: ".plot-canvas", legend: ".plot-legend", toggle: ".plot-toggle", tip: ".plot-tip" };
const NEAR_PX = 24;

export class Chart {
  #series;
  #visible = true;
  #timer;
  #entries = new Map();
  #lines = [];
  #scale = null;
  #on;

  #zoneOf;

  /** `zoneOf()` is the zone of its times; `on` has `jump(time)`, in ms, and `drop(field)`: the field is to be removed. */
  constructor(series, zoneOf, on) {
    this.#series = series;
    this.#zoneOf = zoneOf;
    this.#on = on;
    this.#timer = new DrawTimer(() => series.version, () => this.#draw());
    $(PARTS.toggle).on("click", () => this.toggle());
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
    const lines = this.#series.recent().filter(({ points }) => points.length > 1);
    this.#lines = lines;
    const shown = lines.length > 0 && this.#visible;
    $(PARTS.toggle).prop("hidden", lines.length === 0).attr("aria-pressed", String(this.#visible));
    $(PARTS.plot).prop("hidden", !shown);
    if (!shown) return;
    this.#showLegend(lines);
    this.#scale = drawLines($(PARTS.canvas)[0], lines, (line) => getComputedStyle(this.#entries.get(keyOf(line)).$item[0]).color, this.#zoneOf());
  }

  #showLegend(lines) {
    const channels = new Set(lines.map(({ channel }) => channel));
    const keys = lines.map(keyOf);
    if (keys.join("\n\n") !== [...this.#entries.keys()].join("\n\n")) {
      this.#entries = new Map(lines.map((line, at) => [keyOf(line), makeEntry(line, at, channels.size > 1, this.#series.chosen.has(line.field) && (() => this.#on.drop(line.field)))]));
      $(PARTS.legend).empty().append([...this.#entries.values()].map(({ $item }) => $item));
    }
    for (const line of lines) this.#entries.get(keyOf(line)).$value.text(shortNumber(line.points.at(-1)[1]));
    const values = lines.map(({ field, points }) => `${field} ${shortNumber(points.at(-1)[1])}`).join(", ");
    $(PARTS.canvas).attr("aria-label", t("chart.description", { values }));
  }

  #listen() {
    const [canvas] = $(PARTS.canvas);
    const near = (event) => {
      if (this.#lines.length === 0 || this.#scale === null) return [];
      const x = event.clientX - canvas.getBoundingClientRect().left;
      const found = this.#lines.map((line) => ({ ...line, point: pointNear(line.points, this.#scale.timeAt(x)) }));
      return found.filter(({ point }) => Math.abs(this.#scale.x(point[0]) - x) < NEAR_PX);
    };
    canvas.addEventListener("pointermove", (event) => this.#tip(near(event), event.clientX));
    canvas.addEventListener("pointerleave", () => $(PARTS.tip).prop("hidden", true));
    canvas.addEventListener("click", (event) => {
      const [nearest] = near(event);
      if (nearest) this.#on.jump(nearest.point[0]);
    });
  }

  #tip(found, x) {
    $(PARTS.tip).prop("hidden", true);
    if (found.length === 0) return;
    const label = [formatClock(found[0].point[0], this.#zoneOf()), ...found.map(({ field, point }) => `${field} ${shortNumber(point[1])}`)].join("  ");
    showTip($(PARTS.tip)[0], $(PARTS.plot)[0], x, label);
  }
}

const keyOf = ({ channel, field }) => `${channel}\n${field}`;

function makeEntry({ channel, field }, at, many, drop) {
  const label = many ? `${channel} ${field}` : field;
  const $value = $("<b>");
  const hue = String((hueOf(channel) + at) % 8);
  const $drop = drop ? button("plot-drop", { "aria-label": t("chart.drop", { name: field }) }).text("✕").on("click", drop) : [];
  return { $value, $item: $("<li>", { "data-hue": hue }).append($("<span>", { title: label }).text(label), $value, $drop) };
}
