// Times as ms since the epoch, in all forms of the table. Times before 2000 or after tomorrow are not accepted.
//
//     timeOf("2026-11-21T03:50:18.78+02:00")         {ms, zone: true, wall: null}
//     timeOf("Nov 21 03:50:18")                      {ms, zone: false, wall}   `wall` is what the clock showed, as if it were UTC
//     timeOf(1795233018.78), timeOf("1795233018780000")     by size: s, ms, µs or ns
//     leadingTime("2026-11-21 03:50:18 INFO m")      {time: {ms, zone, wall}, end: 19, name: "iso"}

import { milliseconds, epochToMs } from "../format/parse-time.js";
import { clockAt, momentOf, offsetAt } from "../format/zones.js";
import { TABLE, compile } from "./table.js";

const EARLIEST = Date.UTC(2000, 0, 1);
const DAY_MS = 86_400_000;
const LONGEST = 64;
const MONTHS = new Map(TABLE.months.map((name, index) => [name, index + 1]));
const ZONES = new Map(Object.entries(TABLE.zones));
const SHAPES = TABLE.times.map(({ name, first, pattern }) => ({ name, first, ...compile(pattern), whole: compile(pattern, { whole: true }).pattern }));

/**
 * `{ms, zone, wall, dated}` of a number, a text or an object of seconds and nanoseconds, or null. `zone` is false when the text names
 * none: `ms` is then read as local. `arrivedAt` gives the year, or the date, to a time without one.
 */
export function timeOf(value, arrivedAt = null) {
  if (typeof value === "number") return accepted(ofNumber(value), arrivedAt);
  if (typeof value === "string") return ofText(value.trim(), arrivedAt);
  return value !== null && typeof value === "object" ? ofObject(value, arrivedAt) : null;
}

/** The time that a text begins with, `{time, end, name}`: where it ends, and the name of its form; or null. */
export function leadingTime(text, arrivedAt = null) {
  const first = firstOf(text);
  for (const shape of SHAPES) {
    if (shape.first !== first) continue;
    const match = shape.pattern.exec(text);
    if (match === null) continue;
    const time = accepted(ofMatch(shape.roles, match, arrivedAt), arrivedAt);
    if (time !== null) return { time, end: match[0].length, name: shape.name };
  }
  return null;
}

/** The time whose parts are the groups of a match, by their roles; null if they are no time. */
export const timeOfParts = (roles, match, arrivedAt = null) => accepted(ofMatch(roles, match, arrivedAt), arrivedAt);

/** A time without a date, on the day that puts it nearest to the arrival of its line. */
export const nearestDay = (ms, arrivedAt) => ms - Math.round((ms - arrivedAt) / DAY_MS) * DAY_MS;

const accepted = (found, arrivedAt) =>
  found !== null && found.ms >= EARLIEST && found.ms <= Math.max(arrivedAt ?? 0, Date.now()) + DAY_MS ? found : null;

const ofNumber = (number) => (number > 1e9 ? { ms: epochToMs(number), zone: true, wall: null, dated: true } : null);

function ofObject(value, arrivedAt) {
  for (const [seconds, nanos] of TABLE.json.seconds) {
    if (Object.hasOwn(value, seconds)) return timeOf(Number(value[seconds]) + Number(value[nanos] ?? 0) / 1e9, arrivedAt);
  }
  return null;
}

function firstOf(text) {
  const code = text.charCodeAt(0);
  if (code >= 48 && code <= 57) return "digit";
  return (code >= 65 && code <= 90) || (code >= 97 && code <= 122) ? "letter" : text[0];
}

// Not Date.parse: it reads a date without a zone as local or as UTC, depending on its shape.
function ofText(text, arrivedAt) {
  if (text.length > LONGEST) return null;
  if (/^\d{10,19}(\.\d+)?$/.test(text)) return accepted(ofNumber(Number(text)), arrivedAt);
  const first = firstOf(text);
  for (const { first: begins, whole, roles } of SHAPES) {
    const match = begins === first ? whole.exec(text) : null;
    const time = match && accepted(ofMatch(roles, match, arrivedAt), arrivedAt);
    if (time) return time;
  }
  return null;
}

