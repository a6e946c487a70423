// Numbers with units, as people and loggers write them. Pure.
//
//     parseDuration("1m30.5s")     90500, in ms
//     parseSize("2MB")             2000000, in bytes; 1 KiB is 1024
//     parseQuantity("10ms")        {kind: "duration", value: 10}; kinds: number, duration, size; null for other text
//     formatQuantity("duration", 90500)   "1 min 30 s"
//     formatNamed("took_us", 90_500)      "90.5 ms"; a name without a unit: "90500"
//     unitOfName("took_us")        {kind: "duration", factor: 0.001}; the unit of a bare number of that name, or null

import { formatSpan } from "./format-time.js";

const MS = { ns: 1e-6, us: 1e-3, "µs": 1e-3, "μs": 1e-3, ms: 1, s: 1e3, sec: 1e3, m: 6e4, min: 6e4, h: 3.6e6, d: 8.64e7, w: 6.048e8 };
const BYTES = {
  b: 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12, k: 1e3, m: 1e6, g: 1e9, t: 1e12, kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3, tib: 1024 ** 4,
};
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const DURATION = /^(?:\d+(?:\.\d+)?\s*(?:ns|us|µs|μs|ms|min|sec|s|m|h|d|w)\s*)+$/;
const PART = /(\d+(?:\.\d+)?)\s*([a-zµμ]+)/g;
const SIZE = /^(\d+(?:\.\d+)?)\s*([kKmMgGtT]?i?[bB]|[kKMGT])$/;
const NAMED = /(?:^|[_.-])([a-z]+)$/;
const TIMES = new Set("ns nanos us micros ms millis msec s sec secs seconds min minutes h hours".split(" "));
const SIZES = new Set("b bytes kb mb gb kib mib gib".split(" "));
const LONG = { nanos: "ns", micros: "us", millis: "ms", msec: "ms", secs: "s", seconds: "s", minutes: "min", hours: "h", bytes: "b" };

/** True for the text of a decimal number, in a query or a field. */
export const isNumber = (text) => NUMBER.test(text);

/** A duration in ms, or null. */
export function parseDuration(text) {
  const trimmed = text.trim();
  if (trimmed.length > 64 || !DURATION.test(trimmed)) return null;
  let sum = 0;
  for (const [, number, unit] of trimmed.matchAll(PART)) sum += Number(number) * MS[unit];
  return sum;
}

/** A size in bytes, or null. */
export function parseSize(text) {
  const match = SIZE.exec(text.trim());
  return match && Number(match[1]) * BYTES[match[2].toLowerCase()];
}

/** `{kind, value}` of a number, a duration (ms) or a size (bytes); null for any other text. */
export function parseQuantity(text) {
  const trimmed = text.trim();
  if (isNumber(trimmed)) return { kind: "number", value: Number(trimmed) };
  const duration = parseDuration(trimmed);
  if (duration !== null) return { kind: "duration", value: duration };
  const size = parseSize(trimmed);
  return size === null ? null : { kind: "size", value: size };
}

/** The unit of a bare number under this name: `{kind, factor}` to ms or bytes, or null if the name does not tell. */
export function unitOfName(name) {
  // took_us, took.us, tookUs
  const word = NAMED.exec(name.replace(/([a-z])([A-Z])/g, "$1_$2").toLowerCase())?.[1];
  const unit = LONG[word] ?? word;
  if (TIMES.has(word)) return { kind: "duration", factor: MS[unit] };
  return SIZES.has(word) ? { kind: "size", factor: BYTES[unit] } : null;
}

const SIZE_UNITS = ["B", "kB", "MB", "GB", "TB"];

/** A quantity in three digits, with its unit: "12 ms", "1.5 s", "2.5 GB", "0.000123". */
export function formatQuantity(kind, value) {
  if (kind === "duration") return Math.abs(value) < 1_000 ? `${threeDigits(value)} ms` : formatSpan(value);
  if (kind !== "size") return threeDigits(value);
  const power = Math.min(SIZE_UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.abs(value) || 1) / 3)));
  return `${threeDigits(value / 1_000 ** power)} ${SIZE_UNITS[power]}`;
}

/** A number under this name, with its unit if the name tells one. */
export function formatNamed(name, number) {
  const unit = unitOfName(name);
  if (unit) return formatQuantity(unit.kind, number * unit.factor);
  return Number.isInteger(number) ? String(number) : threeDigits(number);
}

const threeDigits = (number) => String(Number(number.toPrecision(3)));
