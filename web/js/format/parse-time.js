// Parses a time as a person types it, for "go to a time" and for after= and before= in a query. Pure.
//
//     parseMoment("03:50", {now, zone})             the most recent 03:50 in that zone
//     parseMoment("-15m", {now, zone})              15 minutes before now; also -1h30m, -90s, -2d
//     parseMoment("yesterday 17:30", {now, zone})   also today, today 9:00, now
//     parseMoment("2026-11-21T03:50:18.78Z")        ISO 8601, with T or a space, with or without zone, or only the date
//     parseMoment("1795233018")                     epoch in s, ms, µs or ns, by its size
//     parseMoment("soon")                           null

import { parseDuration } from "./units.js";
import { clockAt, momentOf } from "./zones.js";

const CLOCK = /^(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?$/;
const DAY = /^(today|yesterday)(?:\s+(\S+))?$/i;
const ISO = /^(\d{4})-(\d\d?)-(\d\d?)(?:[T ]+(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?\s*(Z|UTC|[+-]\d\d(?::?\d\d)?)?$/i;
const EPOCH = /^\d{9,19}(?:\.\d+)?$/;

/** The time (ms) that a text means, or null. `now` is in ms; `zone` as in zones.js. */
export function parseMoment(typed, { now = Date.now(), zone = "local" } = {}) {
  const text = typed.trim();
  if (text.toLowerCase() === "now") return now;
  if (EPOCH.test(text)) return epochToMs(Number(text));
  if (/^-\s*\d/.test(text)) {
    const back = parseDuration(text.slice(1).trim());
    return back === null ? null : now - back;
  }
  const today = clockAt(zone, now);
  const day = DAY.exec(text);
  if (day) {
    const clock = readClock(day[2] ?? "00:00");
    const shift = day[1].toLowerCase() === "yesterday" ? 1 : 0;
    return clock && momentOf({ year: today.year, month: today.month, day: today.day - shift, ...clock }, zone);
  }
  const clock = readClock(text);
  if (clock) {
    const { year, month, day: date } = today;
    const moment = momentOf({ year, month, day: date, ...clock }, zone);
    return moment <= now ? moment : momentOf({ year, month, day: date - 1, ...clock }, zone);
  }
  return ofIso(text, zone);
}

/** An epoch in s, ms, µs or ns, recognised by its size, as ms. */
export function epochToMs(number) {
  if (number > 1e18) return number / 1e6;
  if (number > 1e15) return number / 1e3;
  return number > 1e11 ? number : number * 1e3;
}

function readClock(text) {
  const match = CLOCK.exec(text);
  if (!match) return null;
  const [hour, minute, second] = match.slice(1, 4).map((part) => Number(part ?? 0));
  return hour < 24 && minute < 60 && second < 61 ? { hour, minute, second, ms: milliseconds(match[4]) } : null;
}

function ofIso(text, zone) {
  const match = ISO.exec(text);
  if (!match) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0));
  const last = new Date(Date.UTC(year, month, 0)).getUTCDate();
  if (year < 1970 || month < 1 || month > 12 || day < 1 || day > last || hour > 24 || minute > 59 || second > 60) return null;
  return momentOf({ year, month, day, hour, minute, second, ms: milliseconds(match[7]) }, match[8] ? offsetOf(match[8]) : zone);
}

/** The ms of a fraction of a second, from its digits. */
export const milliseconds = (digits) => (digits ? Math.trunc(Number(`0.${digits}`) * 1e3 + 1e-6) : 0);

function offsetOf(zone) {
  const match = /^([+-])(\d\d):?(\d\d)?$/.exec(zone);
  return match ? (match[1] === "-" ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3] ?? 0)) : 0;
}
