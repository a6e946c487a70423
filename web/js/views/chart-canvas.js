// Draws a chart: its scale, its axes, and for each line the mean within a band from the least to the greatest value.

import { columnsOf } from "../store/series.js";
import { formatClock } from "../format/format-time.js";
import { prepareCanvas } from "./canvas.js";

const SHORTEST_SPAN_MS = 60_000;
const SILENCE_MS = 6_000;
const FONT = "11px system-ui, sans-serif";
const MIN_LEFT_PX = 44;
const LABEL_GAP_PX = 6;
const BOTTOM_PX = 16;

/** A number with at most three significant digits, or a whole number. */
export const shortNumber = (number) => String(Number.isInteger(number) ? number : Number(number.toPrecision(3)));

/** Draw lines, `[{points}, …]`, in the colours of `colourOf(line)`, with times of a zone. Returns the scale: `{oldest, newest, x(time), timeAt(x)}`. */
export function drawLines(canvas, lines, colourOf, zone) {
  const { context, width, height } = prepareCanvas(canvas);
  context.font = FONT;
  const scale = scaleOf(lines, width, height, (number) => context.measureText(shortNumber(number)).width);
  drawAxes(context, scale, width, height, getComputedStyle(canvas).color, (ms) => formatClock(ms, zone).slice(0, 8));
  for (const line of lines) drawLine(context, line, scale, colourOf(line));
  return scale;
}

function scaleOf(lines, width, height, widthOf) {
  let [newest, oldest, least, most] = [-Infinity, Infinity, 0, -Infinity];
  for (const { points } of lines) {
    for (const [time, number] of points) {
      newest = Math.max(newest, time);
      oldest = Math.min(oldest, time);
      least = Math.min(least, number);
      most = Math.max(most, number);
    }
  }
  const span = Math.max(SHORTEST_SPAN_MS, newest - oldest);
  const high = roundUp(most, least);
  const bottom = height - BOTTOM_PX;
  const left = Math.max(MIN_LEFT_PX, Math.ceil(Math.max(widthOf(least), widthOf(high))) + LABEL_GAP_PX + 2);
  const inner = Math.max(1, width - left - 2);
  return {
    low: least, high, newest, oldest: newest - span, bottom, left, inner,
    x: (time) => left + ((time - newest + span) / span) * inner,
    y: (number) => bottom - ((number - least) / (high - least)) * (bottom - 4),
    timeAt: (x) => newest - span + ((x - left) / inner) * span,
  };
}

// The next 1, 2, 2.5 or 5 times a power of ten, so that the scale rarely jumps.
function roundUp(number, low) {
  if (number <= low) return low + 1;
  const power = 10 ** Math.floor(Math.log10(number || 1));
  const step = [1, 2, 2.5, 5, 10].find((factor) => factor * power >= number);
  return number > 0 ? (step ?? 10) * power : 0;
}

function drawAxes(context, { low, high, oldest, newest, bottom, left, x, y }, width, height, colour, clock) {
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
  context.fillText(shortNumber(high), left - LABEL_GAP_PX, y(high) + 8);
  context.fillText(shortNumber(low), left - LABEL_GAP_PX, bottom);
  context.textAlign = "left";
  context.fillText(clock(oldest), left, height - 3);
  context.textAlign = "right";
  context.fillText(clock(newest), x(newest), height - 3);
}

function drawLine(context, { points }, { oldest, newest, left, inner, y }, colour) {
  const columns = Math.floor(inner);
  const found = columnsOf(points, oldest, newest, columns);
  const at = (column) => left + (column + 0.5) * (inner / columns);
  context.strokeStyle = colour;
  context.lineJoin = "round";
  context.globalAlpha = 0.35;
  context.lineWidth = 1;
  context.beginPath();
  for (const { column, low, high } of found) {
    if (high === low) continue;
    context.moveTo(at(column), y(low));
    context.lineTo(at(column), y(high));
  }
  context.stroke();
  context.globalAlpha = 1;
  context.lineWidth = 1.5;
  context.beginPath();
  let before = -Infinity;
  for (const { column, mean, time } of found) {
    // A silence interrupts the line; it is no slope.
    if (time - before > SILENCE_MS) context.moveTo(at(column), y(mean));
    else context.lineTo(at(column), y(mean));
    before = time;
  }
  context.stroke();
}
