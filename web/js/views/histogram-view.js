// The bars of the time bar: how many lines of each level there are over time. A drag, or arrows with Shift and Enter, show only that
// time; a click or Enter goes there. What the page holds has its full colour, what only the hub's log has is paler.

import { LEVELS, ERROR } from "../normalise/levels.js";
import { barAt, rangeOf, rateOf } from "../store/histogram.js";
import { rangeText } from "../format/messages.js";
import { shortRange, ticksOf } from "../format/time-range.js";
import { formatNumber, t } from "../i18n/translate.js";
import { DrawTimer, prepareCanvas, showTip } from "./canvas.js";

const PARTS = { hist: ".hist", canvas: ".hist-canvas", band: ".hist-band", tip: ".hist-tip", table: ".hist-table", more: ".hist-more" };
const TABLE_MS = 5_000;
const TABLE_ROWS = 12;
const DRAG_PX = 4;
const MIN_BARS = 60;
const TICKS_PX = 13;
const PALE = 0.4;
const KEYS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };
// From the bottom of a bar to its top: the worst level is at the bottom, where it is visible even when it is rare.
const ORDER = [7, 6, 5, 4, 3, 2, 1, 0];

export class HistogramView {
  #source;
  #zoneOf;
  #on;
  #drawn = null;
  #tabledAt = -Infinity;
  #timer;
  #visible = true;
  #range = null;
  // The bar that the arrows are at, and the one that Shift began at; null: none.
  #cursor = null;
  #anchor = null;

