// The state of the page in the query of its address: channels, filter, levels, time range, span of the bars, columns, wrap, time form,
// zone, selected line, context, statistics, pinned filter. Pure. Invalid parts of an address are ignored.

import { SPANS } from "../format/time-range.js";
import { LEVELS } from "../normalise/levels.js";

const MAX_TAIL = 10_000;
/** How far statistics may go back, and which lines they may count: all, or those of a level and above. */
export const STATS_RANGES = ["15m", "1h", "6h", "24h"];
export const LEAST_LEVELS = [null, "warn", "error"];
const USUAL_RANGE = "6h";

/**
 * `{channels, tail, text, hidden, range, span, columns, wrap, time, zone, at, context, statistics, pin}` from the query of an address; null or empty for
 * missing parts. `at` is `{channel, id}` of a line, and `statistics` `{range, least, by, field}`.
 */
export function readUrlState(search) {
  const query = new URLSearchParams(search);
  const [from, to] = [query.get("from"), query.get("to")].map((time) => (time === null ? NaN : Date.parse(time)));
  const tail = Number(query.get("tail") ?? NaN);
  const at = /^([^\s]+)@(\d{1,16}-\d{1,15})$/.exec(query.get("at") ?? "");
  return {
    channels: query.getAll("channel"),
    tail: Number.isInteger(tail) && tail >= 0 && tail <= MAX_TAIL ? tail : null,
    text: query.get("q") ?? "",
    hidden: new Set((query.get("hide") ?? "").split(",").map((name) => LEVELS.indexOf(name)).filter((level) => level >= 0)),
    range: from <= to ? [from, to] : null,
    span: SPANS.includes(query.get("last")) ? query.get("last") : null,
    columns: query.getAll("column"),
    wrap: query.has("wrap") ? query.get("wrap") === "1" : null,
    time: query.get("time"),
    zone: query.get("zone"),
    at: at && { channel: at[1], id: at[2] },
    context: query.get("context") === "1",
    statistics: query.has("stats") ? readStatistics(query) : null,
    pin: query.get("pin")?.trim() || null,
  };
}

function readStatistics(query) {
  const stats = query.get("stats");
  const span = stats.split("/").map((time) => Date.parse(time));
  const range = span.length === 2 && span[0] <= span[1] ? span : STATS_RANGES.includes(stats) ? stats : USUAL_RANGE;
  const least = LEAST_LEVELS.includes(query.get("least")) ? query.get("least") : null;
  const [by, field] = [query.get("by") || null, query.get("of") || null];
  return { range, least, by: by ?? (field ? null : "level"), field: by ? null : field };
}

/** The query for a state, with its "?"; it contains only what differs from the default. */
export function writeUrlState({ channels, tail = null, text = "", hidden = new Set(), range = null, span = null, columns = [], wrap = null, time = null, zone = null, at = null, context = false, statistics = null, pin = null }) {
  const query = new URLSearchParams(channels.map((channel) => ["channel", channel]));
  if (tail !== null) query.set("tail", String(tail));
  if (text) query.set("q", text);
  if (hidden.size > 0) query.set("hide", [...hidden].sort((one, other) => one - other).map((level) => LEVELS[level]).join(","));
  if (range) {
    query.set("from", new Date(range[0]).toISOString());
    query.set("to", new Date(range[1]).toISOString());
  }
  if (span) query.set("last", span);
  for (const column of columns) query.append("column", column);
  if (wrap) query.set("wrap", "1");
  if (time) query.set("time", time);
  if (zone) query.set("zone", zone);
  if (at) query.set("at", `${at.channel}@${at.id}`);
  if (context) query.set("context", "1");
  if (statistics) writeStatistics(query, statistics);
  if (pin) query.set("pin", pin);
  return `?${query}`;
}

function writeStatistics(query, { range, least, by, field }) {
  query.set("stats", Array.isArray(range) ? range.map((time) => new Date(time).toISOString()).join("/") : range);
  if (least) query.set("least", least);
  if (by) query.set("by", by);
  if (field) query.set("of", field);
}
