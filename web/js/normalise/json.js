// JSON records: a family that can be told by its signature is read its own way, all others by the names in names.js.

import { levelOfWord } from "./levels.js";
import { levelFrom, rolesOf } from "./names.js";
import { timeOf } from "./time.js";
import { errorOf, errorOfText } from "./trace.js";

const FAMILIES = [
  {
    fmt: "loguru-json",
    fits: (object) => isObject(object.record) && typeof object.text === "string" && isObject(object.record.level),
    read: readLoguru,
  },
];

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** Fill a record from a JSON object. */
export function readJson(record, object) {
  const family = FAMILIES.find(({ fits }) => fits(object));
  record.fmt = family?.fmt ?? "json";
  if (family) family.read(record, object);
  else readByNames(record, object);
}

function readByNames(record, object) {
  const roles = rolesOf(object);
  const used = new Set();
  const use = ({ key }) => used.add(key);

  for (const entry of roles.time ?? []) {
    if (!takeTime(record, entry.value)) continue;
    use(entry);
    break;
  }
  const { level, raw, key } = levelFrom(object, roles);
  if (raw !== null) {
    record.lvl = level;
    record.lvlRaw = raw;
    used.add(key);
  }
  const message = roles.message?.find((entry) => !used.has(entry.key));
  if (message) {
    record.msg = String(message.value);
    use(message);
  }
  if (roles.logger) {
    record.logger = roles.logger[0].value;
    use(roles.logger[0]);
  }
  const error = roles.error?.find((entry) => !used.has(entry.key));
  if (error) {
    record.err = errorOf(error.value);
    use(error);
  }
  if (roles.trace) record.trace = String(roles.trace[0].value);
  if (roles.span) record.span = String(roles.span[0].value);
  for (const name of Object.keys(object)) if (!used.has(name)) record.fields[name] = object[name];
}

// loguru's serialize=True: the stack stands in `text` only.
function readLoguru(record, { record: inner, text }) {
  takeTime(record, inner.time?.timestamp);
  record.lvlRaw = typeof inner.level.name === "string" ? inner.level.name : null;
  record.lvl = levelOfWord(record.lvlRaw ?? "");
  record.msg = typeof inner.message === "string" ? inner.message : text;
  record.logger = typeof inner.name === "string" ? inner.name : null;
  record.src = { file: inner.file?.path ?? null, line: inner.line ?? null, fn: inner.function ?? null };
  const start = text.indexOf("Traceback (most recent call last)");
  if (inner.exception && start >= 0) record.err = errorOfText(text.slice(start));
  Object.assign(record.fields, isObject(inner.extra) ? inner.extra : {});
}

function takeTime(record, value) {
  const time = timeOf(value);
  if (!time) return false;
  record.ts = time.ms;
  record.tsFrom = "line";
  record.zone = time.zone;
  return true;
}
