// What every line becomes: an empty record, and how a record takes over what was read further inside.

import { NONE } from "./levels.js";

/** A record in which nothing is known of a line yet. */
export const blank = (raw) => ({
  ts: null, tsFrom: "recv", zone: true, offset: null, wall: null, dated: true, lvl: NONE, lvlRaw: null, msg: null, logger: null,
  src: { file: null, line: null, fn: null }, err: null, trace: null, span: null, host: null, pid: null, thread: null,
  fields: Object.create(null), fmt: "plain", event: null, truncatedFrom: null, raw,
});

/** Let a record have a time of `timeOf()`. */
export function takeTime(record, { ms, zone, wall, dated }) {
  record.ts = ms;
  record.tsFrom = "line";
  record.zone = zone;
  record.wall = wall;
  record.dated = dated;
}

/** Let a record have all that `inner` knows, which is more exact. */
export function adopt(record, inner) {
  if (inner.tsFrom === "line") takeTime(record, { ms: inner.ts, zone: inner.zone, wall: inner.wall, dated: inner.dated });
  if (inner.lvlRaw !== null || inner.lvl !== NONE) {
    record.lvl = inner.lvl;
    record.lvlRaw = inner.lvlRaw;
  }
  for (const name of ["msg", "logger", "err", "trace", "span", "host", "pid", "thread", "event", "truncatedFrom", "part"]) {
    if (inner[name] !== null && inner[name] !== undefined) record[name] = inner[name];
  }
  for (const name of ["file", "line", "fn"]) record.src[name] = inner.src[name] ?? record.src[name];
  Object.assign(record.fields, inner.fields);
  record.fmt = inner.fmt;
}
