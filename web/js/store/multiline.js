// Which lines of text go on with the one before them on their channel: a trace that was published line by line is one row, and so are
// the parts of a line that Kubernetes has cut. Pure.
//
//     const groups = new MultilineJoiner();
//     groups.take("api", record, time, seq)     the seq of the line it goes on with, or null: it begins something of its own
//     groups.shift(moved)                        lines are in another order: moved(seq) is the new seq
//     maskOf("api", record)                      equal for lines that say the same apart from numbers
//
// `time` (ms) is when a line came; a record is the normaliser's.

import { NONE } from "../normalise/levels.js";
import { isContinuation } from "../normalise/trace.js";

const APART_MS = 50;
const MAX_CHANNELS = 1_000;
// A program that indents all it says is no trace.
const MAX_LINES = 500;
const PYTHON = /^\s*(?:Traceback \(most|Exception in thread )/;
const GO = /^(?:panic: |fatal error: |goroutine \d+ \[)/;
// What ends a trace of Python stands at the margin; in Go's, function names do.
const RAISED = /^[A-Za-z_][\w.]*(?:: .*)?$/;
const OF_GO = /^(?:$|goroutine \d+ \[|[\w./*()[\]{},-][\w./*)[\]{},-]*\(.*\)$|created by |exit status \d|\[signal )/;
const NUMBERS = /0x[\da-f]+|[\da-f]{8}-[\da-f-]{27}|\d+(?:[.,:]\d+)*/gi;

export class MultilineJoiner {
  #last = new Map();

  add(channel, record, time, seq) {
    const last = this.#lastOf(channel, seq);
    const text = record.fmt === "plain" && record.lvlRaw === null && record.event === null ? (record.msg ?? "") : null;
    const { part, fields: { stream } } = record;
    const session = record.fmt === "postgres" && record.pid;
    // A DETAIL or HINT has no level of its own.
    const adds = session && session === last.session && record.lvl === NONE;
    const joins = (adds || (part && stream === last.part) || (text !== null && continues(last, text))) && Math.abs(time - last.time) <= APART_MS && last.lines < MAX_LINES;
    if (!joins) Object.assign(last, { head: seq, lines: 0, session });
    last.part = part === "P" && stream;
    last.lines += 1;
    last.kind = text === null ? null : (kindOf(text) ?? (joins ? last.kind : null));
    last.time = time;
    last.text = text ?? "";
    return joins ? last.head : null;
  }

  shift(moved) {
    for (const last of this.#last.values()) last.head = moved(last.head);
  }

  clear() {
    this.#last.clear();
  }

  #lastOf(channel, seq) {
    let last = this.#last.get(channel);
    if (last === undefined) {
      if (this.#last.size >= MAX_CHANNELS) this.#last.clear();
      this.#last.set(channel, (last = { head: seq, lines: 0, time: -Infinity, text: "", kind: null }));
    }
    return last;
  }
}

export const templateOf = (channel, { lvl, lvlRaw, logger, msg, raw, err }) => [channel, lvl, lvlRaw, logger, (msg ?? raw).replace(NUMBERS, "#"), err?.stack ?? ""].join("\n");

const kindOf = (text) => (PYTHON.test(text) ? "python" : GO.test(text) ? "go" : null);

function continues({ text: before, kind }, text) {
  if (isContinuation(text)) return true;
  if (kind === "go") return OF_GO.test(text);
  if (kind !== "python") return false;
  // A blank line parts the traces of a chain; after the last one it says nothing.
  return text === "" || (/^\s+\S/.test(before) && RAISED.test(text));
}
