// The picture of the statistics: stacked bars, or lines for percentiles, over the range that is counted. Arrow keys go from step to
// step and Enter goes to the lines of one, as a click does; what has not been counted yet is shaded.

import { rangeText } from "../format/messages.js";
import { formatQuantity } from "../format/units.js";
import { formatNumber, t } from "../i18n/translate.js";
import { timeOfId } from "../protocol/ids.js";
import { PERCENTILES } from "../store/statistics.js";
import { DrawTimer, prepareCanvas, showTip } from "./canvas.js";

const TOP_PX = 16;
const BOTTOM_PX = 16;
const GAP_PX = 4;
const DASHES = [[], [6, 3], [2, 3]];
const STEPS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };

export class StatisticsPicture {
  #picture;
  #canvas;
  #tip;
  #on;
  #zoneOf;
  #shown = null;
  #version = 0;
  #timer;
  #cursor = null;

  /** `zoneOf()` is the zone of its times; `on` has `jump(time)`, in ms. */
  constructor(zoneOf, on) {
    this.#zoneOf = zoneOf;
    this.#on = on;
    this.#canvas = $("<canvas>")[0];
    this.#tip = $("<div>", { class: "hist-tip stats-tip", "data-testid": "stats-tip" }).prop("hidden", true)[0];
    this.#picture = $("<div>", { class: "stats-picture", "data-testid": "stats-picture", role: "slider", tabindex: 0, "aria-valuemin": 0 }).append(this.#canvas, this.#tip)[0];
    this.#timer = new DrawTimer(() => this.#version, () => this.#draw());
    this.#listen();
  }

  get element() {
    return this.#picture;
  }

