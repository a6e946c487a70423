// Moments and spans as text that is the same in every language; zones as in zones.js. Pure.
//
//     clockOf(ms, "UTC")               "03:50:18.780"
//     dayOf(ms, "UTC")                 "2026-11-21"
//     isoOf(ms, "Asia/Kolkata")        "2026-11-21T09:20:18.780+05:30"; "…Z" for UTC
//     epochOf(ms)                      "1795233018.780"
//     spanText(252_000)                "4 min 12 s"
//     gapText(12)                      "+12 ms", for the gap to the line before

import { clockAt, offsetAt, offsetWords } from "./zones.js";

const pad = (number, digits = 2) => String(number).padStart(digits, "0");

/** Time of day with milliseconds. */
export function clockOf(ms, zone) {
  const clock = clockAt(zone, ms);
  return `${pad(clock.hour)}:${pad(clock.minute)}:${pad(clock.second)}.${pad(clock.ms, 3)}`;
}

/** The date. */
export function dayOf(ms, zone) {
  const { year, month, day } = clockAt(zone, ms);
  return `${pad(year, 4)}-${pad(month)}-${pad(day)}`;
}

/** ISO 8601 with milliseconds and the offset. */
export const isoOf = (ms, zone) => `${dayOf(ms, zone)}T${clockOf(ms, zone)}${zone === "UTC" ? "Z" : offsetWords(offsetAt(zone, ms))}`;

/** Seconds since the epoch. */
export const epochOf = (ms) => (Math.floor(ms) / 1_000).toFixed(3);

/** The gap between two lines, signed. */
export const gapText = (ms) => `${ms < 0 ? "−" : "+"}${spanText(Math.abs(ms))}`;

/** A span in at most two units: "12 ms", "1.3 s", "4 min 12 s", "3 h 5 min", "2 d 1 h". */
export function spanText(ms) {
  if (ms < 1_000) return `${Math.floor(ms)} ms`;
  if (ms < 60_000) return `${(Math.floor(ms / 100) / 10).toFixed(1).replace(/\.0$/, "")} s`;
  const seconds = Math.floor(ms / 1_000);
  const [whole, rest, names] =
    seconds < 3_600 ? [60, 1, ["min", "s"]] : seconds < 86_400 ? [3_600, 60, ["h", "min"]] : [86_400, 3_600, ["d", "h"]];
  const more = Math.floor((seconds % whole) / rest);
  return `${Math.floor(seconds / whole)} ${names[0]}${more > 0 ? ` ${more} ${names[1]}` : ""}`;
}
