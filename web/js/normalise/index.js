// Turns a line into a record: JSON text -> without its envelope -> JSON record or text pattern. Pure, and it never throws: a line
// that cannot be read is a record whose message is the line.

import { NONE } from "./levels.js";
import { readJson } from "./json.js";
import { readText } from "./text.js";
import { inZone } from "./time.js";
import { errorOfText, framesOf, traceStart } from "./trace.js";

const SLOTS = new Set(["info", "log", "line", "message", "msg", "text", "data", "event"]);
const HUB_KEYS = new Set(["@channel", "@event", "truncated", "size"]);
const DOCKER_KEYS = new Set(["log", "stream", "time"]);
const DEEPEST = 3;
// Longer names are cut; the line itself has all of it.
const LONGEST_NAME = 1_000;
// A string without an end is matched to the end of the text, or every quote in it would be tried as a beginning.
const NUMBER_OR_STRING = /"[^"\\]*(?:\\[\s\S][^"\\]*)*(?:"|\\?$)|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * The record of a line; `arrivedAt` (ms) is its time if it names none. `zone` is the zone of times without one: null (local), one of
 * zones.js, or a function (wall, arrivedAt) => zone, see PublisherZones.
 */
export function normalise(raw, arrivedAt = null, { zone = null } = {}) {
  const text = typeof raw === "string" ? raw : (JSON.stringify(raw) ?? String(raw));
  const record = blank(text);
  try {
    read(record, text, arrivedAt, 0);
    const start = record.err === null && record.msg !== null ? traceStart(record.msg) : -1;
    if (start >= 0) splitTrace(record, start);
    if (!record.zone) chooseZone(record, arrivedAt, zone);
  } catch {
    // A value that cannot become text, {"toString": 1}, or that is nested too deep.
    Object.assign(record, blank(text), { msg: text });
  }
  for (const name of ["lvlRaw", "logger", "event"]) record[name] = record[name]?.slice(0, LONGEST_NAME) ?? null;
  record.ts ??= arrivedAt;
  return record;
}

const blank = (raw) => ({
  ts: null, tsFrom: "recv", zone: true, offset: null, wall: null, lvl: NONE, lvlRaw: null, msg: null, logger: null,
  src: { file: null, line: null, fn: null }, err: null, trace: null, span: null, host: null, pid: null, thread: null,
  fields: Object.create(null), fmt: "plain", event: null, truncatedFrom: null, raw,
});

function chooseZone(record, arrivedAt, zone) {
  const chosen = typeof zone === "function" ? zone(record.wall, arrivedAt) : zone;
  if (chosen === null) return;
  const { ms, offset } = inZone(record.wall, chosen);
  Object.assign(record, { ts: ms, offset });
}

function read(record, text, arrivedAt, depth) {
  const object = depth <= DEEPEST ? parseObject(text) : null;
  if (object) return readObject(record, object, arrivedAt, depth);
  return readText(record, text, arrivedAt, {
    parse: parseObject,
    object: (into, inner) => readJson(into, inner, arrivedAt),
    line: (into, inner) => read(into, inner, arrivedAt, depth + 1),
    fields: (into, json) => Object.assign(into.fields, parseObject(json)),
    known: (into, inner) => depth <= DEEPEST && readKnown(into, inner, arrivedAt, depth + 1),
  });
}

// The text after the name of a service is read further only if it has a known format.
function readKnown(record, text, arrivedAt, depth) {
  const found = blank(record.raw);
  read(found, text, arrivedAt, depth);
  if (found.fmt === "plain") return false;
  Object.assign(record, found, { fields: Object.assign(record.fields, found.fields) });
  return true;
}

function readObject(record, object, arrivedAt, depth) {
  if (typeof object["@event"] === "string") record.event = object["@event"];
  const slot = slotOf(object);
  if (slot === null) return readJson(record, withoutHubKeys(object), arrivedAt);
  if (object.truncated === true && Number.isFinite(object.size)) record.truncatedFrom = object.size;
  const inner = object[slot];
  if (typeof inner !== "string") return readObject(record, inner, arrivedAt, depth + 1);
  if ("stream" in object) readJson(record, { stream: object.stream, time: object.time }, arrivedAt);
  return read(record, inner.replace(/\r?\n$/, ""), arrivedAt, depth + 1);
}

// An envelope is an object with one meaningful key, the slot. `info` is a slot here, not a level.
function slotOf(object) {
  let slot = null;
  for (const key of Object.keys(object)) {
    if (HUB_KEYS.has(key) || (key !== "log" && DOCKER_KEYS.has(key) && typeof object.log === "string")) continue;
    if (slot !== null || !SLOTS.has(key)) return null;
    slot = key;
  }
  const held = slot === null ? null : object[slot];
  if (typeof held === "string") return slot;
  return slot === "info" && held !== null && typeof held === "object" && !Array.isArray(held) ? slot : null;
}

function withoutHubKeys(object) {
  if (!("@channel" in object) && !("@event" in object)) return object;
  return Object.fromEntries(Object.entries(object).filter(([key]) => key !== "@channel" && key !== "@event"));
}

/** The JSON object or array of a text, integers past 2^53 as text, or null. */
export function parseObject(text) {
  if (!/^\s*\{/.test(text)) return null;
  try {
    const value = JSON.parse(/\d{16}/.test(text) ? withBigIntegersAsText(text) : text);
    return value !== null && typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

// A number above 2^53 would be rounded: keep its digits.
const withBigIntegersAsText = (json) => json.replace(NUMBER_OR_STRING, (token) =>
  /^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token)) ? `"${token}"` : token,
);

function splitTrace(record, start) {
  record.err = errorOfText(record.msg.slice(start).trimStart());
  record.msg = record.msg.slice(0, start).trimEnd() || `${record.err.type ?? "Error"}: ${record.err.msg ?? ""}`;
}

/** The record of a line together with the lines that continue it: a stack trace among them is its error. */
export function withContinuations(record, texts) {
  if (texts.length === 0) return record;
  const gap = record.part === "P" ? "" : "\n";
  const more = texts.join(gap);
  if (record.err) return { ...record, err: { ...record.err, stack: `${record.err.stack ?? ""}\n${more}` } };
  const joined = { ...record, msg: (record.msg ?? "") + gap + more };
  const start = traceStart(joined.msg);
  if (start >= 0) splitTrace(joined, start);
  return joined;
}

/** The error in one line, "ValueError: x", or "" if there is none or the message has it already. */
export function failureOf({ err, msg }) {
  if (!err) return "";
  const type = err.type?.split(".").at(-1) ?? "";
  const text = [type, err.msg].filter(Boolean).join(": ");
  if (text === "" || msg?.includes(type || text)) return "";
  return text.split("\n")[0].slice(0, 200);
}

/** What a closed row hides of a record: "· 14 frames", "+ 3 lines", or "". */
export function hiddenSummary(record) {
  const parts = [];
  if (record.err?.stack) {
    const frames = framesOf(record.err.stack);
    const lines = record.err.stack.trimEnd().split("\n").length;
    if (frames > 0) parts.push(`· ${frames} ${frames === 1 ? "frame" : "frames"}`);
    else if (lines > 1) parts.push(`+ ${lines} lines`);
  }
  const more = (record.msg ?? "").trimEnd().split("\n").length - 1;
  if (more > 0) parts.push(`+ ${more} ${more === 1 ? "line" : "lines"}`);
  return parts.join(" ");
}

/** `[[name, number], …]` of a measurement, a line without a message or a level; null for any other line. */
export function measurementOf(record) {
  if (record.fmt !== "json" || record.msg !== null || record.lvlRaw !== null) return null;
  const numbers = Object.entries(record.fields).filter(([, value]) => Number.isFinite(value));
  return numbers.length > 0 ? numbers : null;
}
