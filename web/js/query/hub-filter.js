// The reader's filter as one text for the hub, which filters lines by the same language. Pure.
//
//     hubFilter({text: "user=u7 after=-15m", off, hidden}, {now, zone})     "user=u7 after=2026-11-21T03:35:18.000Z -level=none,debug"
//     hubZone("Asia/Kolkata", now)                                          "+05:30"
//
// Terms that are switched off are left out, and levels that are hidden become a term. Times are written out: what a clock shows in the
// reader's zone is another time at the hub.

import { parseMoment } from "../format/parse-time.js";
import { offsetAt, offsetText } from "../format/zones.js";
import { LEVELS } from "../normalise/levels.js";
import { parseQuery, quote } from "./parse.js";
import { addTerm, removeTerm, replaceTerm, termsOf } from "./terms.js";

export function hubFilter({ text, off = new Set(), hidden = new Set() }, { now = Date.now(), zone = "local" } = {}) {
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

/** The zone of the reader as the hub takes it, for the times of lines that say none. */
export const hubZone = (zone, now) => offsetText(offsetAt(zone, now));
