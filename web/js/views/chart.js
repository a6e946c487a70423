// The live chart: the last five minutes of numbers, drawn at most four times a second. The mouse reads values, a click goes to the line.

import { hueOf } from "../protocol/channels.js";
import { t } from "../i18n/translate.js";
import { pointNear } from "../store/series.js";
import { formatClock } from "../format/format-time.js";
import { button } from "./button.js";
import { Picture, showTip } from "./canvas.js";
import { drawLines, short } from "./chart-canvas.js";

const PARTS = { plot: ".plot", canvas: ".plot-canvas", legend: ".plot-legend", toggle: ".plot-toggle", tip: ".plot-tip" };
const NEAR_PX = 24;

export class Plot {
  #series;
  #wanted = true;
  #picture;
  #entries = new Map();
  #lines = [];
  #scale = null;
  #on;

  #zoneOf;

  /** `zoneOf()` is the zone of its times; `on` has `jump(moment)` and `drop(field)`: a reader no longer wants it. */
  constructor(series, zoneOf, on) {
    this.#series = series;
    this.#zoneOf = zoneOf;
    this.#on = on;
    this.#picture = new Picture(() => series.version, () => this.#draw());
    $(PARTS.toggle).on("click", () => this.toggle());
    this.#listen();
  }

  /** Draw if there is anything new; never sooner than a quarter of a second after the last time. */
  update() {
    this.#picture.update();
  }

  /** True when there is something to draw. */
  get drawn() {
    return this.#lines.length > 0;
  }

  /** Show the chart or not; `wanted`: which of both. */
  toggle(wanted = !this.#wanted) {
    this.#wanted = wanted;
    this.#picture.again();
  }

  #draw() {
    // One point is no line.
    const lines = this.#series.recent().filter(({ points }) => points.length > 1);
    this.#lines = lines;
    const shown = lines.length > 0 && this.#wanted;
    $(PARTS.toggle).prop("hidden", lines.length === 0).attr("aria-pressed", String(this.#wanted));
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
    for (const line of lines) this.#entries.get(keyOf(line)).$value.text(short(line.points.at(-1)[1]));
    const words = lines.map(({ field, points }) => `${field} ${short(points.at(-1)[1])}`).join(", ");
    $(PARTS.canvas).attr("aria-label", t("plot.words", { values: words }));
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
    const words = [formatClock(found[0].point[0], this.#zoneOf()), ...found.map(({ field, point }) => `${field} ${short(point[1])}`)].join("  ");
    showTip($(PARTS.tip)[0], $(PARTS.plot)[0], x, words);
  }
}

const keyOf = ({ channel, field }) => `${channel}\n${field}`;

function makeEntry({ channel, field }, at, many, drop) {
  const words = many ? `${channel} ${field}` : field;
  const $value = $("<b>");
  const hue = String((hueOf(channel) + at) % 8);
  const $drop = drop ? button("plot-drop", { "aria-label": t("plot.drop", { name: field }) }).text("✕").on("click", drop) : [];
  return { $value, $item: $("<li>", { "data-hue": hue }).append($("<span>", { title: words }).text(words), $value, $drop) };
}
