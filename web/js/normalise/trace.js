// Stack traces: the error and the number of frames, from the text that Python, Java, Node and Go write.

const FRAME = /^[>\s]*(?:File "|at |[\w./@-]+\.go:\d+)/;
const PYTHON = /^[ \t]*(?:Traceback \(most recent call last\)|Exception in thread )/m;
// The line before the first frame names the error. In prose, "at" is not followed by a position in a file.
const AT = /^[^\n]*\n[ \t]+at [^\n]*[(:]/m;
const GO = /^(?:panic: |goroutine \d+ \[)/m;
const CONTINUES = /^(?:\s+\S|\s*at \S|Traceback \(most|Caused by: |\.\.\. \d+ more|> File |\}|During handling of the above|The above exception was)/;
const REQUEST_IDS = ["request_id", "requestId", "req_id", "reqId", "correlation_id", "correlationId", "x-request-id"];
const NAMED = /^(?:Caused by: )?([A-Za-z_][\w.$]*)(?:: ([\s\S]*))?$/;

/** `{type, msg, stack}` of an exception written as text. */
export function errorOfText(stack) {
  const lines = stack.trimEnd().split("\n");
  // Python names the error in the last line, Java and Node in the first.
  const named = PYTHON.test(stack) ? lines.findLast((line) => /^\S/.test(line)) : lines[0];
  const match = NAMED.exec((named ?? "").trim());
  // A single word or a sentence is the message of the error, not its type.
  if (!match || (match[2] === undefined && lines.length === 1)) return { type: null, msg: lines.length === 1 ? stack : null, stack };
  return { type: match[1], msg: match[2] ?? null, stack };
}

/** `{type, msg, stack}` of the value under a logger's error key. */
export function errorOf(value) {
  if (typeof value === "string") return errorOfText(value);
  if (Array.isArray(value)) return errorOfList(value);
  const text = (name) => (typeof value[name] === "string" ? value[name] : null);
  const stack = text("stack") ?? text("stack_trace") ?? text("stacktrace") ?? text("traceback");
  return {
    type: text("type") ?? text("name") ?? text("exc_type"),
    msg: text("message") ?? text("msg") ?? text("exc_value"),
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

/** The number of frames in a stack. */
export const framesOf = (stack) => stack.split("\n").filter((line) => FRAME.test(line)).length;

/** Where a stack trace begins in a text, or -1. */
export function traceStart(text) {
  if (!text.includes("\n")) return -1;
  const places = [PYTHON, AT, GO].map((pattern) => text.search(pattern)).filter((at) => at >= 0);
  return places.length > 0 ? Math.min(...places) : -1;
}

/** The id that a line shares with others of the same trace or request, or null. */
export function traceIdOf({ trace, fields }) {
  const found = [trace, ...REQUEST_IDS.map((name) => fields[name]), fields.req?.id].find((id) => id && typeof id !== "object");
  return found === undefined ? null : String(found);
}

/** True for a line that continues the line before it, if that arrived within 50 ms on the same channel. */
export const isContinuation = (text) => CONTINUES.test(text);
