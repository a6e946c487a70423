// Suggestions at the cursor: names of fields, their values, channels, levels. Pure; what is known comes as an argument.
//
//     suggest("level>=warn us", 14, {fields: facets.fields(), channels: ["orders"]})
//     → {start: 12, end: 14, items: [{insert: "user=", label: "user", kind: "field", count: 97}, …]}
//     suggest("user=u", 6, …)  → {start: 5, end: 6, items: [{insert: "u7 ", label: "u7", kind: "value", count: 40}, …]}
//
//     isIncomplete("user=u", 6, …)     true: the value goes on, so what the term finds so far says nothing
//
// `fields` is [{name, count, values: [{value, count}, …]}, …], as in facets.js. `insert` replaces the text from start to end.

import { LEVELS } from "../normalise/levels.js";
import { PART_NAMES } from "./fields.js";
import { fieldTerm } from "./terms.js";

const MAX_ITEMS = 12;
const TERM = /^(-?)("(?:[^"\\]|\\.)*"|[\p{L}_@$][\p{L}\p{N}_.@$/-]*)(>=|<=|!=|!~|=|~|>|<)(.*)$/su;
// A field as other tools write it, see foreign.js.
const OTHER_FIELD = /^[-!]?@?([\w.]+):(?!\*$)/;
const TIMES = ["-5m", "-15m", "-1h", "today", "yesterday"];
const OFTEN = { __proto__: null, level: ">=", channel: "=", after: "=", before: "=" };

/** `{start, end, items}` for the position `cursor` in `text`; no items if nothing known matches. */
export function suggest(text, cursor, { fields = [], channels = [] } = {}) {
  const { start, word } = wordBefore(text, cursor);
  const term = TERM.exec(word);
  if (term) return valuesFor(term, start, cursor, { fields, channels });
  const minus = word.startsWith("-") ? 1 : 0;
  const typed = word.slice(minus).toLowerCase();
  if (word === "" || /^["/]/.test(typed)) return { start: cursor, end: cursor, items: [] };
  return { start: start + minus, end: cursor, items: bestMatches(namesOf(fields), typed).map(nameItem) };
}

/** True while the term at the cursor is being typed: it has no value yet, or only the beginning of one that is known, or of a level. */
export function isIncomplete(text, cursor, { fields = [], channels = [] } = {}) {
  const { word } = wordBefore(text, cursor);
  const other = OTHER_FIELD.exec(word);
  if (other) return ["level", ...fields.map(({ name }) => name)].includes(other[1]);
  const term = TERM.exec(word);
  if (!term) return false;
  const [, , key, sign, typed] = term;
  const own = typed.slice(typed.lastIndexOf(",") + 1).replace(/^"/, "").toLowerCase();
  if (own === "") return true;
  if (sign.includes("~")) return false;
  const known = knownValues(key.replace(/"/g, ""), { fields, channels }).map(({ label }) => label.toLowerCase());
  return !known.includes(own) && known.some((label) => label.startsWith(own)) && (sign === "=" || sign === "!=" || key === "level");
}

function namesOf(fields) {
  const seen = fields.map(({ name, count = 0 }) => ({ label: name, count }));
  const known = new Set(fields.map(({ name }) => name));
  const always = [...Object.keys(OFTEN), ...PART_NAMES].filter((name) => !known.has(name));
  return [...seen, ...[...new Set(always)].map((label) => ({ label, count: null }))];
}

function nameItem({ label, count }) {
  const key = fieldTerm(label, "", { op: "exists" }).slice(0, -2);
  return { insert: `${key}${OFTEN[label] ?? "="}`, label, kind: "field", count };
}

function valuesFor([whole, , key, sign, typed], start, cursor, known) {
  const name = key.startsWith('"') ? key.slice(1, -1).replace(/\\(["\\])/g, "$1") : key;
  // Of `user=u7,u` only what follows the comma is being typed.
  const own = sign === "=" || sign === "!=" ? typed.slice(typed.lastIndexOf(",") + 1) : typed;
  const from = start + whole.length - own.length;
  const items = bestMatches(knownValues(name, known), own.replace(/^"/, "").toLowerCase()).map(({ label, count }) => ({
    insert: `${fieldTerm("x", label).slice(2)} `, label, kind: "value", count,
  }));
  return { start: from, end: cursor, items: sign.includes("~") ? [] : items };
}

function knownValues(name, { fields, channels }) {
  if (name === "level") return LEVELS.slice(1).map((label) => ({ label, count: null }));
  if (name === "channel") return channels.map((label) => ({ label, count: null }));
  if (name === "after" || name === "before") return TIMES.map((label) => ({ label, count: null }));
  const values = fields.find((field) => field.name === name)?.values ?? [];
  return values.map(({ value, count }) => ({ label: String(value), count }));
}

// Labels that begin with the typed text come before labels that contain it, each by count. A label that is typed in full is left out.
function bestMatches(items, typed) {
  const ranked = items
    .map((item, at) => ({ item, at, rank: item.label.toLowerCase().indexOf(typed) }))
    .filter(({ item, rank }) => rank >= 0 && item.label.toLowerCase() !== typed);
  ranked.sort((one, other) => Number(one.rank > 0) - Number(other.rank > 0) || one.at - other.at);
  return ranked.slice(0, MAX_ITEMS).map(({ item }) => item);
}

// The word that ends at the cursor. Quotes keep its spaces; a bracket begins a new word.
function wordBefore(text, cursor) {
  let start = 0;
  let open = false;
  for (let at = 0; at < cursor; at += 1) {
    const char = text[at];
    if (char === "\\" && open) at += 1;
    else if (char === '"') open = !open;
    else if (!open && (/\s/.test(char) || (char === "(" && start === at) || (char === "-" && text[at + 1] === "(" && start === at))) start = at + 1;
  }
  return { start, word: text.slice(start, cursor) };
}
