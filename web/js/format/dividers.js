// The dividers between two rows, made by their times: a silence, a change of day. Pure.
//
//     dividersBetween(previousMs, ms, "UTC")
//     → [{kind: "silence", from: previousMs, to: ms, span: "4 min 12 s"}, {kind: "day", date: "2026-11-21", weekday: 6}]

import { formatDay, formatSpan } from "./format-time.js";
import { clockAt } from "./zones.js";

const SILENCE_MS = 60_000;

/** The dividers above a line, by its time and the time of the line above (ms; null for the first line). `weekday` is 0 for Sunday. */
export function dividersBetween(previous, ms, zone = "local") {
  if (previous === null) return [];
  const found = [];
  if (ms - previous > SILENCE_MS) found.push({ kind: "silence", from: previous, to: ms, span: formatSpan(ms - previous) });
  const date = formatDay(ms, zone);
  if (date !== formatDay(previous, zone)) found.push({ kind: "day", date, weekday: clockAt(zone, ms).weekday });
  return found;
}
