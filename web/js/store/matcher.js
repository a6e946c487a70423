// MatchIndex marks and does not hide: the places of a view list whose lines hold what is looked for, found in slices, also where no row is drawn.
//
//     const wanted = compileMatcher("time out");                              text in smart case, or /regex/flags; {test, fault, marks}
//     const find = new MatchIndex((seq) => wanted.test(ring.text(seq)), view);   view has first, end and at(place)
//     find.work(8)                  look on for 8 ms; true when all is looked through. Again after lines came or fell off
//     find.count, find.done         "3 of 57"; while not done, "57 so far"
//     find.next(place, 1)           the next hit after a place, or before it with -1, round the ends; null without any
//     find.number(place)            3, for the third hit; 0 where there is none
//     find.ticks(200)               Uint8Array: 1 where a 200th of the list holds a hit, for the scroll bar; or of another list of the same lines
//     wanted.marks("a time out")    [{start: 2, end: 10}] within a row's text
//
// SortKeys are those of one epoch of the list: a new filter wants a new MatchIndex.

import { parseQuery } from "../query/parse.js";
import { Pattern } from "../query/pattern.js";
import { readable } from "../query/line.js";

const MAX_MARKS = 200;

/** What to look for: `test(line)` over the text of a line, `marks(shown)` over what a row shows, `fault` for a wrong expression. */
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
  for (const { start, end } of pattern.places(shown)) {
    if (end > start) marks.push({ start, end });
    if (marks.length >= MAX_MARKS) break;
  }
  return marks;
}

export class MatchIndex {
  #test;
  #list;
  #hits = [];
  #from;
  #to;

  constructor(test, list) {
    this.#test = test;
    this.#list = list;
    this.#from = list.first;
    this.#to = list.first;
  }

  get count() {
    return this.#hits.length;
  }

  get done() {
    return this.#to >= this.#list.end && this.#from <= this.#list.first;
  }

  /** Look on for some ms; true when the whole list has been looked through. */
  search(ms) {
    this.#trim();
    const until = performance.now() + ms;
    const older = [];
    while (this.#from > this.#list.first) {
      this.#from -= 1;
      if (this.#fits(this.#from)) older.push(this.#from);
      if (this.#from % 4 === 0 && performance.now() > until) break;
    }
    if (older.length > 0) this.#hits = older.reverse().concat(this.#hits);
    while (this.#to < this.#list.end) {
      if (this.#fits(this.#to)) this.#hits.push(this.#to);
      this.#to += 1;
      if (this.#to % 4 === 0 && performance.now() > until) break;
    }
    return this.done;
  }

  /** The hit after (1) or before (-1) a place; round the ends. */
  next(row, step) {
    if (this.#hits.length === 0) return null;
    const after = this.#indexAfter(row);
    if (step > 0) return this.#hits[after % this.#hits.length];
    const before = (this.#hits[after - 1] === row ? after - 1 : after) - 1;
    return this.#hits.at(before);
  }

  /** Which hit a place is, from 1; 0 when it is none. */
  numberOf(row) {
    const after = this.#indexAfter(row);
    return this.#hits[after - 1] === row ? after : 0;
  }

  /** Where in the list there are hits, in so many parts; or in another list, of some of its lines. */
  ticks(parts, list = this.#list) {
    const ticks = new Uint8Array(parts);
    const { first, end } = list;
    for (const hit of this.#hits) {
      const seq = this.#list.seqAt(hit);
      const row = list === this.#list ? hit : list.firstRowFrom(seq);
      if (row >= first && row < end && list.seqAt(row) === seq) ticks[Math.floor(((row - first) / (end - first)) * parts)] = 1;
    }
    return ticks;
  }

  // Notes stand in the list, too, and are found by nothing. A row that stands for several lines is found by any of them.
  #fits(row) {
    const seq = this.#list.seqAt(row);
    return Boolean(this.#test(seq)) || (this.#list.foldedCount?.(row) && this.#list.foldedSeqs(row).some((each) => this.#test(each)));
  }

  #trim() {
    const { first } = this.#list;
    if (this.#hits.length > 0 && this.#hits[0] < first) this.#hits = this.#hits.slice(this.#indexAfter(first - 1));
    if (this.#to < first) this.#to = first;
    if (this.#from < first) this.#from = first;
  }

  #indexAfter(row) {
    let low = 0;
    let high = this.#hits.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#hits[middle] <= row) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
