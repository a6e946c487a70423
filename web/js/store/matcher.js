// Find marks lines and hides none. The matching rows of a list are searched in slices, whether they are drawn or not.
//
//     const matcher = compileMatcher("time out");                 a text in smart case, or /regex/flags: {test, fault, marks}
//     const matches = new MatchIndex((seq) => matcher.test(ring.text(seq)), list);     list has first, end and seqAt(row)
//     matches.search(8)                 go on for 8 ms; true when all rows are searched. Again after lines were added or removed
//     matches.count, matches.done       "3 of 57"; while not done, "57 so far"
//     matches.next(row, 1)              the next matching row, or with -1 the one before, round the ends; null if there is none
//     matches.numberOf(row)             3 for the third match; 0 for a row that does not match
//     matches.ticks(200)                Uint8Array: 1 where a 200th of the list has a match, for the scroll bar
//     matcher.marks("a time out")       [{start: 2, end: 10}] within the text of a row
//
// Row numbers are those of one version of the list: a new version needs a new MatchIndex.

import { parseQuery } from "../query/parse.js";
import { Pattern } from "../query/pattern.js";
import { readable } from "../query/line.js";

const MAX_MARKS = 200;

/** `test(line)` tests the text of a line, `marks(shown)` finds the matches in the text of a row, `fault` says what is wrong with an expression. */
export function compileMatcher(typed) {
  if (typed === "") return null;
  try {
    const { source, flags } = sourceOf(typed);
    const pattern = new Pattern(source, flags);
    return { fault: null, test: (line) => pattern.test(readable(line)), marks: (shown) => marksOf(pattern, shown) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { fault: error.message, test: () => false, marks: () => [] };
  }
}

function sourceOf(typed) {
  const { tree } = parseQuery(typed);
  if (tree?.kind === "regex") return tree;
  return { source: typed.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"), flags: /\p{Lu}/u.test(typed) ? "" : "i" };
}

function marksOf(pattern, shown) {
  const marks = [];
  for (const { start, end } of pattern.matchesIn(shown)) {
    if (end > start) marks.push({ start, end });
    if (marks.length >= MAX_MARKS) break;
  }
  return marks;
}

export class MatchIndex {
  #test;
  #list;
  #rows = [];
  #from;
  #to;

  constructor(test, list) {
    this.#test = test;
    this.#list = list;
    this.#from = list.first;
    this.#to = list.first;
  }

  get count() {
    return this.#rows.length;
  }

  get done() {
    return this.#to >= this.#list.end && this.#from <= this.#list.first;
  }

  /** Search for some ms; true when the whole list has been searched. */
  search(ms) {
    this.#trim();
    const until = performance.now() + ms;
    const older = [];
    while (this.#from > this.#list.first) {
      this.#from -= 1;
      if (this.#matches(this.#from)) older.push(this.#from);
      if (this.#from % 4 === 0 && performance.now() > until) break;
    }
    if (older.length > 0) this.#rows = older.reverse().concat(this.#rows);
    while (this.#to < this.#list.end) {
      if (this.#matches(this.#to)) this.#rows.push(this.#to);
      this.#to += 1;
      if (this.#to % 4 === 0 && performance.now() > until) break;
    }
    return this.done;
  }

  /** The match after (1) or before (-1) a row, round the ends. */
  next(row, step) {
    if (this.#rows.length === 0) return null;
    const after = this.#indexAfter(row);
    if (step > 0) return this.#rows[after % this.#rows.length];
    const before = (this.#rows[after - 1] === row ? after - 1 : after) - 1;
    return this.#rows.at(before);
  }

  /** The number of the match in a row, from 1; 0 if it has none. */
  numberOf(row) {
    const after = this.#indexAfter(row);
    return this.#rows[after - 1] === row ? after : 0;
  }

  /** Which of so many parts of the list have a match; `list` may be another list, of some of its lines. */
  ticks(parts, list = this.#list) {
    const ticks = new Uint8Array(parts);
    const { first, end } = list;
    for (const match of this.#rows) {
      const seq = this.#list.seqAt(match);
      const row = list === this.#list ? match : list.firstRowFrom(seq);
      if (row >= first && row < end && list.seqAt(row) === seq) ticks[Math.floor(((row - first) / (end - first)) * parts)] = 1;
    }
    return ticks;
  }

  // A row that stands for several lines matches if any of them does. Notes never match.
  #matches(row) {
    const seq = this.#list.seqAt(row);
    return Boolean(this.#test(seq)) || (this.#list.foldedCount?.(row) && this.#list.foldedSeqs(row).some((each) => this.#test(each)));
  }

  #trim() {
    const { first } = this.#list;
    if (this.#rows.length > 0 && this.#rows[0] < first) this.#rows = this.#rows.slice(this.#indexAfter(first - 1));
    if (this.#to < first) this.#to = first;
    if (this.#from < first) this.#from = first;
  }

  #indexAfter(row) {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#rows[middle] <= row) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