  /**
   * `source` has `bars()`, see histogram.js and range-counts.js, `version()`, which changes with them, `countedFrom()`: since when all
   * lines are counted, in ms, and `stopped()`: the hub counts no further by itself. `on` has `range([from, to])`, `jump(time, width)`, in
   * ms, and `goOn()`. `zoneOf()` is the zone of its times.
   */
  constructor(source, zoneOf, on) {
    this.#source = source;
    this.#zoneOf = zoneOf;
    this.#on = on;
    /** How long the last drawing took, counting included, in ms. */
    this.lastMs = 0;
    this.#timer = new DrawTimer(() => source.version(), () => this.#draw());
    $(PARTS.more).on("click", () => on.goOn());
    this.#listen();
    this.#listenToKeys();
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
    const drawn = pad(this.#source.bars());
    this.#drawn = drawn;
    if (!this.#visible) return;
    this.#paint(drawn);
    this.lastMs = performance.now() - start;
    this.#describe(drawn);
    this.#tabulate(drawn, start);
  }

  #paint({ bars, most, from, width: barMs }) {
    const [canvas] = $(PARTS.canvas);
    const { context, width, height } = prepareCanvas(canvas);
    $(PARTS.more).prop("hidden", !this.#source.stopped());
    if (bars.length === 0) return;
    const colours = coloursOf(canvas);
    const step = width / bars.length;
    const bottom = height - TICKS_PX;
    bars.forEach(({ counts, held, total, at }, index) => {
      const off = this.#range && (at + barMs <= this.#range[0] || at > this.#range[1]);
      // By the square root: one burst does not flatten all the rest.
      const high = Math.max(2, Math.sqrt(total / most) * (bottom - 2));
      let below = bottom;
      for (const level of ORDER) {
        if (!counts[level]) continue;
        const size = Math.max(1, (counts[level] / total) * high);
        const full = held ? size * (held[level] / counts[level]) : size;
        context.fillStyle = colours[level];
        context.globalAlpha = off ? 0.3 : 1;
        context.fillRect(index * step, below - full, Math.max(1, step - 1), full);
        context.globalAlpha = off ? 0.15 : PALE;
        if (full < size) context.fillRect(index * step, below - size, Math.max(1, step - 1), size - full);
        below -= size;
      }
    });
    const { color } = getComputedStyle(canvas);
    context.globalAlpha = 0.1;
    context.fillStyle = color;
    context.fillRect(0, 0, Math.min(width, Math.max(0, ((this.#source.countedFrom() - from) / barMs) * step)), bottom);
    context.globalAlpha = 1;
    this.#paintTicks(context, [from, from + barMs * bars.length], width, height, color);
    const [rate, unit] = rateOf(most, barMs);
    context.textAlign = "right";
    this.#label(context, t("hist.most", { rate, unit }), width - 4, 9, canvas);
  }

  #paintTicks(context, range, width, height, colour) {
    const texts = ticksOf(range, this.#zoneOf(), Date.now());
    context.font = "10px system-ui, sans-serif";
    context.fillStyle = colour;
    const all = texts.reduce((sum, text) => sum + context.measureText(text).width, 0);
    texts.forEach((text, index) => {
      // On a phone there may be room for two only.
      if (index === 1 && all > width - 40) return;
      context.textAlign = ["left", "center", "right"][index];
      context.fillText(text, [4, width / 2, width - 4][index], height - 3);
    });
  }

  // On a ground of its own, to be read over the bars.
  #label(context, text, x, y, canvas) {
    const { width } = context.measureText(text);
    const { color, backgroundColor } = getComputedStyle(canvas);
    context.fillStyle = backgroundColor;
    context.globalAlpha = 0.8;
    context.fillRect(x - width - 2, y - 9, width + 4, 12);
    context.globalAlpha = 1;
    context.fillStyle = color;
    context.fillText(text, x, y);
  }

  #describe({ bars, total }) {
    $(PARTS.canvas).attr("aria-label", t("hist.description", { n: total, bars: bars.length }));
    const at = this.#cursor ?? Math.max(0, bars.length - 1);
    const text = bars.length > 0 ? this.#textOf(Math.min(this.#anchor ?? at, at), Math.max(this.#anchor ?? at, at)) : t("stats.none");
    $(PARTS.hist).attr({ "aria-valuemax": Math.max(0, bars.length - 1), "aria-valuenow": at, "aria-valuetext": text });
  }

  // "17:31–17:32 · 12 errors · 840 lines", of some bars together.
  #textOf(first, last) {
    const { bars, width } = this.#drawn;
    const chosen = bars.slice(first, last + 1);
    const errors = chosen.reduce((sum, { counts }) => sum + counts.reduce((some, count, level) => some + (level >= ERROR ? count : 0), 0), 0);
    const n = chosen.reduce((sum, { total }) => sum + total, 0);
    const time = shortRange([bars[first].at, bars[last].at + width], this.#zoneOf(), Date.now());
    return [time, ...(errors > 0 ? [t("newLines.errors", { n: errors })] : []), t("hist.lines", { n })].join(" · ");
  }

  // The same as a table, for readers who do not see the picture.
  #tabulate({ bars, width }, now) {
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
      if (!this.#drawn?.bars.length || event.button !== 0 || event.target.closest("button")) return;
      from = { x: event.clientX, index: indexOf(event), drawn: this.#drawn };
      hist.setPointerCapture(event.pointerId);
    });
    hist.addEventListener("pointermove", (event) => {
      if (!this.#drawn?.bars.length) return;
      const index = barAt(this.#drawn, fraction(event));
      showTip($(PARTS.tip)[0], hist, event.clientX, `${this.#textOf(index, index)} · ${t("hist.drag")}`);
      if (from && Math.abs(event.clientX - from.x) > DRAG_PX) this.#band(from.x, event.clientX);
    });
    hist.addEventListener("pointerup", (event) => {
      if (!from) return;
      const { drawn, index, x } = from;
      from = null;
      $(PARTS.band).prop("hidden", true);
      if (Math.abs(event.clientX - x) <= DRAG_PX) this.#on.jump(drawn.bars[barAt(drawn, fraction(event))].at, drawn.width);
      else this.#choose(drawn, index, indexOf(event));
    });
    hist.addEventListener("pointercancel", () => ((from = null), $(PARTS.band).prop("hidden", true)));
    hist.addEventListener("pointerleave", () => $(PARTS.tip).prop("hidden", true));
  }

  #choose(drawn, one, other) {
    const { from, to } = rangeOf(drawn, one, other);
    this.#on.range([from, to - 1]);
  }

  #listenToKeys() {
    const [hist] = $(PARTS.hist);
    hist.addEventListener("keydown", (event) => {
      if (event.target !== hist || event.ctrlKey || event.altKey || event.metaKey || !this.#drawn?.bars.length) return;
      if (event.key === "Enter" && this.#cursor !== null) this.#act();
      else if (event.key === "Escape" && this.#cursor !== null) this.#letGo();
      else if (event.key in KEYS) this.#step(KEYS[event.key], event.shiftKey);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    hist.addEventListener("blur", () => this.#letGo());
  }

  #act() {
    const [at, anchor, drawn] = [this.#cursor, this.#anchor, this.#drawn];
    if (at >= drawn.bars.length) return;
    this.#letGo();
    if (anchor === null || anchor === at) this.#on.jump(drawn.bars[at].at, drawn.width);
    else this.#choose(drawn, anchor, at);
  }

  #step(step, widening) {
    const last = this.#drawn.bars.length - 1;
    const from = this.#cursor ?? last;
    this.#anchor = widening ? (this.#anchor ?? from) : null;
    this.#cursor = Math.min(last, Math.max(0, this.#cursor === null && !widening ? last : from + step));
    const { left, width } = $(PARTS.hist)[0].getBoundingClientRect();
    const x = (index) => left + (index / (last + 1)) * width;
    const [first, end] = [Math.min(this.#cursor, this.#anchor ?? this.#cursor), Math.max(this.#cursor, this.#anchor ?? this.#cursor) + 1];
    this.#band(x(first), x(end));
    showTip($(PARTS.tip)[0], $(PARTS.hist)[0], (x(first) + x(end)) / 2, `${this.#textOf(first, end - 1)} · ${t("hist.keys")}`);
    this.#describe(this.#drawn);
  }

  #letGo() {
    [this.#cursor, this.#anchor] = [null, null];
    $(PARTS.band).add(PARTS.tip).prop("hidden", true);
  }

  #band(one, other) {
    const { left } = $(PARTS.hist)[0].getBoundingClientRect();
    const [band] = $(PARTS.band);
    band.hidden = false;
    band.style.left = `${Math.min(one, other) - left}px`;
    band.style.width = `${Math.max(2, Math.abs(other - one))}px`;
  }
}

// A few lines of the same second are a few bars at the right, not one bar that fills the picture.
function pad(drawn) {
  const missing = drawn.bars.length === 0 ? 0 : Math.max(0, MIN_BARS - drawn.bars.length);
  if (missing === 0 || drawn.bars[0].held) return drawn;
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
