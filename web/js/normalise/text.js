// Text lines: the forms of the table in order, then key=value pairs; a text that fits none is its own message. docs/formats.md has the steps.

import { stripAnsi } from "../format/ansi.js";
import {
  ERROR, NONE, isLevelWord, levelInText, levelOfNumber, levelOfPrefix, levelOfSign, levelOfStatus, levelOfWord,
} from "./levels.js";
import { labelled, pairsOf, scalar, splitPairs } from "./logfmt.js";
import { readRequestLine } from "./json.js";
import { rolesOf } from "./names.js";
import { adopt, blank, takeTime } from "./record.js";
import { TABLE, byFirst, compile } from "./table.js";
import { leadingTime, timeOf, timeOfParts } from "./time.js";
import { errorOfText, traceStart } from "./trace.js";

// No format needs more of a line, and no line takes long.
const WINDOW = 4_096;
const PRIORITY = /^<(\d{1,3})>(?!\d )/;
const STRUCTURED = /\[([^\s\]]+)|([^\s=\]["]+)="((?:[^"\\]|\\.)*)"/g;
const LONGEST_STRUCTURED = 65_536;
const JSON_ATTEMPTS = 8;
const CLOSING = { "[": "]", "(": ")" };
const NIL = "-";
const TIME_PARTS = new Set(["year", "month", "monthOrDay", "hour", "epoch"]);

// What becomes of the text of a group, by its role.
const FILL = {
  level: filledLevel,
  column: filledLevel,
  letter: filledSign,
  sign: filledSign,
  python: (record, text) => onScale(record, text, "python"),
  pri: (record, text) => onScale(record, String(Number(text) & 7), "syslog"),
  structured: (record, text) => {
    for (const [, , key, value] of text.slice(0, LONGEST_STRUCTURED).matchAll(STRUCTURED)) if (key) record.fields[key] = value.replace(/\\(["\\\]])/g, "$1");
  },
  request: (record, text) => readRequestLine(record.fields, text.replace(/\\"/g, '"')),
  logger: (record, text) => (record.logger = text === NIL ? null : text.trim()),
  host: (record, text) => (record.host = text === NIL ? null : text),
  pid: (record, text) => (record.pid = text === NIL ? null : text),
  thread: (record, text) => (record.thread = text),
  function: (record, text) => (record.src.fn = text),
  line: (record, text) => (record.src.line = text),
  file: (record, text) => (record.src.file = text),
  message: (record, text) => (record.msg = text),
  part: (record, text) => (record.part = text),
  time: () => {},
  status: (record, text) => {
    record.fields.status = scalar(text);
    record.lvl = Math.max(record.lvl, levelOfStatus(Number(text)));
  },
};

// A row does not match if the text of a group is none of these.
const CHECKS = {
  level: (text) => levelOfPrefix(text) !== NONE,
  letter: (text) => levelOfSign(text) !== NONE,
  sign: (text) => levelOfSign(text) !== NONE,
  host: (text) => !isLevelWord(text),
  logger: (text) => !isLevelWord(text),
};

const rowsOf = (list) => list.map((row) => {
  const { pattern, roles } = compile(row.pattern);
  const checks = roles.map((role, index) => ({ index: index + 1, fits: CHECKS[role] })).filter(({ fits }) => fits);
  const timed = roles.some((role) => TIME_PARTS.has(role));
  return { ...row, pattern, roles, checks, timed, time: roles.indexOf("time") + 1, fixed: row.level === undefined ? NONE : levelOfWord(row.level) };
});

const LINES = rowsOf(TABLE.lines);
const HEADS = rowsOf(TABLE.heads);
const asLine = byFirst(LINES);
const afterTime = byFirst(HEADS.filter(({ at }) => at !== "start"));
const atStart = byFirst(HEADS.filter(({ at }) => at !== "time"));

/** The names of fields that come from patterns and do not occur in the text itself. */
export const DERIVED = new Set(
  [...LINES, ...HEADS].flatMap(({ roles }) => roles).filter((role) => !(role in FILL) && !(role in TABLE.pieces && /^(?:year|month|day|hour|minute|second|fraction|half|zone|epoch)/.test(role))).concat("method", "path", "version", "request", "status"),
);

function filledLevel(record, text) {
  record.lvl = levelOfWord(text);
  record.lvlRaw = text.trim();
}

function filledSign(record, text) {
  record.lvl = levelOfSign(text);
  record.lvlRaw = text;
}

function onScale(record, text, scale) {
  record.lvl = levelOfNumber(Number(text), scale);
  record.lvlRaw = text;
}

/** Fill a record from one text; `context` is as in index.js. */
export function readText(record, text, context) {
  const plain = shownText(stripAnsi(text));
  if (traceStart(plain) === 0) return readTrace(record, plain);
  if (byRows(record, asLine, plain, null, context)) return true;
  const priority = PRIORITY.exec(plain);
  if (priority) onScale(record, String(Number(priority[1]) & 7), "syslog");
  const rest = priority ? plain.slice(priority[0].length) : plain;
  const timed = takeLeadingTime(record, rest, context.arrivedAt);
  if (timed !== null) return readAfterTime(record, timed.rest, timed.name, context);
  // Text that is indented continues another line.
  if ((!/^(?:[ ]{2}|\t)/.test(rest) && byRows(record, atStart, rest, null, context)) || byPairs(record, rest, context)) return true;
  return readPlain(record, rest, context);
}

/** What a terminal shows of a text: of the parts of a line between carriage returns, the last one that is not empty. */
export function shownText(text) {
  if (!text.includes("\r")) return text;
  const lines = text.split("\r\n").join("\n");
  return lines.includes("\r") ? lines.split("\n").map(lastPart).join("\n") : lines;
}

function lastPart(line) {
  let end = line.length;
  while (end > 0 && line[end - 1] === "\r") end -= 1;
  return line.slice(line.lastIndexOf("\r", end - 1) + 1, end);
}

function readTrace(record, text) {
  record.err = errorOfText(text);
  record.msg = headOf(text, record.err);
  record.lvl = ERROR;
}

/** The message of an error that has no other: what was raised, or the first line. */
export const headOf = (text, { type, msg }) => type !== null && /^(?:Traceback|[/\s|+]|[A-Z]:\\|file:|node:)/.test(text) ? `${type}: ${msg ?? ""}` : text.slice(0, `${text}\n`.indexOf("\n"));

function takeLeadingTime(record, text, arrivedAt) {
  const close = CLOSING[text[0]];
  const open = close !== undefined;
  const found = leadingTime((open ? text.slice(1, 1 + WINDOW) : text.slice(0, WINDOW)).trimStart(), arrivedAt);
  if (found === null) return null;
  const begins = open ? 1 : 0;
  const indent = text.length - begins - text.slice(begins).trimStart().length;
  takeTime(record, found.time);
  const rest = text.slice(begins + indent + found.end);
  if (!open) return { rest, name: found.name };
  return { rest: rest[0] === close ? rest.slice(1) : text[0] + rest, name: found.name };
}

function readAfterTime(record, rest, name, context) {
  if (byRows(record, afterTime, rest, name, context)) return true;
  record.fmt = "time";
  const text = rest.replace(/^[ \t]*(?:\|[ \t]*|[:,-][ \t]+)?/, "");
  if (text !== "" && !context.known(record, text)) readPlain(record, text, context);
  return true;
}

function byRows(record, rowsFor, text, timeName, context) {
  const window = text.length > WINDOW ? text.slice(0, WINDOW) : text;
  for (const row of rowsFor(text)) {
    if (row.after && !row.after.includes(timeName)) continue;
    const match = row.pattern.exec(window);
    if (match !== null && fill(record, row, match, text, context)) return true;
  }
  return false;
}

// False if a group holds what its role cannot be.
function fill(record, row, match, text, context) {
  for (const { index, fits } of row.checks) if (match[index] !== undefined && !fits(match[index])) return false;
  const time = row.time > 0 ? timeOf(match[row.time], context.arrivedAt) : row.timed ? timeOfParts(row.roles, match, context.arrivedAt) : undefined;
  if (time === null && match[row.time] !== NIL) return false;
  const after = text.slice(match[0].length);
  if (row.rest === "known" && !context.known(record, after)) return false;
  if (time) takeTime(record, time);
  const { fmt } = record;
  record.fmt = row.fmt;
  if (row.fixed !== NONE) record.lvl = row.fixed;
  for (let index = 0; index < row.roles.length; index += 1) {
    const value = match[index + 1];
    if (value !== undefined) fillRole(record, row.roles[index], value, row.rest === "known");
  }
  if (row.rest === "known") record.fmt = fmt;
  else if (row.rest === undefined && record.logger === null && after.trim() === "") record.msg = text.trim();
  else RESTS[row.rest ?? "message"](record, row.keep ? text.trimStart() : after, context);
  return true;
}

function fillRole(record, role, value, weak) {
  if (role in FILL) {
    if (!weak || record[role] === null) FILL[role](record, value);
  } else if (value !== NIL && value !== "" && !/^(?:year|month|day|hour|minute|second|fraction|half|zone|epoch)/.test(role)) record.fields[role] = scalar(value);
}

const RESTS = {
  message: readMessage,
  line: (record, text, context) => {
    if (!context.known(record, text)) readMessage(record, text, context);
  },
  head: (record, text, context) => readAfterTime(record, text, null, context),
  // zerolog, logrus: text, key=value
  pairs: (record, text) => {
    const [head, pairs] = splitPairs(text);
    record.msg = head.trimEnd();
    Object.assign(record.fields, pairs);
  },
  // structlog: text padded to 30, [logger], key=value
  padded: (record, text) => {
    const [head, pairs] = splitPairs(text);
    const tail = /^([\s\S]*\S) +\[([\w.:-]+)\]$/.exec(head.slice(-400));
    record.msg = tail ? head.slice(0, -400) + tail[1] : head;
    record.logger = tail?.[2] ?? record.logger;
    Object.assign(record.fields, pairs);
  },
  // klog: "text" key=value
  quoted: (record, text) => {
    const quoted = /^"((?:[^"\\]|\\.)*)"\s*/.exec(text);
    const pairs = quoted && (quoted[0].length === text.length ? {} : pairsOf(text.slice(quoted[0].length)));
    record.msg = pairs ? quoted[1].replace(/\\(["\\])/g, "$1") : text;
    Object.assign(record.fields, pairs);
  },
  // zap: text, tab, JSON
  tabs: (record, text, context) => {
    const tab = text.lastIndexOf("\t{");
    const object = tab >= 0 ? context.parse(text.slice(tab + 1)) : null;
    record.msg = object ? text.slice(0, tab) : text;
    Object.assign(record.fields, object);
  },
  // Monolog: text, JSON of the context, JSON of the rest
  context: (record, text, context) => {
    const match = /^([\s\S]*?) (\{"[\s\S]*\}|\[\])(?: (\{"[\s\S]*\}|\[\]|\{\}))?\s*$/.exec(text.slice(0, LONGEST_STRUCTURED));
    record.msg = match ? match[1] : text;
    for (const json of match ? [match[2], match[3]] : []) {
      const object = json?.[0] === "{" ? context.parse(json.replaceAll("\n", "\\n")) : null;
      if (object && typeof object.exception === "string") record.err = errorOfText(object.exception.replace(/^\[object\] \(([\w\\]+)\(code: \w+\): /, "$1: ").replace(/ at [^ \n]+:\d+\)/, ""));
      Object.assign(record.fields, object);
    }
  },
  stack: (record, text) => {
    if (text.trim() !== "") record.msg += text;
  },
  request: (record) => describeRequest(record),
};

// A message may end in an object of JSON, or be one.
function readMessage(record, text, context) {
  record.msg = text.endsWith("\n") ? text.trimEnd() : text;
  const found = record.msg.endsWith("}") ? trailingObject(record.msg, context) : null;
  if (found === null) return;
  const prefix = record.msg.slice(0, found.at).trim();
  const inner = blank(record.raw);
  context.object(inner, found.object);
  if (prefix === "") return adopt(record, { ...inner, fmt: record.fmt });
  record.msg = prefix;
  if (record.fmt === "plain") record.fmt = "text-json";
  if (record.lvlRaw !== null || (inner.lvlRaw === null && inner.msg === null)) return Object.assign(record.fields, found.object);
  if (/^[\w.-]+:?$/.test(prefix)) inner.logger ??= prefix.replace(/:$/, "");
  else inner.msg = [prefix, inner.msg].filter(Boolean).join(" ");
  return adopt(record, { ...inner, fmt: record.fmt });
}

function trailingObject(text, context) {
  if (text.length > LONGEST_STRUCTURED) return null;
  let at = text[0] === "{" ? 0 : text.indexOf(" {") + 1;
  for (let attempts = 0; at >= 0 && at < WINDOW && attempts < JSON_ATTEMPTS; attempts += 1) {
    if (text[at] !== "{") return null;
    const object = context.parse(text.slice(at));
    if (object !== null && Object.keys(object).length > 0) return { at, object };
    at = text.indexOf(" {", at) + 1;
  }
  return null;
}

// The message of a request is its method, path and status; the status gives its level.
function describeRequest(record) {
  const { method, path, request, status, phrase, version } = record.fields;
  record.msg ??= [method ?? request, path, status, phrase].filter((part) => part !== undefined && part !== "").join(" ");
  if (version !== undefined) record.fields.version = String(version);
  delete record.fields.phrase;
}

function byPairs(record, text, context) {
  const pairs = text.includes("=") ? pairsOf(text) : text.includes("\t") ? labelled(text) : null;
  if (pairs === null) return false;
  const values = Object.values(pairs);
  const { time, level, message } = rolesOf(pairs);
  const words = values.filter((value) => value === true).length;
  const known = (time || level || message) && values.length - words >= 2;
  if (!known && (values.length < 3 || words > 0)) return false;
  context.object(record, pairs);
  record.fmt = "logfmt";
  return true;
}

// Returns true if the text has a form of its own.
function readPlain(record, text, context) {
  readMessage(record, text, context);
  if (record.lvlRaw === null) {
    const { level, word } = levelInText(text);
    record.lvl = level;
    record.lvlRaw = word;
  }
  return false;
}
