// How many lines of each level there are over time: counted in steps of 100 ms, drawn as at most 120 bars of a round width.
//
//     histogram.add(ring.shownTime(seq), ring.level(seq)); histogram.remove(time, level); histogram.clear()
//     const drawn = histogram.bars()         {from, width, total, most, bars: [{at, total, counts: [per level]}, …]}, from oldest to newest
//     histogram.barsOver(from, to)           the same over a range of times, whether there are lines at its ends or not
//     histogram.countsIn(from, 60_000, 30)   [[per level], …] for 30 bars of a minute
//     rateOf(420, 30_000)                    [840, "min"], of a bar that is 30 s wide
//     rangeOf(drawn, 10, 20)                 {from, to}: bars 10 to 20, both included, in either order
//     barAt(drawn, 0.5)                      the index of the bar in the middle of the picture
//     rangeQuery({from, to})                 "after=2026-11-21T03:50:00.000Z before=2026-11-21T03:52:00.000Z"
//
// It counts the lines that pass everything but the time range: clear it and add them again when the filter changes.

import { LEVELS } from "../normalise/levels.js";

const STEP_MS = 100;
const MAX_BARS = 120;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
// No width is more than twice the one before, so a full picture has at least 60 bars.
const WIDTHS = [
  ...[100, 200, 300, 500].concat([1, 2, 3, 5, 10, 15, 20, 30].map((count) => count * SECOND)),
  ...[1, 2, 3, 5, 10, 15, 20, 30].map((count) => count * MINUTE),
  ...[1, 2, 3, 4, 6, 8, 12].map((count) => count * HOUR),
  ...[1, 2, 3, 5, 7, 14, 28, 56, 112, 224, 448].map((count) => count * DAY),
];
const RATES = [["s", 1_000, 10_000], ["min", 60_000, 600_000], ["h", 3_600_000, Infinity]];
const PER_STEP = LEVELS.length;

export class Histogram {
  #counts = new Map();
  #total = 0;
  // The bars are updated with each line, and rebuilt from the counts only when they no longer fit.
  #from = 0;
  #width = STEP_MS;
  #bars = [];
  #stale = false;

  /** How many lines are counted. */
  get total() {
    return this.#total;
  }

  add(time, level) {
    const key = keyOf(time, level);
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    this.#total += 1;
    if (this.#bars.length === 0) this.#begin(time, STEP_MS);
    const index = Math.floor((timeOfKey(key) - this.#from) / this.#width);
    if (index < 0 || index >= MAX_BARS) this.#stale = true;
    else this.#count(index, level, 1);
  }

  /** Subtract a line that was added. */
  remove(time, level) {
    const key = keyOf(time, level);
    const count = this.#counts.get(key);
    if (count === undefined) return;
    if (count === 1) this.#counts.delete(key);
    else this.#counts.set(key, count - 1);
    this.#total -= 1;
    if (!this.#stale) this.#count(Math.floor((timeOfKey(key) - this.#from) / this.#width), level, -1);
  }

  clear() {
    this.#counts.clear();
    this.#bars = [];
    this.#total = 0;
    this.#stale = false;
  }

  /** The picture as it is now. */
  bars() {
    this.#trim();
    if (this.#stale || (this.#bars.length < MAX_BARS / 2 && this.#width > STEP_MS)) this.#rebuild();
    const bars = this.#bars.map(({ counts, total }, index) => ({ at: this.#from + index * this.#width, total, counts: counts.slice() }));
    const most = bars.reduce((found, { total }) => Math.max(found, total), 0);
    return { from: this.#from, width: this.#width, total: this.#total, most, bars };
  }

  /** The picture of all lines between two times. */
  barsOver(from, to) {
    const width = widthFor(from, to);
    const first = Math.floor(from / width) * width;
    const bars = this.countsIn(first, width, Math.floor(to / width) - Math.floor(from / width) + 1).map((counts, index) => {
      return { at: first + index * width, counts, total: counts.reduce((sum, count) => sum + count, 0) };
    });
    return { from: first, width, total: this.#total, most: bars.reduce((found, { total }) => Math.max(found, total), 0), bars };
  }

  /** How many lines of each level are in each of so many bars of a width, from a time on. */
  countsIn(from, width, number) {
    const found = Array.from({ length: number }, () => new Array(PER_STEP).fill(0));
    for (const [key, count] of this.#counts) {
      const index = Math.floor((timeOfKey(key) - from) / width);
      if (index >= 0 && index < number) found[index][key % PER_STEP] += count;
    }
    return found;
  }

  #begin(time, width) {
    this.#width = width;
    this.#from = Math.floor(time / width) * width;
    this.#bars = [];
    this.#stale = false;
  }

  #count(index, level, change) {
    while (this.#bars.length <= index) this.#bars.push({ total: 0, counts: new Array(PER_STEP).fill(0) });
    const bar = this.#bars[index];
    bar.counts[level] += change;
    bar.total += change;
  }

  #trim() {
    while (this.#bars.at(-1)?.total === 0) this.#bars.pop();
    const empty = this.#bars.findIndex(({ total }) => total > 0);
    if (empty <= 0) return;
    this.#bars.splice(0, empty);
    this.#from += empty * this.#width;
  }

  #rebuild() {
    let first = Infinity;
    let last = -Infinity;
    for (const key of this.#counts.keys()) {
      if (key < first) first = key;
      if (key > last) last = key;
    }
    const [oldest, newest] = [timeOfKey(first), timeOfKey(last)];
    const width = widthFor(oldest, newest);
    this.#begin(oldest, width);
    for (const [key, count] of this.#counts) this.#count(Math.floor((timeOfKey(key) - this.#from) / width), key % PER_STEP, count);
  }
}

const keyOf = (time, level) => Math.floor(time / STEP_MS) * PER_STEP + level;
const timeOfKey = (key) => Math.floor(key / PER_STEP) * STEP_MS;

/** The width of bars, in ms, that covers a range of times with at most 120 of them. */
export function widthFor(oldest, newest) {
  const fits = (width) => Math.floor(newest / width) - Math.floor(oldest / width) < MAX_BARS;
  return WIDTHS.find(fits) ?? Math.ceil((newest - oldest) / (MAX_BARS - 1));
}

/** The time range from one bar to another, `to` excluded. */
export const rangeOf = ({ from, width }, one, other) => ({ from: from + Math.min(one, other) * width, to: from + (Math.max(one, other) + 1) * width });

/** The index of the bar at a fraction of the picture's width, 0 to 1. */
export const barAt = ({ bars }, fraction) => Math.max(0, Math.min(bars.length - 1, Math.floor(fraction * bars.length)));

/** A time range as terms of a query. */
export const rangeQuery = ({ from, to }) => `after=${new Date(from).toISOString()} before=${new Date(to).toISOString()}`;

/** A count of a bar that is so many ms wide, as a rate: `[number, unit]`, the unit is s, min or h. */
export function rateOf(count, widthMs) {
  const [unit, ms] = RATES.find(([, , below]) => widthMs < below);
  return [Number(((count * ms) / widthMs).toPrecision(3)), unit];
}
