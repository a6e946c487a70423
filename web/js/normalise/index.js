// Turns a line into a record: JSON text -> without its envelope -> JSON record or text pattern. Pure, and it never throws: a line
// that cannot be read is a record whose message is the line.

import { rowText } from "../format/text.js";
import { NONE } from "./levels.js";
import { readJson } from "./json.js";
import { adopt, blank } from "./record.js";
import { TABLE } from "./table.js";
import { headOf, readText } from "./text.js";
import { inZone, nearestDay } from "./time.js";
import { errorAt, framesOf, traceStart } from "./trace.js";

const SLOTS = new Set(TABLE.json.slots.split(" "));
const HUB_KEYS = new Set(TABLE.json.hubKeys.split(" "));
const HUB_MEMBERS = [...HUB_KEYS].filter((key) => key.startsWith("@"));
const DEEPEST = 3;
// Longer names are cut; the line itself has all of it.
const LONGEST_NAME = 1_000;
// A string, an integer of so many digits that it may be above 2^53, or another long number. A string without an end is matched to the
// end of the text, or every quote in it would be tried as a beginning.
const STRING_OR_LONG_NUMBER = /"[^"\\]*(?:\\[\s\S][^"\\]*)*(?:"|\\?$)|-?(\d{16,})(?![\d.eE])|-?\d[\d.eE+-]{15,}/g;
const MAX_SAFE = String(Number.MAX_SAFE_INTEGER);

/**
 * The record of a line; `arrivedAt` (ms) is its time if it names none. `zone` is the zone of times without one: null (local), one of
 * zones.js, or a function (wall, arrivedAt) => zone, see PublisherZones.
 */
export function normalise(raw, arrivedAt = null, { zone = null } = {}) {
  const text = typeof raw === "string" ? raw : (JSON.stringify(raw) ?? String(raw));
  const record = blank(text);
  try {
    new Reading(arrivedAt).line(record, text);
    if (record.msg !== null) finishMessage(record);
    if (!record.zone) chooseZone(record, arrivedAt, zone);
  } catch {
    // A value that cannot become text, {"toString": 1}, or that is nested too deep.
    Object.assign(record, blank(text), { msg: text });
  }
  for (const name of ["lvlRaw", "logger", "event"]) record[name] = record[name]?.slice(0, LONGEST_NAME) ?? null;
  record.ts ??= arrivedAt;
  return record;
}

function finishMessage(record) {
  const start = record.err === null ? traceStart(record.msg) : -1;
  if (start >= 0) splitTrace(record, start);
}

function chooseZone(record, arrivedAt, zone) {
  const chosen = typeof zone === "function" ? zone(record.wall, arrivedAt) : zone;
  if (chosen !== null) {
    const { ms, offset } = inZone(record.wall, chosen);
    Object.assign(record, { ts: ms, offset });
  }
  if (!record.dated && arrivedAt !== null) record.ts = nearestDay(record.ts, arrivedAt);
}

// How the readers of objects and texts read what is further inside; a line inside a line is read down to a depth.
class Reading {
  #depth = 0;

  constructor(arrivedAt) {
    this.arrivedAt = arrivedAt;
  }

  parse(text) {
    return parseObject(text);
  }

  /** Read a line into a record. Returns true if it has a form of its own. */
  line(record, text) {
    const object = this.#depth <= DEEPEST ? parseObject(text) : null;
    if (object === null) return readText(record, text, this);
    this.object(record, object);
    return true;
  }

  /** Let a record adopt what a text inside it says. Returns false, and changes nothing, if the text has no form of its own. */
  known(record, text) {
    return this.#deeper(record, (inner) => this.line(inner, text));
  }

  /** Let a record adopt what an object inside it says. */
  inside(record, object) {
    this.#deeper(record, (inner) => {
      this.object(inner, object);
      return true;
    });
  }

  /** Read an object into a record. */
  object(record, object) {
    if (typeof object["@event"] === "string") record.event = object["@event"];
    const slot = slotOf(object);
    if (slot === null) return readJson(record, withoutHubKeys(object), this);
    if (object.truncated === true && Number.isFinite(object.size)) record.truncatedFrom = object.size;
    const inner = object[slot];
    if (typeof inner !== "string") return this.#deeper(record, (held) => (this.object(held, inner), true));
    this.#depth += 1;
    this.line(record, inner.replace(/\r?\n$/, ""));
    this.#depth -= 1;
    return undefined;
  }

  #deeper(record, read) {
    if (this.#depth > DEEPEST) return false;
    this.#depth += 1;
    const inner = blank(record.raw);
    const found = read(inner);
    this.#depth -= 1;
    if (found) adopt(record, inner);
    return found;
  }
}

// An envelope is an object with one meaningful key, the slot. `info` is a slot here, not a level.
function slotOf(object) {
  let slot = null;
  for (const key of Object.keys(object)) {
    if (HUB_KEYS.has(key)) continue;
    if (slot !== null || !SLOTS.has(key)) return null;
    slot = key;
  }
  const held = slot === null ? null : object[slot];
  if (typeof held === "string") return slot;
  return slot === "info" && held !== null && typeof held === "object" && !Array.isArray(held) ? slot : null;
}

function withoutHubKeys(object) {
  if (!HUB_MEMBERS.some((key) => key in object)) return object;
  return Object.fromEntries(Object.entries(object).filter(([key]) => !HUB_MEMBERS.includes(key)));
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

// A number above 2^53 would be rounded: keep its digits. They are compared as text, which is faster than to read them as a number.
function withBigIntegersAsText(json) {
  const parts = [];
  let from = 0;
  for (const { 0: token, 1: digits, index } of json.matchAll(STRING_OR_LONG_NUMBER)) {
    if (digits === undefined || (digits.length === MAX_SAFE.length && digits <= MAX_SAFE)) continue;
    parts.push(json.slice(from, index), token);
    from = index + token.length;
  }
  parts.push(json.slice(from));
  return parts.join('"');
}

function splitTrace(record, start) {
  record.err = errorAt(record.msg, start);
  record.msg = record.msg.slice(0, start).trimEnd() || headOf(record.msg, record.err);
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
  const more = rowText(record.msg ?? "").hidden.length;
  if (more > 0) parts.push(`+ ${more} ${more === 1 ? "line" : "lines"}`);
  return parts.join(" ");
}

/** `[[name, number], …]` of a measurement, a line without a message or a level; null for any other line. */
export function measurementOf(record) {
  if (record.fmt !== "json" || record.msg !== null || record.lvlRaw !== null) return null;
  const numbers = Object.entries(record.fields).filter(([, value]) => Number.isFinite(value));
  return numbers.length > 0 ? numbers : null;
}
