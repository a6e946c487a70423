// JSON records: by their family, where they have one, and else by the names in the table.

import { CONVERSIONS, familyOf, filledIn } from "./families.js";
import { ERROR, NONE, levelOfStatus, levelOfWord } from "./levels.js";
import { MAX_KEYS, fits, levelFrom, rolesOf, valueAt } from "./names.js";
import { adopt, blank, takeTime } from "./record.js";
import { TABLE } from "./table.js";
import { timeOf } from "./time.js";
import { errorOf, errorOfText } from "./trace.js";

const PLACE = /^(.+?):(\d+)$/;
const DAY_MS = 86_400_000;
const REQUEST_LINE = /^([A-Za-z-]{1,32}) (\S.*?)(?: (HTTP\/[\d.]+))?$/;
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** Fill a record from a JSON object; `context` is `{arrivedAt, known, inside}`: see index.js. */
export function readJson(record, object, context) {
  const family = familyOf(object);
  record.fmt = family?.fmt ?? "json";
  const { object: view, fields } = family?.convert ? CONVERSIONS[family.convert](object) : { object, fields: null };
  const used = new Set(family?.hidden);
  const roles = rolesOf(view);
  for (const [role, path] of family?.read ?? []) prefer(roles, view, role, path);
  if (family?.template) preferTemplate(roles, view, used, family.template);
  readTime(record, view, roles, used, context.arrivedAt);
  readLevel(record, roles, used, family);
  readParts(record, roles, used);
  readError(record, view, roles, used, family);
  const message = readMessage(record, roles, used, context);
  readRequest(record, roles, family);
  keepFields(record, view, used, family);
  if (fields) Object.assign(record.fields, fields);
  if (family?.inside) context.inside(record, valueAt(object, family.inside));
  else if (message !== null && (record.lvlRaw === null || family?.line)) context.known(record, message);
  if (record.err !== null && record.lvlRaw === null && record.lvl === NONE) record.lvl = ERROR;
}

function prefer(roles, object, role, path) {
  const value = valueAt(object, path);
  if (value === undefined || !fits(role, value)) return;
  roles[role] = [{ key: Object.hasOwn(object, path) ? path : null, value }, ...(roles[role] ?? [])];
}

function preferTemplate(roles, object, used, template) {
  if (typeof object[template.filled] === "string") prefer(roles, object, "message", template.filled);
  else {
    const text = filledIn(object, template);
    if (text === undefined) return;
    roles.message = [{ key: null, value: text }];
    used.add(template.text);
  }
}

function readTime(record, object, roles, used, arrivedAt) {
  for (const [date, clock] of TABLE.json.together) {
    if (typeof object[date] !== "string" || typeof object[clock] !== "string") continue;
    const time = timeOf(`${object[date]} ${object[clock]}`, arrivedAt);
    if (time === null) continue;
    takeTime(record, time);
    used.add(date).add(clock);
    return;
  }
  for (const [seconds, nanos] of TABLE.json.seconds) {
    const time = Number.isFinite(Number(object[seconds] ?? NaN)) ? timeOf(object, arrivedAt) : null;
    if (time === null) continue;
    takeTime(record, time);
    used.add(seconds).add(nanos);
    return;
  }
  takeFirst(record, roles.time, used, (value) => timeOf(value, arrivedAt)) ||
    takeFirst(record, roles.timeIfNear, used, (value) => near(timeOf(value, arrivedAt), arrivedAt));
}

// Of a thing that was created long ago it is no time of the line.
const near = (time, arrivedAt) => (time !== null && arrivedAt !== null && Math.abs(time.ms - arrivedAt) > DAY_MS ? null : time);

function takeFirst(record, entries, used, read) {
  for (const { key, value } of entries ?? []) {
    const time = read(value);
    if (time === null) continue;
    takeTime(record, time);
    used.add(key);
    return true;
  }
  return false;
}

