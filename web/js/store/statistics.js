// The counts of `GET /stats`, added up while the hub goes back in time, answer by answer. Pure.
//
//     const counts = new Statistics();
//     counts.add(answer); counts.add(theNext)      both of the same question and step
//     counts.top(7)                                [{value, count}, …], the most frequent first; levels: the worst first
//     counts.bars(["error", "warn"])               [{at, count, parts: [2, 5], others, without}, …], a bar for each step of the range
//     counts.points()                              [{at, numbers, min, max, p50, p90, p99}, …], for the steps that have numbers
//
// Each answer lists its most frequent values only: a value that is missing in one of them may have more lines than `top` says, so the
// counts are `partial` then.

import { LEVELS } from "../normalise/levels.js";

export const PERCENTILES = ["p50", "p90", "p99"];
const MAX_BARS = 1_000;

export class Statistics {
  #steps = new Map();
  #totals = new Map();
  #listed = 0;
  #whole = null;

  constructor() {
    this.count = 0;
    this.lookedAt = 0;
    this.others = 0;
    this.without = 0;
    /** True where values may have more lines than `top` says. */
    this.partial = false;
    this.gaps = [];
    /** The latest answer; null before the first. */
    this.last = null;
    /** Changes with each answer. */
    this.version = 0;
    this.until = 0;
  }

  /** Add an answer. The first one is the newest. */
  add(answer) {
    this.until ||= Date.parse(answer.until);
    this.last = answer;
    this.version += 1;
    this.count += answer.count;
    this.lookedAt += answer.looked_at;
    this.without += answer.without ?? 0;
    if (answer.values) this.#addValues(answer);
    if (answer.field !== null) this.#whole = addNumbers(this.#whole, answer);
    for (const step of answer.steps) this.#addStep(step, answer);
    this.#addGaps(answer.gaps);
  }

  /** The length of a step and the times between which lines are counted in the end, in ms. */
  get stepMs() {
    return this.last.step_seconds * 1_000;
  }

  get since() {
    return Date.parse(this.last.since);
  }

  /** All numbers together: `{numbers, min, max, p50, p90, p99, rounded}`; null if there is none. `kind` is that of the latest answer. */
  get whole() {
    return this.#whole?.numbers ? this.#whole : null;
  }

  /** How many different values were listed. */
  get distinct() {
    return Math.max(this.#totals.size, this.last?.distinct ?? 0);
  }

  top(limit) {
    const rank = this.last?.by === "level" ? ({ value }) => -LEVELS.indexOf(value) : ({ count }) => -count;
    const all = [...this.#totals].map(([value, count]) => ({ value, count }));
    return all.sort((one, other) => rank(one) - rank(other) || (one.value < other.value ? -1 : 1)).slice(0, limit);
  }

  /** A bar for each step of the range, with a part for each of `values`; `others` is the rest of those that have a value. */
  bars(values) {
    if (!this.last) return [];
    const { stepMs } = this;
    const times = [...this.#steps.keys()];
    const end = Math.max(this.until - 1, ...times);
    const first = Math.max(floorTo(Math.min(this.since, ...times), stepMs), floorTo(end, stepMs) - (MAX_BARS - 1) * stepMs);
    const bars = [];
    for (let at = first; at <= end; at += stepMs) {
      const step = this.#steps.get(at);
      const parts = values.map((value) => step?.values.get(value) ?? 0);
      const known = parts.reduce((sum, part) => sum + part, 0);
      bars.push({ at, count: step?.count ?? 0, parts, others: (step?.valued ?? 0) - known, without: step?.without ?? 0 });
    }
    return bars;
  }

  points() {
    const found = [...this.#steps].filter(([, { numbers }]) => numbers?.numbers);
    return found.map(([at, { numbers }]) => ({ at, ...numbers })).sort((one, other) => one.at - other.at);
  }

  #addValues({ values, others, distinct }) {
    for (const { value, count } of values) this.#totals.set(value, (this.#totals.get(value) ?? 0) + count);
    this.others += others;
    this.#listed += 1;
    // Where nothing is beyond the list, each value is complete.
    this.partial ||= others > 0 && (this.#listed > 1 || distinct > values.length);
  }

  #addStep({ at, count, values, others = 0, without = 0, ...numbers }, answer) {
    const step = this.#steps.get(at) ?? { count: 0, values: new Map(), valued: 0, without: 0, numbers: null };
    this.#steps.set(at, step);
    step.count += count;
    step.without += without;
    step.valued += others;
    values?.forEach((times, index) => {
      if (times === 0) return;
      const { value } = answer.values[index];
      step.values.set(value, (step.values.get(value) ?? 0) + times);
      step.valued += times;
    });
    if (answer.field !== null) step.numbers = addNumbers(step.numbers, numbers);
  }

  // A gap across the place where an answer ended is told by both.
  #addGaps(gaps) {
    for (const gap of gaps) {
      const known = this.gaps.find(({ channel, reason, after }) => channel === gap.channel && reason === gap.reason && after === gap.after);
      if (!known) this.gaps.unshift(gap);
    }
  }
}

const floorTo = (time, step) => Math.floor(time / step) * step;

/** Two summaries of numbers as one; either may be null. Both must have their `rounded` numbers if both have any. */
function addNumbers(one, other) {
  if (!one?.numbers) return other;
  if (!other?.numbers) return one;
  const counts = new Map(one.rounded);
  for (const [number, times] of other.rounded) counts.set(number, (counts.get(number) ?? 0) + times);
  const rounded = [...counts].sort(([first], [second]) => first - second);
  const [numbers, min, max] = [one.numbers + other.numbers, Math.min(one.min, other.min), Math.max(one.max, other.max)];
  const found = PERCENTILES.map((name) => [name, Math.min(Math.max(percentileOf(rounded, numbers, Number(name.slice(1))), min), max)]);
  return { numbers, min, max, rounded, ...Object.fromEntries(found) };
}

/** The least number that `percent` of all are not above. `rounded` has sorted pairs of a number and how often it occurs. */
export function percentileOf(rounded, count, percent) {
  let passed = 0;
  for (const [number, times] of rounded) {
    passed += times;
    if (100 * passed >= percent * count) return number;
  }
  return null;
}
