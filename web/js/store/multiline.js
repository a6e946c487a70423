// Joins lines that continue the one before them on their channel: a stack trace that was published line by line is one row, and so are
// the parts of a line that Kubernetes has split. Pure.
//
//     const joiner = new MultilineJoiner();
//     joiner.add("api", record, arrivedAt, seq)     the seq of the line that it continues, or null for the beginning of a new one
//     joiner.shift(moved)                           lines have changed places: moved(seq) is the new seq
//     templateOf("api", record)                     equal for lines that differ only in their numbers
//
// `arrivedAt` is in ms; `record`: see normalise().

import { NONE } from "../normalise/levels.js";
import { isContinuation } from "../normalise/trace.js";

const APART_MS = 50;
const MAX_CHANNELS = 1_000;
// The indented output of a program is no stack trace.
const MAX_LINES = 500;
const PYTHON = /^\s*(?:Traceback \(most|Exception in thread )/;
const GO = /^(?:panic: |fatal error: |goroutine \d+ \[)/;
// In a trace of Python, the last line is not indented; in a trace of Go, function names are not.
const RAISED = /^[A-Za-z_][\w.]*(?:: .*)?$/;
const OF_GO = /^(?:$|goroutine \d+ \[|[\w./*()[\]{},-][\w./*)[\]{},-]*\(.*\)$|created by |exit status \d|\[signal )/;
const NUMBERS = /0x[\da-f]+|[\da-f]{8}-[\da-f-]{27}|\d+(?:[.,:]\d+)*/gi;

export class MultilineJoiner {
  #last = new Map();

  add(channel, record, arrivedAt, seq) {
    const last = this.#lastOf(channel, seq);
    const text = record.fmt === "plain" && record.lvlRaw === null && record.event === null ? (record.msg ?? "") : null;
    const { part, fields: { stream } } = record;
    const session = record.fmt === "postgres" && record.pid;
    // A DETAIL or HINT has no level.
    const adds = session && session === last.session && record.lvl === NONE;
    const joins = (adds || (part && stream === last.part) || (text !== null && continues(last, text))) && Math.abs(arrivedAt - last.arrivedAt) <= APART_MS && last.lines < MAX_LINES;
    if (!joins) Object.assign(last, { head: seq, lines: 0, session });
    last.part = part === "P" && stream;
    last.lines += 1;
    last.kind = text === null ? null : (kindOf(text) ?? (joins ? last.kind : null));
    last.arrivedAt = arrivedAt;
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
      this.#last.set(channel, (last = { head: seq, lines: 0, arrivedAt: -Infinity, text: "", kind: null }));
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
  // A blank line separates the traces of a chain; after the last trace it does not matter.
  return text === "" || (/^\s+\S/.test(before) && RAISED.test(text));
}
