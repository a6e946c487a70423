// JSON formats that the names in names.js alone would misread. `fits` recognises a family by its keys; `read(record, object, readNamed)`
// fills in what is special and passes the rest to `readNamed`, the reader by names. To add a JSON format, add a row.

import { DEBUG, ERROR, INFO, TRACE, levelOfSign, levelOfStatus } from "./levels.js";
import { errorOfText } from "./trace.js";

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const isText = (value) => typeof value === "string";
const word = (value) => (isText(value) || typeof value === "number" ? String(value) : null);

export const FAMILIES = [
  { fmt: "loguru-json", fits: (object) => isObject(object.record) && isText(object.text) && isObject(object.record.level), read: loguru },
  { fmt: "logrecord", fits: (object) => isText(object.msg) && Array.isArray(object.args) && "levelno" in object, read: logRecord },
  { fmt: "otlp", fits: (object) => Array.isArray(object.attributes) || isObject(object.body) || "observedTimeUnixNano" in object, read: otlp },
  { fmt: "rust-tracing", fits: (object) => isObject(object.fields) && isText(object.target), read: rustTracing },
  { fmt: "journald", fits: (object) => "__REALTIME_TIMESTAMP" in object, read: journald },
  { fmt: "mongodb", fits: (object) => isObject(object.t) && isText(object.t.$date) && isText(object.s), read: mongodb },
  { fmt: "clef", fits: (object) => "@t" in object, read: clef },
  { fmt: "google", fits: (object) => isText(object.severity) && (isObject(object.jsonPayload) || hasSplitTime(object)), read: google },
  { fmt: "klog-json", fits: (object) => object.ts > 1e12 && isText(object.msg) && !("level" in object), read: klog },
  { fmt: "access-json", fits: (object) => isHttpStatus(object.status) && requestOf(object) !== null, read: access },
];

// serialize=True: only `text` has the stack.
function loguru(record, { record: inner, text }, readNamed) {
  readNamed({ time: inner.time?.timestamp, level: inner.level.name, levelno: inner.level.no, message: inner.message ?? text });
  record.fields = Object.assign(Object.create(null), isObject(inner.extra) ? inner.extra : {});
  record.logger = isText(inner.name) ? inner.name : null;
  record.src = { file: word(inner.file?.path), line: word(inner.line), fn: word(inner.function) };
  record.pid = word(inner.process?.id);
  record.thread = word(inner.thread?.name);
  const start = text.indexOf("Traceback (most recent call last)");
  if (inner.exception && start >= 0) record.err = errorOfText(text.slice(start));
}

// Formats the message as logging would have: %s, %d, %r …
function logRecord(record, object, readNamed) {
  const { msg, args, ...rest } = object;
  const values = args.slice();
  const put = (sign) => (sign === "%%" ? "%" : values.length > 0 ? String(values.shift()) : sign);
  readNamed({ message: msg.replace(/%(?:%|[-+ #0]*(?:[1-9]\d*)?(?:\.\d+)?[sdrifxeg])/g, put), ...rest });
}

function otlp(record, object, readNamed) {
  const { attributes, body, ...rest } = object;
  const text = isObject(body) ? plainOf(body) : body;
  readNamed({ ...rest, ...(text === undefined ? {} : { body: isObject(text) ? JSON.stringify(text) : text }) });
  for (const { key, value } of Array.isArray(attributes) ? attributes.filter(isObject) : []) {
    if (isText(key)) record.fields[key] = isObject(value) ? plainOf(value) : value;
  }
}

function plainOf(value) {
  const [kind] = Object.keys(value);
  const inner = value[kind];
  if (kind === "intValue") return Number.isSafeInteger(Number(inner)) ? Number(inner) : inner;
  if (kind === "arrayValue") return (inner?.values ?? []).map((each) => (isObject(each) ? plainOf(each) : each));
  return /^(?:string|double|bool|bytes)Value$/.test(kind) ? inner : value;
}

function rustTracing(record, { fields, ...rest }, readNamed) {
  const { message, ...others } = fields;
  readNamed(message === undefined ? rest : { message, ...rest });
  Object.assign(record.fields, others);
}

function journald(record, object, readNamed) {
  const { MESSAGE: message, ...rest } = object;
  const bytes = Array.isArray(message) && message.every((byte) => Number.isInteger(byte) && byte >= 0 && byte < 256);
  readNamed({ ...rest, ...(message === undefined ? {} : { MESSAGE: bytes ? new TextDecoder().decode(Uint8Array.from(message)) : message }) });
}

function mongodb(record, { t, s, c, attr, ...rest }, readNamed) {
  readNamed({ time: t.$date, logger: c, ...rest });
  record.lvl = levelOfSign(s);
  record.lvlRaw = s;
  if (isObject(attr)) Object.assign(record.fields, attr);
}

// Without @l the level is Information. @mt has the names of its fields in braces.
function clef(record, object, readNamed) {
  const { "@mt": template, "@l": level = "Information", "@i": type, "@r": renderings, ...rest } = object;
  readNamed({ ...rest, "@l": level });
  if (type !== undefined) record.fields["@i"] = type;
  if (record.msg !== null || !isText(template)) return;
  record.msg = template.replace(/\{[@$]?(\w+)(?:[^\w{}][^{}]*)?\}/g, (whole, name) => {
    if (!Object.hasOwn(object, name)) return whole;
    return isObject(object[name]) || Array.isArray(object[name]) ? JSON.stringify(object[name]) : String(object[name]);
  });
}

const hasSplitTime = (object) => isObject(object.timestamp) || "timestampSeconds" in object;

function google(record, object, readNamed) {
  const { timestamp, timestampSeconds, timestampNanos, jsonPayload, ...rest } = object;
  const split = isObject(timestamp) ? timestamp : { seconds: timestampSeconds, nanos: timestampNanos };
  const time = split.seconds === undefined ? timestamp : Number(split.seconds) + Number(split.nanos ?? 0) / 1e9;
  readNamed({ ...(time === undefined ? {} : { timestamp: time }), ...rest, ...(isObject(jsonPayload) ? jsonPayload : {}) });
}

function klog(record, object, readNamed) {
  readNamed(object);
  const v = Number(object.v ?? 0);
  record.lvl = "err" in object ? ERROR : v >= 4 ? TRACE : v >= 2 ? DEBUG : INFO;
}

const isHttpStatus = (value) => (typeof value === "number" || isText(value)) && /^[1-5]\d\d$/.test(value);

function requestOf({ request, request_uri: uri, remote_addr: client, logger }) {
  if (isObject(request)) return isText(logger) && logger.startsWith("http.log.access") ? request : null;
  if (isText(request)) return request;
  return isText(uri) && client !== undefined ? uri : null;
}

// nginx and Caddy: the status gives the level.
function access(record, object, readNamed) {
  const request = requestOf(object);
  readNamed(object);
  const { status, duration } = object;
  record.lvl = Math.max(record.lvl, levelOfStatus(Number(status)));
  if (!isObject(request)) record.msg ??= request;
  else {
    const took = typeof duration === "number" ? `${Number((duration * 1e3).toPrecision(4))} ms` : undefined;
    record.msg = [request.method, request.uri, status, took].filter((part) => part !== undefined).join(" ");
  }
}

