// Times and spans as text that is the same in every language; zones as in zones.js. Pure.
//
//     formatClock(ms, "UTC")               "03:50:18.780"
//     clockText(ms, "UTC", true)           "03:50:18", without seconds "03:50"
//     formatDay(ms, "UTC")                 "2026-11-21"
//     formatIso(ms, "Asia/Kolkata")        "2026-11-21T09:20:18.780+05:30"; "…Z" for UTC
//     formatEpoch(ms)                      "1795233018.780"
//     formatSpan(252_000)                "4 min 12 s"
//     formatDelta(12)                      "+12 ms", the time since the line before

import { clockAt, offsetAt, offsetText } from "./zones.js";

const pad = (number, digits = 2) => String(number).padStart(digits, "0");

/** Time of day with milliseconds. */
export function formatClock(ms, zone) {
  const clock = clockAt(zone, ms);
  return `${pad(clock.hour)}:${pad(clock.minute)}:${pad(clock.second)}.${pad(clock.ms, 3)}`;
}

/** Time of day without milliseconds, and without seconds if those are not wanted. */
export const clockText = (ms, zone, seconds) => formatClock(ms, zone).slice(0, seconds ? 8 : 5);

/** The date. */
export function formatDay(ms, zone) {
  const { year, month, day } = clockAt(zone, ms);
  return `${pad(year, 4)}-${pad(month)}-${pad(day)}`;
}

/** ISO 8601 with milliseconds and the offset. */
export const formatIso = (ms, zone) => `${formatDay(ms, zone)}T${formatClock(ms, zone)}${zone === "UTC" ? "Z" : offsetText(offsetAt(zone, ms))}`;

/** Seconds since the epoch. */
export const formatEpoch = (ms) => (Math.floor(ms) / 1_000).toFixed(3);

/** The time between two lines, with its sign. */
export const formatDelta = (ms) => `${ms < 0 ? "−" : "+"}${formatSpan(Math.abs(ms))}`;

/** A span in at most two units: "12 ms", "1.3 s", "4 min 12 s", "3 h 5 min", "2 d 1 h". */
export function formatSpan(ms) {
  if (ms < 1_000) return `${Math.floor(ms)} ms`;
  if (ms < 60_000) return `${(Math.floor(ms / 100) / 10).toFixed(1).replace(/\.0$/, "")} s`;
  const seconds = Math.floor(ms / 1_000);
  const [whole, rest, names] =
    seconds < 3_600 ? [60, 1, ["min", "s"]] : seconds < 86_400 ? [3_600, 60, ["h", "min"]] : [86_400, 3_600, ["d", "h"]];
  const more = Math.floor((seconds % whole) / rest);
  return `${Math.floor(seconds / whole)} ${names[0]}${more > 0 ? ` ${more} ${names[1]}` : ""}`;
}
