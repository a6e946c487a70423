// The bars of a range of time: the hub's counts over all of its log, and which of those lines the page holds.
//
//     const counts = new RangeCounts();
//     counts.add(answer)                             an answer of `GET /stats` by level; the first one is the newest
//     counts.bars([from, to], histogram)             {from, width, total, most, bars: [{at, total, counts: [per level], held: [per level]}, …]}
//
// What came since the hub was asked is known from the lines held: a bar never says less than the page has.

import { LEVELS } from "../normalise/levels.js";
import { widthFor } from "./histogram.js";

export class RangeCounts {
  #steps = new Map();
  #stepMs = null;

  constructor() {
    /** Since when all lines are counted, in ms; Infinity before the first answer. */
    this.countedFrom = Infinity;
    /** Changes with each answer. */
    this.version = 0;
  }

  /** Add an answer; `countedFrom` is since when all lines are counted with it. */
  add({ step_seconds: seconds, values, steps }, countedFrom) {
    this.#stepMs = seconds * 1_000;
    this.countedFrom = countedFrom;
    this.version += 1;
    const levels = values.map(({ value }) => LEVELS.indexOf(value));
    for (const step of steps) {
      const counts = this.#steps.get(step.at) ?? new Array(LEVELS.length).fill(0);
      this.#steps.set(step.at, counts);
      step.values.forEach((count, index) => levels[index] >= 0 && (counts[levels[index]] += count));
    }
  }

  /** The bars from one time to another, of the hub's width once it has answered. */
  bars([from, to], histogram) {
    const width = this.#stepMs ?? widthFor(from, to);
    const first = Math.floor(from / width) * width;
    const number = Math.floor(to / width) - Math.floor(from / width) + 1;
    const heldOf = histogram.countsIn(first, width, number);
    const bars = heldOf.map((held, index) => {
      const at = first + index * width;
      const known = this.#steps.get(at);
      const counts = held.map((count, level) => Math.max(count, known?.[level] ?? 0));
      return { at, counts, held, total: sum(counts) };
    });
    return { from: first, width, bars, total: sum(bars.map(({ total }) => total)), most: Math.max(0, ...bars.map(({ total }) => total)) };
  }
}

const sum = (numbers) => numbers.reduce((one, other) => one + other, 0);