function readLevel(record, roles, used, family) {
  const { level, raw, key } = levelFrom(roles, family?.scale ?? null);
  if (raw !== null) {
    record.lvl = level;
    record.lvlRaw = raw;
    used.add(key);
  } else if (family?.level) {
    record.lvl = levelOfWord(family.level);
    record.lvlRaw = family.level;
  }
}

function readParts(record, roles, used) {
  const text = (role) => (roles[role] ? String(roles[role][0].value) : null);
  if (roles.logger) {
    record.logger = roles.logger[0].value;
    used.add(roles.logger[0].key);
  }
  for (const role of ["trace", "span", "host", "pid", "thread"]) record[role] = text(role) ?? record[role];
  if (roles.file || roles.function) {
    const [, file, line] = PLACE.exec(text("file") ?? "") ?? [null, text("file"), text("line")];
    Object.assign(record.src, { file, line, fn: text("function") });
  }
}

function readError(record, object, roles, used, family) {
  const error = roles.error?.find(({ key }) => key === null || !used.has(key));
  if (error) {
    record.err = errorOf(error.value);
    used.add(error.key);
    // ECS puts the type and message of the error beside the stack.
    if (typeof object["error.type"] === "string") record.err.type = object["error.type"];
    if (typeof object["error.message"] === "string") record.err.msg = object["error.message"];
  }
  const text = family?.trace === undefined ? null : valueAt(object, family.trace);
  const start = typeof text === "string" ? text.indexOf(TABLE.traces.python) : -1;
  if (start >= 0) record.err = errorOfText(text.slice(start));
}

// Returns the text of the message, if it is one that may hold a line.
function readMessage(record, roles, used, context) {
  const entries = (roles.message ?? []).filter(({ key }) => key === null || !used.has(key));
  const message = entries.find(({ value }) => value !== "" && !isObject(value)) ?? entries.find(({ value }) => isObject(value)) ?? entries[0];
  if (message === undefined) return null;
  used.add(message.key);
  const { value } = message;
  if (isObject(value)) {
    const inner = blank(record.raw);
    context.inside(inner, value);
    if (inner.msg === null) record.msg = JSON.stringify(value);
    else adopt(record, { ...inner, fmt: record.fmt });
    return null;
  }
  record.msg = Array.isArray(value) ? JSON.stringify(value) : String(value);
  return typeof value === "string" ? value : null;
}

// The status of a request gives a level to a line that has none, and a worse one to a line whose request failed.
function readRequest(record, roles, family) {
  const status = roles.status?.[0].value;
  const line = typeof roles.request?.[0].value === "string" ? roles.request[0].value : null;
  const method = roles.method?.[0].value;
  const path = roles.path?.[0].value;
  if (status === undefined || (line === null && method === undefined && path === undefined)) return;
  const level = levelOfStatus(Number(status));
  if (record.lvlRaw === null || Number(status) >= 400) record.lvl = Math.max(record.lvl, level);
  if (record.msg && !family?.request) return;
  const took = family?.request && typeof roles.took?.[0].value === "number" ? `${Number((roles.took[0].value * 1e3).toPrecision(4))} ms` : undefined;
  record.msg = line ?? [method, path, status, took].filter((part) => part !== undefined).join(" ");
}

function keepFields(record, object, used, family) {
  const spread = family?.spread ?? [];
  for (const name of Object.keys(object).slice(0, MAX_KEYS)) if (!used.has(name) && !spread.includes(name)) record.fields[name] = object[name];
  for (const path of spread) {
    const value = valueAt(object, path);
    for (const each of Array.isArray(value) ? value : [value]) {
      for (const [name, member] of isObject(each) ? Object.entries(each) : []) if (!isRead(family, `${path}.${name}`)) record.fields[name] = member;
    }
  }
}

const isRead = (family, path) => family.read.some(([, each]) => each === path);

/** The fields `method`, `path` and `version` of a request line; any other text is the field `request`. */
export function readRequestLine(fields, text) {
  const [, method, path, version] = REQUEST_LINE.exec(text) ?? [];
  if (method === undefined) fields.request = text;
  else Object.assign(fields, { method, path }, version && { version: version.slice(5) });
}
