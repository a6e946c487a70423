// The numbers of the last minutes, for the chart: those of measurements, and of the fields that the reader has chosen.
//
//     series.add("cpu", time, [["load", 0.4]])
//     series.choose("took"); series.chosenIn(record)      [["took", 12]] or null
//     columnsOf(points, from, to, 300)                    [{column, low, mean, high}, …] for each of 300 columns of a picture
//     pointNear(points, time)                             [time, number], the nearest point

import { fieldIn } from "../query/fields.js";

const KEPT_POINTS = 6_000;
const MAX_SERIES = 8;
const SPAN_MS = 5 * 60_000;

export class Series {
  #lines = new Map();
  #chosen = new Set();

  constructor() {
    this.version = 0;
  }

  get empty() {
    return this.#lines.size === 0;
  }

  get chosen() {
    return this.#chosen;
  }

  /** Add `[[field, number], …]` of one line of a channel. */
  add(channel, time, numbers) {
    this.version += 1;
    for (const [field, number] of numbers) {
      const points = this.#lineOf(channel, field);
      if (points === null) continue;
      points.push([time, number]);
      if (points.length > 2 * KEPT_POINTS) points.splice(0, KEPT_POINTS);
    }
  }

  /** Collect the numbers of a field from now on. */
  choose(field) {
    this.#chosen.add(field);
    this.version += 1;
  }

  /** Forget a field. */
  drop(field) {
    this.#chosen.delete(field);
    for (const [key, line] of this.#lines) if (line.field === field) this.#lines.delete(key);
    this.version += 1;
  }

  /** `[[field, number], …]` of the chosen fields in a record, or null. */
  chosenIn(record) {
    if (this.#chosen.size === 0) return null;
    const found = [];
    for (const name of this.#chosen) {
      const number = numberOf(fieldIn(record.fields, name));
      if (number !== null) found.push([name, number]);
    }
    return found.length > 0 ? found : null;
  }

  /** `[{channel, field, points: [[time, number], …]}, …]` of the last five minutes before the newest point. */
  recent() {
    const lines = [...this.#lines.values()].filter(({ points }) => points.length > 0);
    const newest = Math.max(...lines.map(({ points }) => points.at(-1)[0]));
    return lines.map(({ channel, field, points }) => ({ channel, field, points: points.filter(([time]) => time >= newest - SPAN_MS) }));
  }

  /** Forget the numbers of every channel that `keep` rejects. */
  retain(keep) {
    for (const [key, line] of this.#lines) if (!keep(line.channel)) this.#lines.delete(key);
    this.version += 1;
  }

  #lineOf(channel, field) {
    const key = `${channel}\n${field}`;
    if (!this.#lines.has(key)) {
      if (this.#lines.size >= MAX_SERIES) return null;
      this.#lines.set(key, { channel, field, points: [] });
    }
    return this.#lines.get(key).points;
  }
}

/** A value as a number, if it is one or the text of one; else null. */
export function numberOf(value) {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return Number.isFinite(number) ? number : null;
}

/** The least, the mean and the greatest number in each of so many columns of a picture; columns without numbers are left out. */
export function columnsOf(points, from, to, columns) {
  const found = [];
  let last = null;
  for (const [time, number] of points) {
    const column = Math.min(columns - 1, Math.max(0, Math.floor(((time - from) / (to - from)) * columns)));
    if (last === null || last.column !== column) found.push((last = { column, low: number, high: number, sum: 0, count: 0, time }));
    last.low = Math.min(last.low, number);
    last.high = Math.max(last.high, number);
    last.sum += number;
    last.count += 1;
  }
  return found.map(({ column, low, high, sum, count, time }) => ({ column, low, high, mean: sum / count, time }));
}

/** The point nearest to a time; `points` are in the order of their times, and at least one. */
export function pointNear(points, near) {
  let low = 0;
  let high = points.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle][0] < near) low = middle + 1;
    else high = middle;
  }
  const before = points[Math.max(0, low - 1)];
  return near - before[0] < points[low][0] - near ? before : points[low];
}
