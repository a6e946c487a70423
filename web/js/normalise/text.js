// Text lines: first the patterns in order, then key=value pairs, then texts that at least name a level.

import { NONE, levelInText, levelOfNumber, levelOfSign, levelOfStatus, levelOfWord } from "./levels.js";
import { pairsOf, scalar, splitPairs } from "./logfmt.js";
import { rolesOf } from "./names.js";
import { LOOSE_PATTERNS, PATTERNS } from "./patterns.js";
import { timeOf } from "./time.js";

const ANSI = /\x1b\[[0-9;:?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)/g;
const STRUCTURED = /\[([^\s\]]+)|(?<![^\s[])([^\s=\]]+)="((?:[^"\\]|\\.)*)"/g;
const NIL = "-";

const FILL = {
  time(record, text, arrivedAt) {
    const time = timeOf(text, arrivedAt);
    if (time) Object.assign(record, { ts: time.ms, tsFrom: "line", zone: time.zone, wall: time.wall });
  },
  level(record, text) {
    record.lvl = levelOfWord(text);
    record.lvlRaw = text;
  },
  pythonLevel: (record, text) => onScale(record, text, "python"),
  pri: (record, text) => onScale(record, String(Number(text) & 7), "syslog"),
  letter(record, text) {
    record.lvl = levelOfSign(text);
    record.lvlRaw = text;
  },
  logger: (record, text) => (record.logger = text === NIL ? null : text),
  function: (record, text) => (record.src.fn = text),
  line: (record, text) => (record.src.line = text),
  file: (record, text) => (record.src.file = text),
  host: (record, text) => (record.host = text === NIL ? null : text),
  pid: (record, text) => (record.pid = text === NIL ? null : text),
  thread: (record, text) => (record.thread = text),
  message: (record, text) => (record.msg = text),
  // klog: "text" key=value
  pairs(record, text) {
    const quoted = /^"((?:[^"\\]|\\.)*)"\s*/.exec(text);
    const pairs = quoted && (quoted[0].length === text.length ? {} : pairsOf(text.slice(quoted[0].length)));
    record.msg = pairs ? quoted[1].replace(/\\(["\\])/g, "$1") : text;
    Object.assign(record.fields, pairs);
  },
  // structlog: text padded to 30, [logger], key=value
  padded(record, text) {
    const [head, pairs] = splitPairs(text);
    const tail = /^([\s\S]*\S)\s+\[([\w.:-]+)\]$/.exec(head.slice(-400));
    record.msg = tail ? head.slice(0, -400) + tail[1] : head;
    record.logger = tail?.[2] ?? record.logger;
    Object.assign(record.fields, pairs);
  },
  structured(record, text) {
    for (const [, , key, value] of text.slice(0, 65_536).matchAll(STRUCTURED)) if (key) record.fields[key] = value.replace(/\\(["\\\]])/g, "$1");
  },
  json(record, text, arrivedAt, readers) {
    readers.fields(record, text);
  },
};
FILL.sign = FILL.letter;

/** The names of fields that come from patterns and do not occur in the text itself. */
export const DERIVED = new Set(
  PATTERNS.flatMap(({ groups }) => groups.filter((name) => name !== null && !(name in FILL) && name !== "inner")),
);

function onScale(record, text, scale) {
  record.lvl = levelOfNumber(Number(text), scale);
  record.lvlRaw = text;
}

/**
 * Fill a record from one text line; a line that fits no pattern is its own message. `readers` read what a line may contain:
 * `line(record, text)`, `known(record, text)`, `object(record, object)`, `fields(record, json)` and `parse(text)`.
 */
export function readText(record, text, arrivedAt, readers) {
  const plain = text.includes("\x1b") ? text.replace(ANSI, "") : text;
  if (byPatterns(record, plain, arrivedAt, readers) || byPairs(record, plain, readers) || byLoosePatterns(record, plain, arrivedAt, readers)) return;
  const { level, word } = levelInText(plain);
  record.fmt = "plain";
  record.msg = plain;
  if (record.lvlRaw === null) {
    record.lvl = level;
    record.lvlRaw = word;
  }
}

function byPatterns(record, text, arrivedAt, readers) {
  for (const row of PATTERNS) {
    const match = row.pattern.exec(text);
    if (!match) continue;
    record.fmt = row.fmt;
    fill(record, row, match, arrivedAt, readers);
    const inner = row.groups.indexOf("inner");
    if (inner >= 0) {
      record.part = match[inner];
      readers.line(record, match[inner + 1]);
    } else if (record.fields.status !== undefined) describeRequest(record);
    return true;
  }
  return false;
}

function fill(record, { groups, time }, match, arrivedAt, readers) {
  if (time) FILL.time(record, time(match), arrivedAt);
  groups.forEach((name, index) => {
    const text = match[index + 1];
    if (text === undefined || name === null || name === "inner") return;
    if (name in FILL) FILL[name](record, text, arrivedAt, readers);
    else if (text !== NIL && text !== "") record.fields[name] = scalar(text);
  });
}

// The message of a request is its method, path and status; the status gives its level.
function describeRequest(record) {
  const { method, path, status, phrase, version } = record.fields;
  record.msg ??= [method, path, status, phrase].filter((part) => part !== undefined).join(" ");
  if (version !== undefined) record.fields.version = String(version);
  delete record.fields.phrase;
  record.lvl = Math.max(record.lvl, levelOfStatus(status));
}

function byPairs(record, text, readers) {
  if (!text.includes("=")) return false;
  const pairs = pairsOf(text);
  if (!pairs) return false;
  const values = Object.values(pairs);
  const { time, level, message } = rolesOf(pairs);
  const words = values.filter((value) => value === true).length;
  const known = (time || level || message) && values.length - words >= 2;
  if (!known && (values.length < 3 || words > 0)) return false;
  readers.object(record, pairs);
  record.fmt = "logfmt";
  return true;
}

function byLoosePatterns(record, text, arrivedAt, readers) {
  const [compose, withJson, timeLevel] = LOOSE_PATTERNS;
  const named = compose.pattern.exec(text);
  if (named && readers.known(record, named[2])) {
    record.logger ??= named[1];
    return true;
  }
  const [, prefix, json] = (text.endsWith("}") && withJson.pattern.exec(text)) || [];
  const object = json && readers.parse(json);
  if (object) {
    readPrefixed(record, prefix.trim(), object, readers);
    return true;
  }
  const match = timeLevel.pattern.exec(text);
  if (!match) return false;
  record.fmt = timeLevel.fmt;
  fill(record, timeLevel, match, arrivedAt, readers);
  return true;
}

function readPrefixed(record, prefix, object, readers) {
  const { level, word } = levelInText(prefix);
  readers.object(record, object);
  record.fmt = "text-json";
  if (record.lvlRaw === null && level !== NONE) Object.assign(record, { lvl: level, lvlRaw: word });
  if (record.msg === null) record.msg = prefix;
  else if (/^[\w.-]+:?$/.test(prefix)) record.logger ??= prefix.replace(/:$/, "");
  else record.msg = `${prefix} ${record.msg}`;
}

