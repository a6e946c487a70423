// The numbers of the last minutes, for the chart: those of measurements, and of the fields that the reader has chosen.
//
//     series.add("cpu", time, [["load", 0.4]])
//     series.choose("took"); series.chosenIn(record)      [["took", 12]] or null
//     intervalsOf(points, from, to, 100)                  [{at, count, low, median, high, max}, …] of 100 intervals, see there
//     nearestTo(intervals, time)                          the interval nearest to a time

import { fieldIn } from "../query/fields.js";

const KEPT_POINTS = 12_000;
const MAX_SERIES = 8;
/** For how long the chart may go back, in minutes. */
export const CHART_MINUTES = [1, 5, 15, 60];
export const USUAL_MINUTES = 5;

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

  /** `[{channel, field, points: [[time, number], …]}, …]` of the last minutes before the newest point. */
  recent(minutes = USUAL_MINUTES) {
    const lines = [...this.#lines.values()].filter(({ points }) => points.length > 0);
    const newest = Math.max(...lines.map(({ points }) => points.at(-1)[0]));
    return lines.map(({ channel, field, points }) => ({ channel, field, points: points.filter(([time]) => time >= newest - minutes * 60_000) }));
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

/**
 * The numbers of points in so many intervals of a picture: the middle one (`median`), and the `low` and `high` that a tenth of them are
 * below and above. `at` is the middle of the interval; those without numbers are left out.
 */
export function intervalsOf(points, from, to, number) {
  const width = (to - from) / number;
  const found = new Map();
  for (const [time, value] of points) {
    const index = Math.min(number - 1, Math.max(0, Math.floor((time - from) / width)));
    if (!found.has(index)) found.set(index, []);
    found.get(index).push(value);
  }
  return [...found].sort(([one], [other]) => one - other).map(([index, values]) => {
    values.sort((one, other) => one - other);
    const rank = (part) => values[Math.min(values.length - 1, Math.floor(part * values.length))];
    return { at: from + (index + 0.5) * width, count: values.length, low: rank(0.1), median: rank(0.5), high: rank(0.9), max: values.at(-1) };
  });
}

/** The interval nearest to a time; there is at least one. */
export const nearestTo = (intervals, time) => intervals.reduce((best, each) => (Math.abs(each.at - time) < Math.abs(best.at - time) ? each : best));