function ofMatch(roles, match, arrivedAt) {
  const parts = {};
  for (let index = 0; index < roles.length; index += 1) if (match[index + 1] !== undefined) parts[roles[index]] = match[index + 1];
  return parts.epoch === undefined ? ofParts(parts, arrivedAt) : ofNumber(Number(parts.epoch));
}

function ofParts(parts, arrivedAt) {
  const wall = wallOf(parts, arrivedAt ?? Date.now());
  if (wall === null) return null;
  const offset = parts.zone === undefined ? null : offsetOf(parts.zone);
  const dated = parts.day !== undefined || parts.dayOne !== undefined || parts.monthOrDay !== undefined;
  if (offset !== null) return { ms: wall - offset, zone: true, wall: null, dated };
  return { ms: localOf(wall), zone: false, wall, dated };
}

// As momentOf(clock, "local"), but faster.
function localOf(wall) {
  const shown = new Date(wall);
  const [year, month, day] = [shown.getUTCFullYear(), shown.getUTCMonth(), shown.getUTCDate()];
  return new Date(year, month, day, 0, 0, 0, wall % DAY_MS).getTime();
}

function wallOf(parts, arrivedAt) {
  const clock = clockOf(parts);
  if (clock === null) return null;
  const { year, year2, month, monthName, day, dayOne, monthOrDay, dayOrMonth } = parts;
  if (monthOrDay !== undefined) return ofEitherOrder(Number(year), Number(monthOrDay), Number(dayOrMonth ?? month), clock, arrivedAt);
  const at = Number(day ?? dayOne);
  const ofMonth = monthName === undefined ? Number(month) : MONTHS.get(monthName.toLowerCase());
  if (year !== undefined) return wallOn(Number(year), ofMonth, at, clock);
  if (year2 !== undefined) return wallOn(2000 + Number(year2), ofMonth, at, clock);
  if (Number.isNaN(at)) return nearestDay(clock, arrivedAt);
  // A missing year is the current one, or the last one if the time would be after tomorrow.
  const current = new Date(arrivedAt).getUTCFullYear();
  const wall = wallOn(current, ofMonth, at, clock);
  return wall !== null && wall > arrivedAt + DAY_MS ? wallOn(current - 1, ofMonth, at, clock) : wall;
}

function ofEitherOrder(year, one, other, clock, arrivedAt) {
  const monthFirst = wallOn(year, one, other, clock);
  const dayFirst = wallOn(year, other, one, clock);
  if (monthFirst === null || dayFirst === null) return monthFirst ?? dayFirst;
  return Math.abs(dayFirst - arrivedAt) < Math.abs(monthFirst - arrivedAt) ? dayFirst : monthFirst;
}

function wallOn(year, month, day, clock) {
  if (!(month >= 1 && month <= 12 && day >= 1) || (day > 28 && day > new Date(Date.UTC(year, month, 0)).getUTCDate())) return null;
  return Date.UTC(year, month - 1, day) + clock;
}

// Ms since midnight, or null.
function clockOf({ hour, minute, second = "0", fraction, half }) {
  let hours = Number(hour);
  if (half !== undefined) {
    if (hours < 1 || hours > 12) return null;
    hours = (hours % 12) + (half === "p" || half === "P" ? 12 : 0);
  }
  if (hours > 24 || Number(second) > 60) return null;
  return ((hours * 60 + Number(minute)) * 60 + Number(second)) * 1e3 + milliseconds(fraction?.slice(0, 9));
}

// In ms; null for letters that are ambiguous (CST is three different zones).
function offsetOf(zone) {
  const named = ZONES.get(zone.toUpperCase());
  if (named !== undefined) return named === null ? null : named * 60_000;
  const match = /^([+-])(\d\d):?(\d\d)?$/.exec(zone);
  return match && (match[1] === "-" ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3] ?? 0)) * 60_000;
}

/** `{ms, offset}` of a time without a zone, read in a zone. */
export function inZone(wall, zone) {
  const ms = momentOf(clockAt("UTC", wall), zone);
  return { ms, offset: offsetAt(zone, ms) };
}
