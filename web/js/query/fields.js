// What a line says under a name, for the terms of a query and everything else that asks for a field.
//
//     valueOf(line, "req.user.id")     nested, or the flat key "req.user.id"; undefined where there is none
//     fieldIn(object, "a.b")           the same, of an object
//
// Looked at in this order: the JSON as it was published, the fields the normaliser found (a status in a line of nginx), the parts
// every record has (logger, message, file …), and `name=value` inside the message.

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

/** The names that every line may have, for suggestions. */
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

/** False when a line's text shows that it has no such field, without reading it. */
export function mayHave(text, name) {
  if (mayBeDerived(text, name)) return true;
  const last = name.slice(name.lastIndexOf(".") + 1);
  return !isPlainJson(last) || text.includes(last);
}

// Most names that patterns give are of a request, which shows; this is what spares a search for status>=500 most lines.
const OF_REQUEST = new Set(["client", "ident", "user", "method", "path", "version", "status", "phrase", "bytes", "referer", "agent", "rest"]);
const REQUEST = /HTTP\/|" [1-5]\d\d /;

/** True for a name that the normaliser may have found in a text that does not say it. */
export const mayBeDerived = (text, name) => Object.hasOwn(PARTS, name) || (DERIVED.has(name) && (!OF_REQUEST.has(name) || REQUEST.test(text)));

// A message that is put together: of a request, of a template and its values, of bytes.
const MADE = /HTTP\/|" [1-5]\d\d |@mt|"args|MESSAGE/;

/** True for a name whose value need not stand in the text as it is. */
export const mayBeAssembled = (text, name) => name === "format" || ((name === "msg" || name === "message") && MADE.test(text));

/** True for text that JSON writes as it is. */
export const isPlainJson = (text) => /^[\w.: -]+$/.test(text);

/** The value under a flat key, or down a path of names joined by dots, of which any part may be a flat key with dots itself. */
export function fieldIn(value, name) {
  if (value === null || typeof value !== "object") return undefined;
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
