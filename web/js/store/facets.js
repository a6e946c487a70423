// The fields of the lines held, and how often each value occurs. What was counted for a line is kept with its seq, so that removing the
// line subtracts exactly that, whatever the limits did in between.
//
//     facets.add(seq, normalise(text, time)); facets.remove(seq)        ring.onDrop = (seq) => facets.remove(seq)
//     facets.move(oldSeq, newSeq)                                        ring.onMove = (from, to) => facets.move(from, to)
//     facets.fields({top: 5})    [{name, count, many, partial, numeric, values: [{value, count}, …]}, …], by count, then name
//     facets.show(seq, 1)        the line passes the filter; -1: it no longer does
//     facets.summaries({top: 5})     as fields(), and of each field how many lines pass (`shown`), of each value too, `distinct` values,
//                                    and of numbers {least, middle, most}; values that pass come first
//
// A field with more than 1,000 different values is `many`: its lines are counted without values until no line has it. Fields beyond the
// first 200 are not counted; a field that finds room later is `partial`: some of its lines may not be counted.

import { textOf } from "../format/text.js";

const MAX_FIELDS = 200;
const MAX_VALUES = 1_000;
const MAX_IN_LINE = 64;
const LONGEST_VALUE = 200;
const DEEPEST = 4;
// Of a number with many values, the newest ones stand for all.
const RECENT_NUMBERS = 512;

export class Facets {
  #fields = new Map();
  #lines = new Map();
  #overflowed = false;

  /** How many lines are counted. */
  get lines() {
    return this.#lines.size;
  }

  /** Count a line's fields and its logger. */
  add(seq, record) {
    const counted = [];
    if (record.logger !== null) this.#count("logger", record.logger, counted);
    for (const [name, value] of leavesOf(record.fields)) this.#count(name, value, counted);
    this.#lines.set(seq, counted);
  }

  /** Subtract the counts of a line; a line that was never added changes nothing. */
  remove(seq) {
    const counted = this.#lines.get(seq);
    if (counted === undefined) return;
    this.#lines.delete(seq);
    for (let at = 0; at < counted.length; at += 2) this.#uncount(counted[at], counted[at + 1]);
  }

  /** Give a line another seq. */
  move(from, to) {
    const counted = this.#lines.get(from);
    if (counted === undefined) return;
    this.#lines.delete(from);
    this.#lines.set(to, counted);
  }

  /** Lines have changed places, see Ring.reorder(). */
  reorder({ from, seqs }) {
    const lines = seqs.map((seq) => this.#lines.get(seq));
    lines.forEach((counted, index) => (counted ? this.#lines.set(from + index, counted) : this.#lines.delete(from + index)));
  }

  /** All fields, the most frequent first, each with its `top` values. */
  fields({ top = 5 } = {}) {
    const found = [...this.#fields.values()].map((field) => ({
      name: field.name, count: field.count, many: field.values === null, partial: field.partial, numeric: field.numeric,
      values: topOf(field, top),
    }));
    return found.sort((one, other) => other.count - one.count || (one.name < other.name ? -1 : 1));
  }

  /** Count a line among those that pass, 1, or no longer, -1. */
  show(seq, change) {
    const counted = this.#lines.get(seq) ?? [];
    for (let at = 0; at < counted.length; at += 2) {
      counted[at].shown += change;
      if (counted[at + 1] !== null) counted[at + 1].shown += change;
    }
  }

  /** No line passes. */
  resetShown() {
    for (const field of this.#fields.values()) {
      field.shown = 0;
      for (const entry of field.values?.values() ?? []) entry.shown = 0;
    }
  }

  /** All fields, in no order, with what there is to say of each. `filtered`: only what passes counts. */
  summaries({ top = 5, filtered = false } = {}) {
    return [...this.#fields.values()].map((field) => {
      const entries = [...(field.values?.values() ?? [])];
      const values = entries.sort((one, other) => other.shown - one.shown || other.count - one.count || (one.value < other.value ? -1 : 1));
      return {
        name: field.name, count: field.count, shown: field.shown, many: field.values === null, numeric: field.numeric, distinct: values.length,
        numbers: field.numeric ? rangeOfNumbers(field, filtered) : null,
        values: values.slice(0, top).map(({ value, count, shown }) => ({ value, count, shown })),
      };
    });
  }

  #count(name, value, counted) {
    let field = this.#fields.get(name);
    if (field === undefined) {
      if (this.#fields.size >= MAX_FIELDS) {
        this.#overflowed = true;
        return;
      }
      this.#fields.set(name, (field = { name, count: 0, shown: 0, numeric: true, recent: [], values: new Map(), partial: this.#overflowed }));
    }
    field.count += 1;
    if (typeof value !== "number") field.numeric = false;
    else if (field.numeric) field.recent[field.recent.length < RECENT_NUMBERS ? field.recent.length : field.count % RECENT_NUMBERS] = value;
    counted.push(field, field.values === null ? null : this.#countValue(field, textOf(value)));
  }

  #countValue(field, text) {
    let entry = field.values.get(text);
    if (entry === undefined) {
      if (field.values.size >= MAX_VALUES) {
        field.values = null;
        return null;
      }
      field.values.set(text, (entry = { value: text, count: 0, shown: 0 }));
    }
    entry.count += 1;
    return entry;
  }

  #uncount(field, entry) {
    field.count -= 1;
    if (field.count === 0) this.#fields.delete(field.name);
    if (entry === null) return;
    entry.count -= 1;
    if (entry.count === 0) field.values?.delete(entry.value);
  }
}

/** `[[name, value], …]` of the short scalars in an object, names joined by dots. */
export function leavesOf(object, found = [], prefix = "", depth = 0) {
  for (const name of Object.keys(object)) {
    if (found.length >= MAX_IN_LINE) return found;
    if (prefix.length + name.length > LONGEST_VALUE) continue;
    const value = object[name];
    const type = typeof value;
    if (type === "string" ? value.length <= LONGEST_VALUE : type === "number" || type === "boolean") found.push([prefix + name, value]);
    else if (value !== null && type === "object" && !Array.isArray(value) && depth < DEEPEST) leavesOf(value, found, `${prefix}${name}.`, depth + 1);
  }
  return found;
}

// The least number, the one in the middle, and the greatest.
function rangeOfNumbers({ values, recent }, filtered) {
  const known = values === null ? recent.map((number) => [number, 1]) : [...values.values()].map(({ value, count, shown }) => [Number(value), filtered ? shown : count]);
  const found = known.filter(([number, count]) => count > 0 && Number.isFinite(number)).sort(([one], [other]) => one - other);
  if (found.length === 0) return null;
  let half = found.reduce((sum, [, count]) => sum + count, 0) / 2;
  const [middle] = found.find(([, count]) => (half -= count) <= 0);
  return { least: found[0][0], middle, most: found.at(-1)[0] };
}

function topOf({ values }, most) {
  if (values === null) return [];
  return [...values.values()]
    .sort((one, other) => other.count - one.count || (one.value < other.value ? -1 : 1))
    .slice(0, most)
    .map(({ value, count }) => ({ value, count }));
}
