// What the bar above the list, and an empty list, say of the older lines, and what they offer. Pure.
//
//     olderBar({search, history, complete, filtered, channels, held, shown, oldest, zone})     {state, text, action}
//
// With a filter, the bar says how far the log is searched: the lines that are held are not all there are. `action` is "load", "search",
// "stop", "goOn", "retry", or null; `complete`: the hub has no lines but those held.

import { historyText } from "./messages.js";
import { formatClock, formatDay } from "./format-time.js";
import { t } from "../i18n/translate.js";

export function olderBar({ search, history, complete, filtered, channels, held, shown, oldest = null, zone, now = Date.now() }) {
  const back = search.back === null ? "" : momentText(search.back, zone, now);
  switch (search.name) {
    case "searching":
      return { state: "searching", text: t(back ? "search.searching.back" : "search.searching", { n: shown, time: back }), action: "stop" };
    case "stopped":
      return { state: "stopped", text: t(back ? "search.stopped.back" : "search.stopped", { n: shown, time: back }), action: "goOn" };
    case "failed":
      return { state: "failed", text: t("search.failed", { detail: search.detail }), action: "goOn" };
    case "full":
      return { state: "full", text: t("search.full", { n: held, time: back }), action: null };
    case "done":
      return { state: "searched", text: t("search.done", { n: shown }), action: null };
    default:
  }
  const begun = history.name === "begin" || (history.name === "idle" && complete);
  if (filtered && begun) return { state: "searched", text: t("search.done", { n: shown }), action: null };
  if (filtered && history.name === "idle" && held > 0) return { state: "search", text: t("search.newest", { hits: t("search.hits", { n: shown }), n: held }), action: "search" };
  const name = begun ? "begin" : history.name;
  if (held === 0 && name !== "loading" && name !== "failed") return { state: "none", text: "", action: null };
  const action = { idle: "load", failed: "retry" }[name] ?? null;
  return { state: name, text: historyText({ ...history, name }, channels, held, oldest, zone), action };
}

// With its day, unless it is today.
function momentText(ms, zone, now) {
  const clock = formatClock(ms, zone).slice(0, 8);
  return formatDay(ms, zone) === formatDay(now, zone) ? clock : `${formatDay(ms, zone)} ${clock}`;
}
