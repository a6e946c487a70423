// The names that JSON loggers use for the same few things, most specific first. A name is searched as a flat key, then, if it has a
// dot, as a path. Case does not matter.

import { NONE, levelOfNumber, levelOfWord } from "./levels.js";

const NAMES = {
  time:
    "@timestamp timestamp time ts @t datetime date asctime eventTime event_time logged_at created_at created " +
    "timeUnixNano observedTimeUnixNano timestamp_ns __REALTIME_TIMESTAMP stageTimestamp t.$date receiveTimestamp time_iso8601 time_local msec",
  level: "level lvl severity levelname log.level loglevel log_level @l severityText severity_text PRIORITY",
  message: "message msg event @m @mt short_message body text log info fields.message textPayload",
  logger: "logger logger_name log.logger name target module component service service.name SourceContext c SYSLOG_IDENTIFIER",
  error: "exception exc_info exc_text err error stack stacktrace stack_trace error.stack_trace @x",
  trace:
    "trace_id traceId trace.id @tr otelTraceID dd.trace_id logging.googleapis.com/trace correlation_id " +
    "correlationId request_id requestId req_id reqId x-request-id",
  span: "span_id spanId span.id @sp otelSpanID",
  host: "hostname host host.name _HOSTNAME",
  pid: "pid process_id process.pid process.id process _PID",
  thread: "thread_name threadName thread.name process.thread.name thread threadId tid",
  file: "caller pathname file filename log.origin.file.name source.file src.file CODE_FILE",
  lineNumber: "lineno line line_number log.origin.file.line source.line src.line CODE_LINE",
  function: "funcName func_name func function log.origin.function source.function src.func CODE_FUNC",
  levelNumber: "levelno severityNumber severity_number level_value priority",
};

const FLAT = new Map();
const PATHS = new Map();
for (const [role, names] of Object.entries(NAMES)) {
  names.split(" ").forEach((name, rank) => {
    const lower = name.toLowerCase();
    if (!FLAT.has(lower)) FLAT.set(lower, []);
    FLAT.get(lower).push({ role, rank });
    if (!/^[a-z]+\.[^/]+$/.test(lower)) return;
    const [head, ...path] = lower.split(".");
    if (!PATHS.has(head)) PATHS.set(head, []);
    PATHS.get(head).push({ role, rank, path });
  });
}

const isWord = (value) => typeof value === "string" || typeof value === "number";
const FITS = {
  time: isWord,
  level: isWord,
  message: isWord,
  logger: (value) => typeof value === "string",
  error: (value) => value !== null && value !== "" && typeof value !== "boolean" && typeof value !== "number",
  trace: isWord,
  span: isWord,
  host: (value) => typeof value === "string",
  pid: (value) => isWord(value) && /^\d+$/.test(value),
  thread: isWord,
  file: (value) => typeof value === "string",
  lineNumber: (value) => isWord(value) && /^\d+$/.test(value),
  function: (value) => typeof value === "string",
  levelNumber: (value) => isWord(value) && value !== "" && Number.isFinite(Number(value)),
};

/** How many keys of an object are read; the line itself has them all. */
export const MAX_KEYS = 10_000;

/** For each role every key that could fill it, best first: `{time: [{key, value}, …], …}`. */
export function rolesOf(object) {
  const found = {};
  for (const key of Object.keys(object).slice(0, MAX_KEYS)) {
    const lower = key.toLowerCase();
    const value = object[key];
    const flat = FLAT.get(lower);
    if (flat) for (const { role, rank } of flat) add(found, role, rank, key, value);
    const inner = value !== null && typeof value === "object" && PATHS.get(lower);
    if (inner) for (const { role, rank, path } of inner) add(found, role, rank, null, atPath(value, path));
  }
  for (const list of Object.values(found)) list.sort((a, b) => a.rank - b.rank);
  return found;
}

function add(found, role, rank, key, value) {
  if (value === undefined || !FITS[role](value)) return;
  (found[role] ??= []).push({ key, value, rank });
}

function atPath(value, path) {
  for (const step of path) {
    if (value === null || typeof value !== "object" || !Object.hasOwn(value, step)) return undefined;
    value = value[step];
  }
  return value;
}

const SCALES = { levelno: "python", severitynumber: "otel", severity_number: "otel", level_value: "logback", priority: "syslog" };

/** `{level, raw, key}` from the roles of an object; a word takes precedence over any number. */
export function levelFrom(object, roles) {
  const words = (roles.level ?? []).filter(({ value }) => typeof value === "string" && !isNumeric(value));
  if (words.length > 0) return { level: levelOfWord(words[0].value), raw: words[0].value, key: words[0].key };
  const numbers = [...(roles.level ?? []), ...(roles.levelNumber ?? [])];
  for (const { key, value } of numbers) {
    const level = levelOfNumber(Number(value), SCALES[key?.toLowerCase()] ?? scaleByNeighbours(object, Number(value)));
    if (level !== NONE) return { level, raw: String(value), key };
  }
  const [first] = numbers;
  return first ? { level: NONE, raw: String(first.value), key: first.key } : { level: NONE, raw: null, key: null };
}

const isNumeric = (text) => /^\s*-?\d+(\.\d+)?\s*$/.test(text);

// A bare level of 10 to 60 is pino's. One of 0 to 7 is syslog's if the line is GELF; otherwise it is unknown.
function scaleByNeighbours(object, number) {
  if (number >= 10 && number <= 60) return "pino";
  return "short_message" in object && number >= 0 && number <= 7 ? "syslog" : null;
}
