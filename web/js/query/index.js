// The query language of the filter box, in one call. The grammar is in docs/page.md.
//
//     const query = compileQuery('level>=warn user=u7 -path~^/health', {now: Date.now(), zone: "local", off: new Set(["user=u7"])});
//     query.fault        null, or {message, start, end}: what is wrong and where; then there is no test
//     query.test         null for an empty query, else test(line) of a HeldLine
//     query.terms        [{text, start, end, negated, kind, name, op, values, off}] for the chips (terms.js)
//     query.abandoned    sources of expressions that took more than 50 ms on one line; they match nothing any more
//
//     const line = new HeldLine(ring);
//     list.refilter(query.test && ((seq) => query.test(line.at(seq))), done);
//
// `off` has the texts of terms that are switched off. Times such as -15m are relative to `now`, once: the window does not move.

import { compileTree } from "./compile.js";
import { QueryFault, parseQuery } from "./parse.js";
import { termsOf } from "./terms.js";

export { HeldLine } from "./line.js";

export function compileQuery(text, { off = new Set(), onAbandoned = () => {}, ...options } = {}) {
  const { tree, fault } = parseQuery(text);
  const query = { fault, test: null, terms: termsOf(text, tree, off), abandoned: [] };
  const reportAbandoned = ({ source }) => {
    query.abandoned.push(source);
    onAbandoned(source);
  };
  try {
    // A term that is switched off may be wrong too: its fault is reported, because the box shows the term.
    const all = tree && compileTree(tree, { ...options, onAbandoned: reportAbandoned });
    const kept = query.terms.filter((term) => !term.off);
    if (kept.length === query.terms.length) query.test = all;
    else if (kept.length > 0) query.test = compileTree({ kind: "and", items: kept.map(({ node }) => node) }, { ...options, onAbandoned: reportAbandoned });
  } catch (error) {
    if (!(error instanceof QueryFault)) throw error;
    query.fault = { message: error.message, start: error.start, end: error.end };
  }
  return query;
}
