// Parses a range of time as a person types it; both ends of `[from, to]` belong to it. Zones as in zones.js. Pure.
//
//     parseRange("yesterday 17:00–18:00", {now, zone})      {range: [from, to]}; also "17:00 - 18:00", "-2h to -1h", "yesterday", "-15m"
//     parseRange("tea time", {now, zone})                   {fault: "range.unreadable"}, a key of the language files

import { formatDay } from "./format-time.js";
import { parseMoment } from "./parse-time.js";

const DAY_MS = 86_400_000;
const BETWEEN = /\s*(?:–|—|…|\.{2,3}|\/|\bto\b|\buntil\b)\s*|\s+-\s+|(?<=:\d\d)-(?=\d)/giu;
const CLOCK = /^\d{1,2}:\d\d/;
const WHOLE_DAY = /^(?:today|yesterday|\d{4}-\d\d?-\d\d?)$/i;

/** The range that a text means, or the key of what is wrong with it. */
export function parseRange(typed, { now = Date.now(), zone = "local" } = {}) {
  const text = typed.trim();
  const single = wholeRange(text, now, zone);
  if (single) return checked(single, now);
  for (const match of text.matchAll(BETWEEN)) {
    const range = rangeBetween(text.slice(0, match.index), text.slice(match.index + match[0].length), now, zone);
    if (range) return checked(range, now);
  }
  return { fault: "range.unreadable" };
}

// A day, or from a time until now.
function wholeRange(text, now, zone) {
  const from = parseMoment(text, { now, zone });
  if (from === null) return null;
  return WHOLE_DAY.test(text) ? [from, Math.min(now, dayAfter(from, zone) - 1)] : [from, now];
}

function rangeBetween(first, last, now, zone) {
  const from = parseMoment(first, { now, zone });
  if (from === null) return null;
  if (!CLOCK.test(last.trim())) {
    const to = parseMoment(last, { now, zone });
    return to === null ? null : [from, WHOLE_DAY.test(last.trim()) ? dayAfter(to, zone) - 1 : to];
  }
  // "22:00–02:00" ends on the next day.
  const to = parseMoment(`${formatDay(from, zone)} ${last.trim()}`, { now, zone });
  if (to === null) return null;
  return [from, to > from ? to : parseMoment(`${formatDay(dayAfter(from, zone), zone)} ${last.trim()}`, { now, zone })];
}

// A day may have 23 or 25 hours.
const dayAfter = (time, zone) => parseMoment(formatDay(parseMoment(formatDay(time, zone), { zone }) + 1.5 * DAY_MS, zone), { zone });

function checked([from, to], now) {
  if (from >= now) return { fault: "range.future" };
  return from < to ? { range: [from, Math.min(to, now)] } : { fault: "range.reversed" };
}
