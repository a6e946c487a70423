// Stack traces: where one begins in a text, its error and the number of its frames, as Python, Java, .NET, Node, Go, Rust, PHP, Ruby and
// Elixir write them. Every pattern begins at the beginning of a line and ends in it, so none takes longer for a longer text.
//
//     traceStart("no\nValueError…")                                      where the trace begins, or -1
//     errorOfText("java.io.IOException: gone\n\tat a.B.c(B.java:1)")     {type: "java.io.IOException", msg: "gone", stack}

import { TABLE } from "./table.js";

const FRAME = new RegExp(TABLE.traces.frame);
const NAMED = new RegExp(TABLE.traces.named);
const PYTHON = /(?:^|\n)([ \t|+]*)(?:Exception Group )?Traceback \(most recent call last\):/g;
const BEGINS = /(?:^|\n)(?:panic: |fatal error: |goroutine \d+ \[|thread '[^'\n]*'(?: \(\d+\))? panicked at |Stack trace:|\[stacktrace\]|\*\* \(\w)/g;
// In prose, "at" is not followed by a position in a file or by brackets.
const AT = /\n[ \t]*(?:at [^\n]*[(:[]|from [^\n]*:\d+:in |#\d+ +[^\n]*[(:])/g;
const NODE_SOURCE = /^(?:\/|[A-Za-z]:\\|file:|node:)[^\n]*:\d+\n[^\n]*\n[ \t]*\^[^\n]*\n{0,2}/;
const CAUSED = /^[ \t]*(?:---> |Caused by|\.\.\. |--- End)/;
const EXCEPTION = /(?:Exception|Error|Throwable|Failure|Warning|Interrupt|Exit)$/;
const RUST = /^thread '[^'\n]*'(?: \(\d+\))? panicked at (?:'([^\n]*)', |[^\n]*:\d+:\d+:?\n([^\n]*))/;
const PHP = /Uncaught ([A-Za-z_][\w\\]*): ([^\n]*?)(?: in [^\n ]+:\d+)?(?:\n|$)/;
const RUBY = /:in [`'][^\n]*': ([^\n]*) \(([A-Z][\w:]*)\)(?:\n|$)/;
const ELIXIR = /^\*\* \(([A-Z][\w.]*)\) ?([^\n]*)/;
const REQUEST_IDS = ["request_id", "requestId", "req_id", "reqId", "correlation_id", "correlationId", "x-request-id"];
// A trace begins in the first part of a text, or is shown as text.
const SEARCHED = 65_536;
const LINES_BACK = 40;

/** `{type, msg, stack}` of an exception written as text. */
export function errorOfText(stack) {
  const searched = stack.slice(0, SEARCHED);
  const { type, msg } = ofKnownForm(searched) ?? ofLine(namingLine(searched), stack.includes("\n"));
  return { type, msg, stack };
}

function ofKnownForm(text) {
  const rust = RUST.exec(text);
  if (rust) return { type: "panic", msg: rust[1] ?? rust[2] };
  const php = PHP.exec(text.slice(0, 4_096));
  if (php && !text.includes("\n    at ")) return { type: php[1], msg: php[2] };
  const ruby = RUBY.exec(text.slice(0, 4_096));
  if (ruby) return { type: ruby[2], msg: ruby[1] };
  const elixir = ELIXIR.exec(text);
  return elixir && { type: elixir[1], msg: elixir[2] };
}

// A single word or a sentence is the message of the error, not its type.
function ofLine(line, hasStack) {
  const match = NAMED.exec(line.trim());
  if (match === null || (match[2] === undefined && !hasStack)) return { type: null, msg: hasStack ? null : line };
  return { type: match[1], msg: match[2] ?? null };
}

// Python names the error below its frames, all others in the first line.
function namingLine(text) {
  PYTHON.lastIndex = 0;
  const heads = [...text.matchAll(PYTHON)];
  if (heads.length === 0) return lineAt(text, headerStart(text));
  // Of a chain it is the last one, of a group the outermost.
  const outermost = Math.min(...heads.map(([, indent]) => indent.length));
  const last = heads.findLast(([, indent]) => indent.length === outermost);
  const grouped = last[1].length > 0;
  for (const line of text.slice(last.index + last[0].length + 1).split("\n")) {
    const inner = grouped ? line.replace(/^[ \t]*[|+] /, "") : line;
    if (/^[A-Za-z_]/.test(inner)) return inner;
  }
  return "";
}

// Node shows the source first, and then the error.
const headerStart = (text) => NODE_SOURCE.exec(text)?.[0].length ?? 0;

function lineAt(text, start) {
  const end = text.indexOf("\n", start);
  return end < 0 ? text.slice(start) : text.slice(start, end);
}

/** `{type, msg, stack}` of the value under a logger's error key. */
export function errorOf(value) {
  if (typeof value === "string") return errorOfText(value);
  if (Array.isArray(value)) return errorOfList(value);
  const text = (...names) => names.map((name) => value[name]).find((each) => typeof each === "string") ?? null;
  const stack = text("stack", "stack_trace", "stackTrace", "stacktrace", "traceback", "extendedStackTrace", "StackTrace", "StackTraceString");
  return {
    type: text("type", "name", "className", "class", "exc_type", "exception_class", "exceptionType", "kind", "Type", "ClassName"),
    msg: text("message", "msg", "exc_value", "exception_message", "Message"),
    stack: stack ?? JSON.stringify(value, null, 2),
  };
}

// structlog's dict_tracebacks: one entry for each exception of a chain, the most recent first.
function errorOfList(chain) {
  const [first] = chain;
  if (first === null || typeof first !== "object") return { type: null, msg: null, stack: JSON.stringify(chain) };
  const frames = (Array.isArray(first.frames) ? first.frames : []).map(
    (frame) => `  File "${frame?.filename}", line ${frame?.lineno}, in ${frame?.name}`,
  );
  const type = typeof first.exc_type === "string" ? first.exc_type : null;
  const msg = typeof first.exc_value === "string" ? first.exc_value : null;
  return { type, msg, stack: ["Traceback (most recent call last):", ...frames, `${type}: ${msg}`].join("\n") };
}

/** The error of a trace that begins at `start`; PHP names it in the text before. */
export function errorAt(text, start) {
  const error = errorOfText(text.slice(start).trimStart());
  const php = error.type === null ? PHP.exec(text.slice(0, start)) : null;
  return php ? { ...error, type: php[1], msg: php[2] } : error;
}

/** The number of frames in a stack. */
export const framesOf = (stack) => stack.split("\n").filter((line) => FRAME.test(line)).length;

/** Where a stack trace begins in a text of several lines, or -1. */
export function traceStart(text) {
  if (!text.includes("\n")) return -1;
  const searched = text.slice(0, SEARCHED);
  if (NODE_SOURCE.test(searched)) return 0;
  const found = [first(PYTHON, searched), first(BEGINS, searched), startOfFrames(searched)].filter((at) => at >= 0);
  return found.length > 0 ? Math.min(...found) : -1;
}

function first(pattern, text) {
  pattern.lastIndex = 0;
  const match = pattern.exec(text);
  return match === null ? -1 : match.index + (text[match.index] === "\n" ? 1 : 0);
}

// The line before the first frame names the error; causes and further lines of its message may stand between.
function startOfFrames(text) {
  const frame = first(AT, text) - 1;
  if (frame < 0) return -1;
  let fallback = -1;
  for (let end = frame, lines = 0; lines < LINES_BACK; lines += 1) {
    const start = text.lastIndexOf("\n", end - 1) + 1;
    const line = text.slice(start, end);
    if (RUBY.test(line)) return start;
    const [, type, message] = (CAUSED.test(line) ? null : NAMED.exec(line)) ?? [];
    if (type && (EXCEPTION.test(type) || (type.includes(".") && message !== undefined))) return start;
    if (fallback < 0 && type && /^\S/.test(line)) fallback = start;
    if (start === 0) break;
    end = start - 1;
  }
  return fallback >= 0 ? fallback : frame + 1;
}

/** The id that a line shares with others of the same trace or request, or null. */
export function traceIdOf({ trace, fields }) {
  const found = [trace, ...REQUEST_IDS.map((name) => fields[name]), fields.req?.id].find((id) => id && typeof id !== "object");
  return found === undefined ? null : String(found);
}
