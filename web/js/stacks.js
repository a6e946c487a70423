// Stack traces as rows show them: which line goes on with the one before, and which frames are a library's. Pure.
//
//     continuesTrace({channel, time, record}, {channel, time, record})     true: the second belongs to the first's row
//     stackLines(record.err.stack)     [{text, kind}, …]; kinds: "frame", "library" (dimmed), "code" (below a frame), "said" (the rest)

import { isContinuation } from "./normalise/trace.js";

const APART_MS = 50;
const FRAME = /^[>\s]*(?:File "|at \S|[\w./@~-]+\.go:\d+|\t)/;
// A path that is not the application's own.
const LIBRARY = new RegExp(
  "site-packages|dist-packages|/lib(?:64)?/python\\d|<frozen |node_modules|\\(?node:|internal/|/usr/(?:lib|local/go)/|/go/pkg/mod/|" +
    "\\bat (?:[\\w.]+/)?(?:java|javax|jdk|sun|kotlin|scala|org\\.(?:springframework|apache|eclipse|hibernate|junit)|io\\.netty)\\.|\\bat System\\.|rustc/",
);

/** True when a line of plain text, right after another of its channel, goes on with a trace. Times (ms) are when the lines came. */
export function continuesTrace(previous, next) {
  const { record } = next;
  if (next.channel !== previous.channel || Math.abs(next.time - previous.time) > APART_MS) return false;
  return record.fmt === "plain" && record.lvlRaw === null && isContinuation(record.msg ?? "");
}

/** The lines of a stack, each with what it is. */
export function stackLines(stack) {
  let above = "said";
  return stack.trimEnd().split("\n").map((text) => {
    if (FRAME.test(text)) above = LIBRARY.test(text) ? "library" : "frame";
    // Python puts the code below its frame; it is dimmed with it.
    else if (/^\s+\S/.test(text) && above !== "said") return { text, kind: above === "library" ? "library" : "code" };
    else above = "said";
    return { text, kind: above };
  });
}
