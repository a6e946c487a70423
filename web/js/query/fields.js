// The value of a field of a line, for the terms of a query and everything else that needs a field.
//
//     valueOf(line, "req.user.id")     nested, or the flat key "req.user.id"; undefined if there is none
//     fieldIn(object, "a.b")           the same, of an object
//
// Searched in this order: the JSON as it was published, the fields the normaliser found (a status in a line of nginx), the parts of
// every record (logger, message, file …), and `name=value` inside the message.

import { DERIVED } from "../normalise/text.js";

const PARTS = {
  level: (record) => record.lvlRaw,
  logger: (record) => record.logger,
  message: (record) => record.msg,
  msg: (record) => record.msg,
  file: (record) => record.src.file,
  line: (record) => record.src.line,
  function: (record) => record.src.fn,
  host: (record) => record.host,
  pid: (record) => record.pid,
  thread: (record) => record.thread,
  trace: (record) => record.trace,
  trace_id: (record) => record.trace,
  span: (record) => record.span,
  span_id: (record) => record.span,
  error: (record) => record.err?.stack,
  "error.type": (record) => record.err?.type,
  "error.message": (record) => record.err?.msg,
  format: (record) => record.fmt,
  event: (record) => record.event,
};

/** The names of the parts of every record, for suggestions. */
export const PART_NAMES = Object.keys(PARTS);

const looseNames = new Map();

/** The value of a field of a HeldLine, or undefined. */
export function valueOf(line, name) {
  if (!mayHave(line.text, name)) return undefined;
  const own = line.object ? fieldIn(line.object, name) : undefined;
  if (own !== undefined && own !== null) return own;
  const { record } = line;
  const found = fieldIn(record.fields, name) ?? (Object.hasOwn(PARTS, name) ? PARTS[name](record) : undefined);
  if (found !== undefined && found !== null) return found;
  return own === null ? null : (pairIn(record.msg ?? "", name) ?? undefined);
}

/** True for a text that may hide letters: behind JSON escapes, or with colours of a terminal between them. */
export const mayHide = (text) => text.includes("\\u00") || text.includes("\x1b") || text.includes("\x9b");

/** False if the text of a line shows, without reading it, that it has no such field. */
export function mayHave(text, name) {
  if (mayBeDerived(text, name) || mayHide(text)) return true;
  const last = lastName(name);
  return !isPlainJson(last) || text.includes(last);
}

/** The last part of a path that is no number of an item: where a line has the field, its text has this. */
export const lastName = (name) => name.split(".").findLast((part) => !/^\d*$/.test(part)) ?? "";

// Most names from patterns belong to requests, and the text shows a request: a search for status>=500 can skip most lines.
const OF_REQUEST = new Set(["client", "ident", "user", "method", "path", "version", "status", "phrase", "bytes", "referer", "agent", "rest"]);
const REQUEST = /HTTP\/|(?:[\t |/]|\\t)[1-5]\d\d(?:[\t )\\]|$)/;

/** True for a name that the normaliser may have found although it does not occur in the text. */
export const mayBeDerived = (text, name) => Object.hasOwn(PARTS, name) || (DERIVED.has(name) && (!OF_REQUEST.has(name) || REQUEST.test(text)));

// The normaliser assembles the message of a request, of a template with values, and of bytes.
const MADE = new RegExp(`${REQUEST.source}|status|@mt|Template|"args|"arguments|MESSAGE`);

// Names of formats, some levels, and the words of traces that are written as JSON.
const NOT_IN_TEXT = new Set(["format", "level", "error"]);

/** True for a name whose value may not occur in the text as it is. */
export const mayBeAssembled = (text, name) => NOT_IN_TEXT.has(name) || ((name === "msg" || name === "message") && MADE.test(text));

/** True for text that JSON writes without escapes. */
export const isPlainJson = (text) => /^[\w.: -]+$/.test(text);

/** The value under a flat key, or under a path of names joined by dots; any part of the path may itself be a flat key with dots. Items of a list have numbers, from 0. */
export function fieldIn(value, name) {
  if (value === null || typeof value !== "object" || (Array.isArray(value) && !/^\d/.test(name))) return undefined;
  if (Object.hasOwn(value, name)) return value[name];
  for (let dot = name.indexOf("."); dot > 0; dot = name.indexOf(".", dot + 1)) {
    const head = name.slice(0, dot);
    if (!Object.hasOwn(value, head)) continue;
    const found = fieldIn(value[head], name.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

// `took=3` and `user="ana b"` somewhere in a message.
function pairIn(message, name) {
  if (!message.includes(`${name}=`)) return undefined;
  let pattern = looseNames.get(name);
  if (pattern === undefined) {
    if (looseNames.size > 200) looseNames.clear();
    const escaped = name.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
    looseNames.set(name, (pattern = new RegExp(`(?<![\\w.-])${escaped}=(?:"([^"]*)"|([^\\s,;)\\]]*))`)));
  }
  const match = pattern.exec(message);
  return match ? (match[1] ?? match[2]) : undefined;
}
