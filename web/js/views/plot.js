// The live chart of measurements: the last five minutes of every number, drawn at most four times a second.

import { hueOf } from "../channels.js";
import { timeOfDay } from "../format.js";

const $ = window.jQuery;
const PARTS = { plot: ".plot", canvas: ".plot-canvas", legend: ".plot-legend", toggle: ".plot-toggle" };
const REDRAW_MS = 250;
const SHORTEST_SPAN_MS = 60_000;
const SILENCE_MS = 6_000;
const FONT = "11px system-ui, sans-serif";
const LEAST_LEFT_PX = 44;
const LABEL_GAP_PX = 6;
const BOTTOM_PX = 16;

export class Plot {
  #series;
  #wanted = true;
  #version = -1;
  #drawnAt = 0;
  #timer = 0;
  #entries = new Map();

  constructor(series) {
    this.#series = series;
    $(PARTS.toggle).on("click", () => {
      this.#wanted = !this.#wanted;
      this.#again();
    });
    $(window).on("themechange resize", () => this.#again());
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#again());
  }

  /** Draw if there is anything new; never sooner than a quarter of a second after the last time. */
  update() {
    if (this.#series.version === this.#version || this.#timer || document.hidden) return;
    const wait = Math.max(0, this.#drawnAt + REDRAW_MS - performance.now());
    this.#timer = setTimeout(() => requestAnimationFrame(() => this.#draw()), wait);
  }

  #again() {
    this.#version = -1;
    this.update();
  }

  #draw() {
    this.#timer = 0;
    this.#version = this.#series.version;
    this.#drawnAt = performance.now();
    // One point is no line.
    const lines = this.#series.recent().filter(({ points }) => points.length > 1);
    const shown = lines.length > 0 && this.#wanted;
    $(PARTS.toggle).prop("hidden", lines.length === 0).attr("aria-pressed", String(this.#wanted));
    $(PARTS.plot).prop("hidden", !shown);
    if (!shown) return;
    this.#showLegend(lines);
    drawLines($(PARTS.canvas)[0], lines, (line) => getComputedStyle(this.#entries.get(keyOf(line)).$item[0]).color);
  }

  #showLegend(lines) {
    const channels = new Set(lines.map(({ channel }) => channel));
    const keys = lines.map(keyOf);
    if (keys.join("\n\n") !== [...this.#entries.keys()].join("\n\n")) {
      this.#entries = new Map(lines.map((line, at) => [keyOf(line), makeEntry(line, at, channels.size > 1)]));
      $(PARTS.legend).empty().append([...this.#entries.values()].map(({ $item }) => $item));
    }
    for (const line of lines) this.#entries.get(keyOf(line)).$value.text(short(line.points.at(-1)[1]));
    const words = lines.map(({ field, points }) => `${field} ${short(points.at(-1)[1])}`).join(", ");
    $(PARTS.canvas).attr("aria-label", `Line chart: ${words}`);
  }
}

const keyOf = ({ channel, field }) => `${channel}\n${field}`;

function makeEntry({ channel, field }, at, many) {
  const words = many ? `${channel} ${field}` : field;
  const $value = $("<b>");
  const hue = String((hueOf(channel) + at) % 8);
  return { $value, $item: $("<li>", { "data-hue": hue }).append($("<span>", { title: words }).text(words), $value) };
}

const short = (number) => String(Number.isInteger(number) ? number : Number(number.toPrecision(3)));

function drawLines(canvas, lines, colourOf) {
  const { width, height } = canvas.getBoundingClientRect();
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  context.font = FONT;
  const scale = scaleOf(lines, width, height, (number) => context.measureText(short(number)).width);
  drawAxes(context, scale, width, height, getComputedStyle(canvas).color);
  for (const line of lines) drawLine(context, line, scale, colourOf(line));
}

function scaleOf(lines, width, height, widthOf) {
  const points = lines.flatMap((line) => line.points);
  const numbers = points.map(([, number]) => number);
  const newest = points.reduce((latest, [time]) => Math.max(latest, time), -Infinity);
  const oldest = points.reduce((first, [time]) => Math.min(first, time), Infinity);
  const span = Math.max(SHORTEST_SPAN_MS, newest - oldest);
  const low = numbers.reduce((a, b) => Math.min(a, b), 0);
  const high = roundUp(numbers.reduce((a, b) => Math.max(a, b), -Infinity), low);
  const bottom = height - BOTTOM_PX;
  const left = Math.max(LEAST_LEFT_PX, Math.ceil(Math.max(widthOf(low), widthOf(high))) + LABEL_GAP_PX + 2);
  return {
    low, high, newest, span, bottom, left,
    x: (time) => left + ((time - newest + span) / span) * (width - left - 2),
    y: (number) => bottom - ((number - low) / (high - low)) * (bottom - 4),
  };
}

// The next 1, 2, 2.5 or 5 times a power of ten, so that the scale rarely jumps.
function roundUp(number, low) {
  if (number <= low) return low + 1;
  const power = 10 ** Math.floor(Math.log10(number || 1));
  const step = [1, 2, 2.5, 5, 10].find((factor) => factor * power >= number);
  return number > 0 ? (step ?? 10) * power : 0;
}

function drawAxes(context, { low, high, newest, span, bottom, left, x, y }, width, height, colour) {
  context.font = FONT;
  context.fillStyle = colour;
  context.strokeStyle = colour;
  context.globalAlpha = 0.18;
  context.beginPath();
  for (const number of [low, (low + high) / 2, high]) {
    context.moveTo(left, Math.round(y(number)) + 0.5);
    context.lineTo(width, Math.round(y(number)) + 0.5);
  }
  context.stroke();
  context.globalAlpha = 1;
  context.textAlign = "right";
  context.fillText(short(high), left - LABEL_GAP_PX, y(high) + 8);
  context.fillText(short(low), left - LABEL_GAP_PX, bottom);
  context.textAlign = "left";
  context.fillText(timeOfDay(newest - span).slice(0, 8), left, height - 3);
  context.textAlign = "right";
  context.fillText(timeOfDay(newest).slice(0, 8), x(newest), height - 3);
}

function drawLine(context, { points }, { x, y }, colour) {
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.lineJoin = "round";
  context.beginPath();
  let before = -Infinity;
  for (const [time, number] of points) {
    // A silence is a hole in the line, not a slope.
    if (time - before > SILENCE_MS) context.moveTo(x(time), y(number));
    else context.lineTo(x(time), y(number));
    before = time;
  }
  context.stroke();
}
