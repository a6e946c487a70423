// Ranges of time, as people read them; how they are typed is in parse-range.js. Both ends of `[from, to]` belong to it. Zones as in zones.js. Pure.
//
//     spanStart("1h", now, zone)                            when the last hour began; also "5m", "15m", "24h", "today"
//     yesterday(now, zone)                                  [from, to]
//     zoomedOut([from, to], now)                            twice as long, round the same middle, no later than now
//     shortRange([from, to], zone, now)                     "17:00–18:00"; of another day "2026-11-29 17:00–18:00"
//     ticksOf([from, to], zone, now)                        ["17:00", "17:30", "18:00"], with the date where it is another

import { clockText, formatDay } from "./format-time.js";
import { parseMoment } from "./parse-time.js";

export const SPANS = ["5m", "15m", "1h", "24h", "today"];
const SPAN_MS = { "5m": 300_000, "15m": 900_000, "1h": 3_600_000, "24h": 86_400_000 };
const LEAST_MS = 1_000;

/** When a span up to now began. */
export function spanStart(span, now, zone) {
  return span === "today" ? parseMoment("today", { now, zone }) : now - SPAN_MS[span];
}

/** All of the day before today. */
export const yesterday = (now, zone) => ["yesterday", "today"].map((day, at) => parseMoment(day, { now, zone }) - at);

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
