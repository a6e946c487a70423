// JSON records: known families are read in their own way, all others by the names in names.js.

import { FAMILIES } from "./families.js";
import { MAX_KEYS, levelFrom, rolesOf } from "./names.js";
import { timeOf } from "./time.js";
import { errorOf } from "./trace.js";

const PLACE = /^(.+?):(\d+)$/;

/** Fill a record from a JSON object; `arrivedAt` (ms) is when the line arrived. */
export function readJson(record, object, arrivedAt) {
  const family = FAMILIES.find(({ fits }) => fits(object));
  record.fmt = family?.fmt ?? "json";
  const readNamed = (view) => readByNames(record, view, arrivedAt);
  if (family) family.read(record, object, readNamed);
  else readNamed(object);
}

function readByNames(record, object, arrivedAt) {
  const roles = rolesOf(object);
  const used = new Set();
  const use = ({ key }) => used.add(key);

  for (const entry of roles.time ?? []) {
    if (!takeTime(record, entry.value, arrivedAt)) continue;
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
    nameError(record.err, object);
  }
  const text = (role) => (roles[role] ? String(roles[role][0].value) : null);
  record.trace = text("trace") ?? record.trace;
  record.span = text("span") ?? record.span;
  record.host = text("host") ?? record.host;
  record.pid = text("pid") ?? record.pid;
  record.thread = text("thread") ?? record.thread;
  if (roles.file || roles.function) readPlace(record.src, text);
  for (const name of Object.keys(object).slice(0, MAX_KEYS)) if (!used.has(name)) record.fields[name] = object[name];
}

// ECS puts the type and message of the error beside the stack.
function nameError(err, object) {
  if (typeof object["error.type"] === "string") err.type = object["error.type"];
  if (typeof object["error.message"] === "string") err.msg = object["error.message"];
}

function readPlace(src, text) {
  const [, file, line] = PLACE.exec(text("file") ?? "") ?? [null, text("file"), text("lineNumber")];
  Object.assign(src, { file, line, fn: text("function") });
}

function takeTime(record, value, arrivedAt) {
  const time = timeOf(value, arrivedAt);
  if (!time) return false;
  Object.assign(record, { ts: time.ms, tsFrom: "line", zone: time.zone, wall: time.wall });
  return true;
}
