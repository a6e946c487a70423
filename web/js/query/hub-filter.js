// The reader's filter as one text for the hub, which filters lines by the same language. Pure.
//
//     hubFilter({text: "user=u7 after=-15m", off, hidden}, {now, zone})     "user=u7 after=2026-11-21T03:35:18.000Z -level=none,debug"
//     logFilter({text: "user=u7", range: [from, to], …}, {pinned: "a OR b"})     "(a OR b) user=u7 after=… before=…", for a search of the log
//     hubZone("Asia/Kolkata", now)                                          "+05:30"
//
// Terms that are switched off are left out, and levels that are hidden become a term. Times are written out: what a clock shows in the
// reader's zone is another time at the hub.

import { parseMoment } from "../format/parse-time.js";
import { offsetAt, offsetText } from "../format/zones.js";
import { LEVELS } from "../normalise/levels.js";
import { parseQuery, quote } from "./parse.js";
import { addTerm, removeTerm, replaceTerm, termsOf } from "./terms.js";

export function hubFilter({ text: typed, off = new Set(), hidden = new Set() }, { now = Date.now(), zone = "local" } = {}) {
  const text = closeQuote(typed);
  let whole = text;
  for (const { text: term, name, op, values, negated, off: isOff } of termsOf(text, parseQuery(text).tree, off)) {
    if (isOff) whole = removeTerm(whole, term);
    else if ((name === "after" || name === "before") && op === "=") {
      const moment = parseMoment(values[0], { now, zone });
      if (moment !== null) whole = replaceTerm(whole, term, `${negated ? "-" : ""}${name}=${quote(new Date(moment).toISOString())}`);
    }
  }
  if (hidden.size === 0) return whole;
  const levels = [...hidden].sort((one, other) => one - other).map((level) => LEVELS[level]);
  return addTerm(whole, `-level=${levels.join(",")}`);
}

/** The filter with its time range, and with the filter that is pinned, if any: what the page shows, as a question to the log. */
export function logFilter(filter, { pinned = null, ...options } = {}) {
  const own = hubFilter(filter, options);
  const terms = own === "" ? [] : [pinned === null ? own : `(${own})`];
  if (filter.range) {
    const [from, to] = filter.range;
    // `before` is exclusive, and the end of a range is not.
    terms.push(`after=${new Date(Math.floor(from)).toISOString()}`, `before=${new Date(Math.floor(to) + 1).toISOString()}`);
  }
  return terms.reduce(addTerm, pinned ?? "");
}

// A text whose last quote is open means the same with the quote closed, and can have more terms behind it.
function closeQuote(text) {
  let node = parseQuery(text).tree;
  while (node?.items || node?.item) node = node.item ?? node.items.at(-1);
  const isOpen = node && node.kind !== "regex" && text.slice(node.start, node.end).replace(/\\./g, "").split('"').length % 2 === 0;
  return isOpen ? `${text}"` : text;
}

/** The zone of the reader as the hub takes it, for the times of lines that say none. */
export const hubZone = (zone, now) => offsetText(offsetAt(zone, now));
