// The filter box as it was, over the text of a line alone: for callers that do not use query/ yet.

import { HeldLine, compileQuery } from "./query/index.js";

/** A test over the text of a line, or null when nothing is asked for. A query with a fault is taken for plain text. */
export function compileFilter(typed) {
  const read = compileQuery(typed);
  const { test } = read.fault ? compileQuery(`"${typed.replace(/["\\]/g, "\\$&")}"`) : read;
  const line = new HeldLine();
  return test && ((text) => test(line.of(text)));
}
