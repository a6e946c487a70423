// Numbers, ages and log text as they are shown. Pure.

import { stripAnsi } from "./ansi.js";

const CUT_VALUE = 120;
const CUT_TAIL = 600;
// Control characters are made visible. So are bidi controls, which could make a line look like another one.
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;
// Characters that take part in text, but show nothing by themselves.
const UNSEEN = /[\s\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200d\u2800\u3164\ufe00-\ufe0f\uffa0]/g;

/** Lines per second, short: 0, 0.4, 12, 1.2k. */
export function formatRate(perSecond) {
  if (perSecond >= 1000) return `${(perSecond / 1000).toFixed(perSecond < 9950 ? 1 : 0)}k`;
  if (perSecond >= 10 || perSecond === 0) return String(Math.round(perSecond));
  return perSecond.toFixed(1);
}

/** How long ago, in one unit: "12 s", "4 min", "3 h", "2 d". */
export function formatAge(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

/** The part of a time that is the same as in the row above, up to the end of a unit. */
export function sharedPrefix(time, above) {
  if (!above) return "";
  let end = 0;
  for (let at = 0; at < time.length && time[at] === above[at]; at += 1) {
    if (time[at] === ":" || time[at] === ".") end = at + 1;
  }
  return time === above ? time : time.slice(0, end);
}

/** Text on one line, with its control characters made visible. */
export const visible = (text) => text.replace(CONTROLS, (char) => {
  const code = char.charCodeAt(0);
  if (char === "\t") return char;
  if (code === 0x7f) return "\u2421";
  return code < 0x20 ? String.fromCharCode(0x2400 + code) : `\u27e8U+${code.toString(16).toUpperCase()}\u27e9`;
});

/** Text with its control characters made visible, on as many lines as it has. */
export const visibleLines = (text) => text.split(/\r?\n/).map(visible).join("\n");

/** True for a text of which nothing can be seen. */
export const isBlank = (text) => stripAnsi(text).replace(UNSEEN, "") === "";

/**
 * A message as its row shows it: `{shown, hidden}`. `shown` is the first line that is not blank; where carriage returns write over
 * it, as a progress bar does, its last state that is not blank, as on a terminal. `hidden` has its other states and the lines after it.
 */
export function rowText(text) {
  if (text !== latest.text) latest = { text, ...splitForRow(text) };
  return latest;
}

export const shownLine = (text) => rowText(text).shown;

// A row asks for its text several times, and a message may have megabytes.
let latest = { text: "", shown: "", hidden: [] };

function splitForRow(text) {
  if (!/[\r\n]/.test(text)) return { shown: text, hidden: [] };
  const lines = text.trimEnd().split(/\r*\n/);
  const first = Math.max(0, lines.findIndex((line) => !isBlank(line)));
  const states = lines[first].split("\r").filter((state) => !isBlank(state));
  return { shown: states.pop() ?? "", hidden: [...states, ...lines.slice(first + 1).flatMap((line) => line.split("\r"))] };
}

/** Fields as `key=value key=value`. */
export function keyValues(fields) {
  let tail = "";
  for (const [key, value] of Object.entries(fields)) {
    if (tail.length > CUT_TAIL) return `${tail} …`;
    tail += `${tail && " "}${fieldText(key, value)}`;
  }
  return tail;
}

/** One field as a row shows it: `key=value`. */
export const fieldText = (key, value) => `${key.slice(0, CUT_VALUE)}=${shortValue(value)}`;

/** The text with U+FFFD for half a character (a lone surrogate), which no engine but the browser's can hold. */
export const wellFormed = (text) => (/[\ud800-\udfff]/.test(text) ? text.replace(/\p{Surrogate}/gu, "\ufffd") : text);

/** A value as text: 7 → "7", null → "null", {…} → JSON, or "…" where that is nested too deep. */
export function textOf(value) {
  if (value === null || typeof value !== "object") return String(value);
  try {
    return JSON.stringify(value);
  } catch {
    return "…";
  }
}

function shortValue(value) {
  const text = stripAnsi(textOf(value));
  const cut = text.length > CUT_VALUE ? `${text.slice(0, CUT_VALUE)}…` : text;
  return typeof value === "string" && /[\s"=]/.test(cut) ? JSON.stringify(cut) : cut;
}

/** A number of bytes: "12 B", "3.4 kB", "5.6 MB". */
export function formatBytes(count) {
  if (count < 1000) return `${count} B`;
  if (count < 999_950) return `${(count / 1000).toFixed(count < 99_950 ? 1 : 0)} kB`;
  return `${(count / 1_000_000).toFixed(1)} MB`;
}
