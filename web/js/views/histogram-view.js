// The histogram: how many lines of each level there are over time. A drag shows only that time, a click goes there.

import { LEVELS } from "../normalise/levels.js";
import { barAt, rangeOf } from "../store/histogram.js";
import { rangeText } from "../format/messages.js";
import { formatNumber, t } from "../i18n/translate.js";
import { DrawTimer, prepareCanvas, showTip } from "./canvas.js";

const PARTS = { hist: ".hist", canvas: ".hist-canvas", band: ".hist-band", tip: ".hist-tip", table: ".hist-table" };
const TABLE_MS = 5_000;
const TABLE_ROWS = 12;
const DRAG_PX = 4;
const MIN_BARS = 60;
// From the bottom of a bar to its top: the worst level is at the bottom, where it is visible even when it is rare.
const ORDER = [7, 6, 5, 4, 3, 2, 1, 0];

export class HistogramView {
  #counter;
  #zoneOf;
  #on;
  #drawn = null;
  #tabledAt = -Infinity;
  #timer;
  #visible = true;
  #range = null;

  /** `on` has `range([from, to])` and `jump(time)`, in ms. `zoneOf()` is the zone of its times. */
  constructor(counter, zoneOf, on) {
    this.#counter = counter;
    this.#zoneOf = zoneOf;
    this.#on = on;
    /** How long the last drawing took, counting included, in ms. */
    this.lastMs = 0;
    this.#timer = new DrawTimer(() => counter.version, () => this.#draw());
    this.#listen();
  }

  /** Show or hide it; `range`, `[from, to]` in ms or null, is the time range of the filter. */
  show(visible, range) {
    this.#visible = visible;
    this.#range = range;
    // An empty histogram keeps its space, so that the lines below do not move.
    $(PARTS.hist).prop("hidden", !visible);
    this.#timer.redraw();
  }

  /** Draw if there is something new, at most four times a second. */
  update() {
    this.#timer.update();
  }

  #draw() {
    const start = performance.now();
    const drawn = pad(this.#counter.bars());
    this.#drawn = drawn;
    if (!this.#visible) return;
    this.#paint(drawn);
    this.lastMs = performance.now() - start;
    this.#tabulate(drawn, start);
  }

  #paint({ bars, most, from, width: barMs }) {
    const [canvas] = $(PARTS.canvas);
    const { context, width, height } = prepareCanvas(canvas);
    const colours = coloursOf(canvas);
    const step = width / bars.length;
    bars.forEach(({ counts, at }, index) => {
      let bottom = height;
      const off = this.#range && (at + barMs <= this.#range[0] || at > this.#range[1]);
      context.globalAlpha = off ? 0.3 : 1;
      for (const level of ORDER) {
        if (!counts[level]) continue;
        const size = Math.max(1, (counts[level] / most) * (height - 14));
        context.fillStyle = colours[level];
        context.fillRect(index * step, bottom - size, Math.max(1, step - 1), size);
        bottom -= size;
      }
    });
    context.globalAlpha = 1;
    if (bars.length > 0) this.#paintTimes(context, from, from + barMs * bars.length, width, getComputedStyle(canvas).color);
  }

  #paintTimes(context, from, to, width, colour) {
    const [first, last] = rangeText([from, to], this.#zoneOf()).split("–");
    context.font = "10px system-ui, sans-serif";
    context.fillStyle = colour;
    context.textAlign = "left";
    context.fillText(first, 4, 10);
    context.textAlign = "right";
    context.fillText(last, width - 4, 10);
  }

