// The names under which JSON loggers write the same few things, most telling first. A name is looked for as
// a flat key, then, where it has a dot, as a path; case does not count.

import { NONE, levelOfNumber, levelOfWord } from "./levels.js";

const NAMES = {
  time:
    "@timestamp timestamp time ts @t datetime date asctime eventTime event_time logged_at created_at created " +
    "timeUnixNano timestamp_ns __REALTIME_TIMESTAMP stageTimestamp t.$date",
  level: "level lvl severity levelname log.level loglevel log_level @l severityText severity_text PRIORITY",
  message: "message msg event @m @mt short_message body text log info fields.message textPayload",
  logger: "logger logger_name log.logger name target module component service service.name c SYSLOG_IDENTIFIER",
  error: "exception exc_info exc_text err error stack stacktrace stack_trace error.stack_trace @x",
  trace:
    "trace_id traceId trace.id @tr otelTraceID dd.trace_id logging.googleapis.com/trace correlation_id " +
    "correlationId request_id requestId req_id reqId x-request-id",
  span: "span_id spanId span.id @sp otelSpanID",
  levelNumber: "levelno severityNumber severity_number level_value priority",
};

const FLAT = new Map();
const PATHS = [];
for (const [role, names] of Object.entries(NAMES)) {
  names.split(" ").forEach((name, rank) => {
    const lower = name.toLowerCase();
    if (!FLAT.has(lower)) FLAT.set(lower, []);
    FLAT.get(lower).push({ role, rank });
    if (/^[a-z]+\.[^/]+$/.test(lower)) PATHS.push({ role, rank, path: lower.split(".") });
  });
}

const FITS = {
  time: (value) => typeof value === "string" || typeof value === "number",
  level: (value) => typeof value === "string" || typeof value === "number",
  message: (value) => typeof value === "string" || typeof value === "number",
  logger: (value) => typeof value === "string",
  error: (value) => value !== null && value !== "" && typeof value !== "boolean" && typeof value !== "number",
  trace: (value) => typeof value === "string" || typeof value === "number",
  span: (value) => typeof value === "string" || typeof value === "number",
  levelNumber: (value) => value !== null && value !== "" && Number.isFinite(Number(value)),
};

/** For each role every key that could fill it, best first: `{time: [{key, value}, …], …}`. */
export function rolesOf(object) {
  const found = {};
  for (const key of Object.keys(object)) {
    for (const { role, rank } of FLAT.get(key.toLowerCase()) ?? []) add(found, role, rank, key, object[key]);
  }
  for (const { role, rank, path } of PATHS) {
    const parent = object[path[0]];
    if (parent !== null && typeof parent === "object") add(found, role, rank, null, atPath(parent, path.slice(1)));
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

/** `{level, raw, key}` from the roles of an object; a word beats every number. */
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

// A bare level of 10 to 60 is pino's; one of 0 to 7 is syslog's only in GELF's company, else nobody knows.
function scaleByNeighbours(object, number) {
  if (number >= 10 && number <= 60) return "pino";
  return "short_message" in object && number >= 0 && number <= 7 ? "syslog" : null;
}
