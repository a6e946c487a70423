// Ranges of time, as people type and read them; both ends of `[from, to]` belong to it. Zones as in zones.js. Pure.
//
//     parseRange("yesterday 17:00–18:00", {now, zone})      {range: [from, to]}; also "17:00 - 18:00", "-2h to -1h", "yesterday", "-15m"
//     parseRange("tea time", {now, zone})                   {fault: "range.unreadable"}, a key of the language files
//     spanStart("1h", now, zone)                            when the last hour began; also "5m", "15m", "24h", "today"
//     zoomedOut([from, to], now)                            twice as long, round the same middle, no later than now
//     shortRange([from, to], zone, now)                     "17:00–18:00"; of another day "2026-11-29 17:00–18:00"
//     ticksOf([from, to], zone, now)                        ["17:00", "17:30", "18:00"], with the date where it is another

import { clockText, formatDay } from "./format-time.js";
import { parseMoment } from "./parse-time.js";

export const SPANS = ["5m", "15m", "1h", "24h", "today"];
const SPAN_MS = { "5m": 300_000, "15m": 900_000, "1h": 3_600_000, "24h": 86_400_000 };
const DAY_MS = 86_400_000;
const BETWEEN = /\s*(?:–|—|…|\.{2,3}|\/|\bto\b|\buntil\b)\s*|\s+-\s+|(?<=:\d\d)-(?=\d)/giu;
const CLOCK = /^\d{1,2}:\d\d/;
const WHOLE_DAY = /^(?:today|yesterday|\d{4}-\d\d?-\d\d?)$/i;
const LEAST_MS = 1_000;

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

/** When a span up to now began. */
export function spanStart(span, now, zone) {
  return span === "today" ? parseMoment("today", { now, zone }) : now - SPAN_MS[span];
}

export function zoomedOut([from, to], now) {
  const half = Math.max(LEAST_MS, to - from) / 2;
  const end = Math.min(now, to + half);
  return [Math.floor(end - 4 * half), Math.ceil(end)];
}

export function shortRange([from, to], zone, now) {
  // The last ms of a minute is the end of that minute.
  const end = to % 1_000 === 999 ? to + 1 : to;
  const seconds = from % 60_000 !== 0 || end % 60_000 !== 0;
  const [first, last] = [formatDay(from, zone), formatDay(to, zone)];
  const [one, other] = [clockText(from, zone, seconds), clockText(end, zone, seconds)];
  if (first !== last) return one === "00:00" && other === "00:00" ? `${first}–${last}` : `${first} ${one}–${last} ${other}`;
  if (one === "00:00" && other === "00:00") return first;
  return `${first === formatDay(now, zone) ? "" : `${first} `}${one}–${other}`;
}

export function ticksOf([from, to], zone, now) {
  const times = [from, (from + to) / 2, to];
  const seconds = to - from < 20 * 60_000;
  let day = formatDay(now, zone);
  return times.map((time) => {
    const before = day;
    day = formatDay(time, zone);
    return `${day === before ? "" : `${day} `}${clockText(time, zone, seconds)}`;
  });
}