  // The same as a table, for readers who do not see the picture.
  #tabulate({ bars, width, total }, now) {
    $(PARTS.canvas).attr("aria-label", t("hist.description", { n: total, bars: bars.length }));
    if (now - this.#tabledAt < TABLE_MS) return;
    this.#tabledAt = bars.length > 0 ? now : -Infinity;
    const levels = ORDER.filter((level) => bars.some(({ counts }) => counts[level]));
    const per = Math.ceil(bars.length / TABLE_ROWS);
    const $rows = [];
    for (let at = 0; at < bars.length; at += per) {
      const group = bars.slice(at, at + per);
      const sums = levels.map((level) => group.reduce((sum, { counts }) => sum + (counts[level] ?? 0), 0));
      const time = rangeText([group[0].at, group.at(-1).at + width], this.#zoneOf());
      $rows.push($("<tr>").append($("<th>", { scope: "row" }).text(time), sums.map((sum) => $("<td>").text(formatNumber(sum)))));
    }
    const $head = $("<tr>").append($("<th>").text(t("fact.time")), levels.map((level) => $("<th>", { scope: "col" }).text(LEVELS[level])));
    $(PARTS.table).empty().append($("<table>").append($("<caption>").text(t("hist.label")), $("<thead>").append($head), $("<tbody>").append($rows)));
  }

  #listen() {
    const [hist] = $(PARTS.hist);
    let from = null;
    const fraction = (event) => {
      const { left, width } = hist.getBoundingClientRect();
      return Math.min(0.9999, Math.max(0, (event.clientX - left) / width));
    };
    const indexOf = (event) => Math.floor(fraction(event) * this.#drawn.bars.length);
    hist.addEventListener("pointerdown", (event) => {
      if (!this.#drawn?.bars.length || event.button !== 0) return;
      from = { x: event.clientX, index: indexOf(event), drawn: this.#drawn };
      hist.setPointerCapture(event.pointerId);
    });
    hist.addEventListener("pointermove", (event) => {
      if (!this.#drawn?.bars.length) return;
      this.#tip(event, fraction(event));
      if (from && Math.abs(event.clientX - from.x) > DRAG_PX) this.#band(from.x, event.clientX, hist);
    });
    hist.addEventListener("pointerup", (event) => {
      if (!from) return;
      const { drawn, index, x } = from;
      from = null;
      $(PARTS.band).prop("hidden", true);
      if (Math.abs(event.clientX - x) <= DRAG_PX) return this.#on.jump(drawn.bars[barAt(drawn, fraction(event))].at);
      const { from: start, to } = rangeOf(drawn, index, indexOf(event));
      this.#on.range([start, to - 1]);
    });
    hist.addEventListener("pointercancel", () => ((from = null), $(PARTS.band).prop("hidden", true)));
    hist.addEventListener("pointerleave", () => $(PARTS.tip).prop("hidden", true));
  }

  #band(one, other, hist) {
    const { left } = hist.getBoundingClientRect();
    const [band] = $(PARTS.band);
    band.hidden = false;
    band.style.left = `${Math.min(one, other) - left}px`;
    band.style.width = `${Math.abs(other - one)}px`;
  }

  #tip(event, fraction) {
    const bar = this.#drawn.bars[barAt(this.#drawn, fraction)];
    if (!bar) return;
    const counts = ORDER.filter((level) => bar.counts[level]).map((level) => `${LEVELS[level]} ${formatNumber(bar.counts[level])}`);
    const text = `${rangeText([bar.at, bar.at + this.#drawn.width], this.#zoneOf())}  ${counts.join(" · ") || "0"}`;
    showTip($(PARTS.tip)[0], $(PARTS.hist)[0], event.clientX, text);
  }
}

// A few lines of the same second are a few bars at the right, not one bar that fills the picture.
function pad(drawn) {
  const missing = drawn.bars.length === 0 ? 0 : Math.max(0, MIN_BARS - drawn.bars.length);
  if (missing === 0) return drawn;
  const from = drawn.from - missing * drawn.width;
  const empty = Array.from({ length: missing }, (_, at) => ({ at: from + at * drawn.width, total: 0, counts: [] }));
  return { ...drawn, from, bars: [...empty, ...drawn.bars] };
}

function coloursOf(canvas) {
  const style = getComputedStyle(canvas);
  // Only exceptional levels have a strong colour.
  const plain = ["line", "line", "line", "quiet", "quiet", "warn-fill", "error", "fatal"];
  // A custom property is only text: a colour that uses it shows the result of light-dark().
  return plain.map((name) => {
    canvas.style.setProperty("border-left-color", `var(--${name})`);
    const colour = style.borderLeftColor;
    canvas.style.removeProperty("border-left-color");
    return colour;
  });
}
