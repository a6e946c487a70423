// What an export takes: which lines, of which time, with which columns. Pure.
//
//     spanOf({since: "yesterday 17:30", until: ""}, {now, zone})     {since: ms, until: null, fault: null}
//     spanOf({since: "soon", until: ""}, {now, zone})                {…, fault: {name: "since", message: "“soon” is not a valid time. …"}}
//     columnsToOffer(["user"], facets.fields())                      {chosen: ["time", …, "user"], others: ["status", …]}
//     exportText({scope: "log", format: "csv", …})                   "lines that match level>=error, from 16:50:18, from svc.alpha, about 180 lines, …"

import { formatClock, formatDay } from "../format/format-time.js";
import { parseMoment } from "../format/parse-time.js";
import { t } from "../i18n/translate.js";
import { COLUMNS } from "./export-file.js";

const MAX_OTHERS = 12;
const MAX_NAMES = 3;
const LONGEST_FILTER = 120;

/** The scopes that are read out of the log: with the filter, and without it. */
export const LOG_SCOPES = ["log", "logAll"];

/** A span of time as it was typed; an empty text is no bound. The first thing that is wrong with it is its `fault`. */
export function spanOf(typed, { now = Date.now(), zone = "local" } = {}) {
  const span = { since: null, until: null, fault: null };
  for (const name of ["since", "until"]) {
    const text = typed[name].trim();
    span[name] = text === "" ? null : parseMoment(text, { now, zone });
    if (text !== "" && span[name] === null) return { ...span, fault: { name, message: t("export.badTime", { time: text }) } };
  }
  if (span.since !== null && span.until !== null && span.since >= span.until) return { ...span, fault: { name: "until", message: t("export.backwards") } };
  return span;
}

/** The columns that are chosen at first, those of the page among them, and the most frequent fields beside them. */
export function columnsToOffer(shown, fields) {
  const chosen = [...COLUMNS, ...shown.filter((name) => !COLUMNS.includes(name))];
  const others = fields.map(({ name }) => name).filter((name) => !chosen.includes(name));
  return { chosen, others: others.slice(0, MAX_OTHERS) };
}

/**
 * What will be in the file, in words. `filter` and `range` are texts, or empty; `count` is {n, atLeast}, or null while it is not known;
 * `columns` is null for a format that has none.
 */
export function exportText({ scope, filter, range = "", span = { since: null, until: null }, zone, channels, format, columns, count }) {
  const filtered = scope === "shown" || scope === "log";
  const moment = (ms) => `${formatDay(ms, zone)} ${formatClock(ms, zone).slice(0, 8)}`;
  const ofLog = LOG_SCOPES.includes(scope);
  const names = channels.length > MAX_NAMES ? t("bar.channels", { n: channels.length }) : channels.join(", ");
  const parts = [
    filtered && filter ? t("export.says.match", { filter: filter.slice(0, LONGEST_FILTER) }) : t(`export.says.${scope === "selected" ? "selected" : "all"}`),
    filtered && range,
    ofLog && span.since !== null && t("export.says.since", { time: moment(span.since) }),
    ofLog && span.until !== null && t("export.says.until", { time: moment(span.until) }),
    count === null ? t("export.says.counting") : t(count.atLeast ? "export.says.atLeast" : ofLog ? "export.says.about" : "export.says.lines", { n: count.n }),
    t("export.says.channels", { names }),
    t("export.says.format", { format: format === "txt" ? t("export.says.text") : format.toUpperCase() }),
    columns && t("export.says.columns", { names: columns.join(", ") }),
  ];
  return `${parts.filter(Boolean).join(", ")}.`;
}