  /**
   * Draw soon. `counts` is a Statistics, and `bars` are its bars; `series`, `[{label, colourOf(), amount(bar)}, …]`, are the parts of a
   * bar from the bottom to the top, or the lines of percentiles. `countedFrom` is since when all is counted, in ms.
   */
  show({ counts, bars, series, countedFrom }) {
    this.#shown = { counts, bars, series, countedFrom };
    this.#version += 1;
    if (this.#cursor !== null) this.#cursor = Math.min(this.#cursor, bars.length - 1);
    this.#describe();
    this.#timer.update();
  }

  /** Forget what was shown. */
  clear() {
    this.#cursor = null;
    this.#tip.hidden = true;
    this.show({ counts: null, bars: [], series: [], countedFrom: 0 });
  }

  #describe() {
    const { bars } = this.#shown;
    const at = this.#cursor ?? Math.max(0, bars.length - 1);
    const text = bars.length > 0 ? this.#textOf(bars[at]) : t("stats.none");
    $(this.#picture).attr({ "aria-label": t("stats.picture"), "aria-valuemax": Math.max(0, bars.length - 1), "aria-valuenow": at, "aria-valuetext": text });
  }

  #textOf(bar) {
    const { counts, series } = this.#shown;
    const time = rangeText([bar.at, bar.at + counts.stepMs], this.#zoneOf());
    const point = counts.last.field === null ? null : counts.points().find(({ at }) => at === bar.at);
    const parts = counts.last.field === null
      ? series.map(({ label, amount }) => [label, amount(bar)]).filter(([, n]) => n > 0).map(([label, n]) => `${label} ${formatNumber(n)}`)
      : PERCENTILES.filter(() => point).map((name) => `${name} ${formatQuantity(counts.last.kind, point[name])}`);
    return `${time}  ${parts.join(" · ") || formatNumber(bar.count)}`;
  }

  #draw() {
    if (!this.#picture.isConnected || !this.#shown) return;
    const { counts, bars, series, countedFrom } = this.#shown;
    const { context, width, height } = prepareCanvas(this.#canvas);
    if (bars.length === 0) return;
    const style = getComputedStyle(this.#canvas);
    const frame = { context, width, height, step: width / bars.length, bottom: height - BOTTOM_PX, colour: style.color, colours: series.map(({ colourOf }) => colourOf()) };
    const most = counts.last.field === null ? this.#drawBars(frame) : this.#drawLines(frame);
    this.#drawGaps(frame, style.borderTopColor);
    this.#drawAxes(frame, most);
    const counted = Math.min(width, Math.max(0, ((countedFrom - bars[0].at) / counts.stepMs) * frame.step));
    context.globalAlpha = 0.12;
    context.fillStyle = frame.colour;
    context.fillRect(0, 0, counted, frame.bottom);
    if (this.#cursor !== null) context.fillRect(this.#cursor * frame.step, 0, Math.max(2, frame.step), frame.bottom);
    context.globalAlpha = 1;
  }

  #drawBars({ context, step, bottom, colours }) {
    const { bars, series } = this.#shown;
    const heights = bars.map((bar) => series.reduce((sum, { amount }) => sum + amount(bar), 0));
    const most = Math.max(1, ...heights);
    bars.forEach((bar, at) => {
      let top = bottom;
      series.forEach(({ amount }, index) => {
        const part = amount(bar);
        if (part === 0) return;
        const size = Math.max(1, (part / most) * (bottom - TOP_PX));
        context.fillStyle = colours[index];
        context.fillRect(at * step, top - size, Math.max(1, step - 1), size);
        top -= size;
      });
    });
    return formatNumber(most);
  }

  #drawLines({ context, step, bottom, colours }) {
    const { counts, bars } = this.#shown;
    const points = counts.points();
    const most = Math.max(0, ...points.map(({ p99 }) => p99));
    const least = Math.min(0, ...points.map(({ p50 }) => p50));
    const x = ({ at }) => ((at - bars[0].at) / counts.stepMs + 0.5) * step;
    const y = (number) => bottom - 1 - ((number - least) / (most - least || 1)) * (bottom - TOP_PX - 1);
    PERCENTILES.forEach((name, index) => {
      context.strokeStyle = context.fillStyle = colours[index];
      context.lineWidth = 1.5;
      context.setLineDash(DASHES[index]);
      context.beginPath();
      let before = null;
      for (const point of points) {
        // A step without a number interrupts the line; it is no slope.
        if (before !== null && point.at - before === counts.stepMs) context.lineTo(x(point), y(point[name]));
        else context.moveTo(x(point), y(point[name]));
        before = point.at;
        context.fillRect(x(point) - 1.5, y(point[name]) - 1.5, 3, 3);
      }
      context.stroke();
    });
    context.setLineDash([]);
    return formatQuantity(counts.last.kind, most);
  }

  // Where lines are missing, a low bar is no calm.
  #drawGaps({ context, width, step, bottom }, colour) {
    const { counts, bars } = this.#shown;
    const x = (time) => Math.min(width, Math.max(0, ((time - bars[0].at) / counts.stepMs) * step));
    context.fillStyle = colour;
    for (const { after, before } of counts.gaps) {
      const from = x(timeOfId(after) ?? bars[0].at);
      context.fillRect(from, bottom, Math.max(2, x(timeOfId(before)) - from), GAP_PX);
    }
  }

  #drawAxes({ context, width, height, colour, bottom }, most) {
    const { counts, bars } = this.#shown;
    const [from, to] = rangeText([bars[0].at, bars.at(-1).at + counts.stepMs], this.#zoneOf()).split("–");
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = colour;
    context.fillRect(0, bottom, width, 1);
    context.textAlign = "left";
    context.fillText(most, 2, 11);
    context.fillText(from, 2, height - 3);
    context.textAlign = "right";
    context.fillText(to, width - 2, height - 3);
  }

  #listen() {
    const picture = this.#picture;
    const indexOf = (event) => {
      const { left, width } = this.#canvas.getBoundingClientRect();
      return Math.min(this.#shown.bars.length - 1, Math.max(0, Math.floor(((event.clientX - left) / width) * this.#shown.bars.length)));
    };
    picture.addEventListener("pointermove", (event) => this.#shown?.bars.length && this.#point(indexOf(event), event.clientX));
    picture.addEventListener("pointerleave", () => this.#leave());
    picture.addEventListener("blur", () => this.#leave());
    picture.addEventListener("click", (event) => this.#shown?.bars.length && this.#on.jump(this.#shown.bars[indexOf(event)].at));
    picture.addEventListener("keydown", (event) => {
      const bars = this.#shown?.bars ?? [];
      if (bars.length === 0 || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Enter" || event.key === " ") this.#on.jump(bars[this.#cursor ?? bars.length - 1].at);
      else if (event.key in STEPS) this.#move(STEPS[event.key]);
      else return;
      event.preventDefault();
    });
  }

  #move(by) {
    const { bars } = this.#shown;
    const { left, width } = this.#canvas.getBoundingClientRect();
    const index = Math.min(bars.length - 1, Math.max(0, (this.#cursor ?? bars.length) + by));
    this.#point(index, left + ((index + 0.5) / bars.length) * width);
  }

  #point(index, x) {
    showTip(this.#tip, this.#picture, x, this.#textOf(this.#shown.bars[index]));
    if (index === this.#cursor) return;
    this.#cursor = index;
    this.#describe();
    this.#timer.redraw();
  }

  #leave() {
    this.#tip.hidden = true;
    this.#cursor = null;
    this.#timer.redraw();
  }
}
