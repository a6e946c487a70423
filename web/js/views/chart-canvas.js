// Draws a chart: its scale, its axes, and for each line the median of each interval, in a band from its lowest to its highest tenth.

import { intervalsOf } from "../store/series.js";
import { clockText } from "../format/format-time.js";
import { prepareCanvas } from "./canvas.js";

const SHORTEST_SPAN_MS = 60_000;
const SILENCE_MS = 6_000;
const INTERVAL_PX = 6;
const FONT = "11px system-ui, sans-serif";
const MIN_LEFT_PX = 44;
const LABEL_GAP_PX = 6;
const BOTTOM_PX = 16;

/**
 * Draw lines, `[{points}, …]`, in the colours of `colourOf(line)`, with times of a zone; `textOf(number)` writes the numbers of the scale.
 * Returns the scale: `{oldest, newest, x(time), timeAt(x)}`, and gives each line its `intervals`.
 */
export function drawLines(canvas, lines, { colourOf, textOf, zone }) {
  const { context, width, height } = prepareCanvas(canvas);
  context.font = FONT;
  const [oldest, newest] = spanOf(lines);
  for (const line of lines) line.intervals = intervalsOf(line.points, oldest, newest, Math.max(10, Math.floor((width - MIN_LEFT_PX) / INTERVAL_PX)));
  const scale = scaleOf(lines, { oldest, newest, width, height, widthOf: (number) => context.measureText(textOf(number)).width });
  drawAxes(context, scale, { width, height, textOf, zone, colour: getComputedStyle(canvas).color });
  for (const line of lines) drawLine(context, line.intervals, scale, colourOf(line));
  return scale;
}

function spanOf(lines) {
  const times = lines.flatMap(({ points }) => [points[0][0], points.at(-1)[0]]);
  const newest = Math.max(...times);
  return [Math.min(newest - SHORTEST_SPAN_MS, ...times), newest];
}

function scaleOf(lines, { oldest, newest, width, height, widthOf }) {
  const all = lines.flatMap(({ intervals }) => intervals);
  const least = Math.min(0, ...all.map(({ low }) => low));
  const high = roundUp(Math.max(...all.map((each) => each.high)), least);
  const span = newest - oldest;
  const bottom = height - BOTTOM_PX;
  const left = Math.max(MIN_LEFT_PX, Math.ceil(Math.max(widthOf(least), widthOf(high))) + LABEL_GAP_PX + 2);
  const inner = Math.max(1, width - left - 2);
  return {
    low: least, high, newest, oldest, bottom, left,
    silence: Math.max(SILENCE_MS, (3 * span * INTERVAL_PX) / inner),
    x: (time) => left + ((time - oldest) / span) * inner,
    y: (number) => bottom - ((number - least) / (high - least)) * (bottom - 4),
    timeAt: (x) => oldest + ((x - left) / inner) * span,
  };
}

// The next 1, 2, 2.5 or 5 times a power of ten, so that the scale rarely jumps.
function roundUp(number, low) {
  if (number <= low) return low + 1;
  const power = 10 ** Math.floor(Math.log10(number || 1));
  const step = [1, 2, 2.5, 5, 10].find((factor) => factor * power >= number);
  return number > 0 ? (step ?? 10) * power : 0;
}

function drawAxes(context, { low, high, oldest, newest, bottom, left, x, y }, { width, height, textOf, zone, colour }) {
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
  context.fillText(textOf(high), left - LABEL_GAP_PX, y(high) + 8);
  context.fillText(textOf(low), left - LABEL_GAP_PX, bottom);
  context.textAlign = "left";
  context.fillText(clockText(oldest, zone, true), left, height - 3);
  context.textAlign = "right";
  context.fillText(clockText(newest, zone, true), x(newest), height - 3);
}

function drawLine(context, intervals, scale, colour) {
  context.strokeStyle = colour;
  context.fillStyle = colour;
  context.lineJoin = "round";
  context.lineWidth = 1.5;
  for (const run of runsOf(intervals, scale.silence)) {
    const x = ({ at }) => scale.x(at);
    context.globalAlpha = 0.2;
    context.beginPath();
    run.forEach((each) => context.lineTo(x(each), scale.y(each.high)));
    run.toReversed().forEach((each) => context.lineTo(x(each), scale.y(each.low)));
    context.fill();
    context.globalAlpha = 1;
    context.beginPath();
    run.forEach((each) => context.lineTo(x(each), scale.y(each.median)));
    context.stroke();
    if (run.length === 1) context.fillRect(x(run[0]) - 1.5, scale.y(run[0].median) - 1.5, 3, 3);
  }
}

// A silence interrupts the line; it is no slope.
function runsOf(intervals, silence) {
  const runs = [];
  for (const each of intervals) {
    const last = runs.at(-1)?.at(-1);
    if (last && each.at - last.at <= silence) runs.at(-1).push(each);
    else runs.push([each]);
  }
  return runs;
}
