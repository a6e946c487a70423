// Compiles the tree of a query into one test of a HeldLine. Cheap tests come first; the fields of a line are read only when its text
// may contain what the query looks for.
//
//     const test = compileTree(tree, {now, zone, onAbandoned: (pattern) => …});     raises QueryFault
//     test(line)     true or false

import { covers } from "../protocol/channels.js";
import { textOf, wellFormed } from "../format/text.js";
import { parseId } from "../protocol/ids.js";
import { LEVELS, NONE, levelOfWord } from "../normalise/levels.js";
import { parseMoment } from "../format/parse-time.js";
import { isNumber } from "../format/units.js";
import { compares, equals } from "./compare.js";
import { isPlainJson, lastName, mayBeAssembled, mayBeDerived, mayHide, valueOf } from "./fields.js";
import { QueryFault } from "./parse.js";
import { Pattern, smartFlags } from "./pattern.js";

const CHEAP = 0;
const SEARCH = 1;
const READ = 2;
// Numbers that are written with other digits than those that are looked for.
const OTHER_DIGITS = /[\d.][eE]|[\d.]{17}/;
// Values of which the text has nothing: of a bare word in logfmt, and of a number that is too large.
const UNSEEN = ["true", "Infinity"];
// These names mean the line's position in the stream, not one of its fields.
const SPECIAL = { level: levelTest, channel: channelTest, after: timeTest, before: timeTest, id: idTest };

/** The test of a tree. `onAbandoned(pattern)` is called for an expression that took too long. */
export const compileTree = (tree, options = {}) => build(tree, { now: Date.now(), zone: "local", onAbandoned: () => {}, ...options }).test;

// Each part is {test, cost}.
function build(node, options) {
  switch (node.kind) {
    case "and":
    case "or":
      return combine(node, options);
    case "not": {
      const { test, cost } = build(node.item, options);
      return { test: (line) => !test(line), cost };
    }
    case "text":
      return ofAnyPart({ test: textTest(node.value), cost: SEARCH });
    case "regex": {
      const pattern = patternOf(node, node.source, node.flags, options);
      return ofAnyPart({ test: (line) => pattern.test(line.plain), cost: SEARCH });
    }
    default:
      return fieldPart(node, options);
  }
}

// A line and those that continue it are one: what is in any of them is in it.
const ofAnyPart = ({ test, cost }) => ({ test: (line) => test(line) || line.parts.some(test), cost });

function combine({ kind, items }, options) {
  const parts = items.map((item) => build(item, options)).sort((one, other) => one.cost - other.cost);
  const tests = parts.map(({ test }) => test);
  const cost = Math.max(...parts.map((part) => part.cost));
  if (kind === "or") return { test: (line) => tests.some((test) => test(line)), cost };
  return { test: (line) => tests.every((test) => test(line)), cost };
}

/** The test for a text; case matters only if the text contains a capital letter. */
export function textTest(value) {
  const escaped = value.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
  const ascii = /^[\x20-\x7e]*$/.test(value);
  const pattern = new RegExp(escaped, `${/\p{Lu}/u.test(value) ? "" : "i"}${ascii ? "" : "u"}`);
  if (!isPlainJson(value)) return (line) => pattern.test(line.plain);
  // Undoing escapes is expensive: a word of letters that is not in the text can only be hidden in \u00xx.
  return (line) => {
    if (!line.text.includes("\\")) return pattern.test(line.text);
    return (line.text.includes("\\u00") || pattern.test(line.text)) && pattern.test(line.plain);
  };
}

const patternOf = (node, source, flags, { onAbandoned }) => faultsAt(node, () => new Pattern(source, flags, onAbandoned));

const faultAt = ({ start, end, inside = { start, end } }, message) => new QueryFault(message, inside.start, inside.end);

function faultsAt(node, make) {
  try {
    return make();
  } catch (error) {
    if (error instanceof SyntaxError) throw faultAt(node, error.message);
    throw error;
  }
}

function fieldPart(node, options) {
  const { name, op, values } = node;
  const special = Object.hasOwn(SPECIAL, name) ? SPECIAL[name](node, options) : null;
  if (special) return special;
  if (op === "exists") return ofAnyPart({ test: (line) => (valueOf(line, name) ?? null) !== null, cost: READ });
  if (op === "~") return ofAnyPart({ test: matchesTest(node, options), cost: READ });
  if (op === "=") return ofAnyPart({ test: equalsTest(name, values), cost: READ });
  return ofAnyPart({ test: comparesTest(node), cost: READ });
}

function matchesTest(node, options) {
  const [source] = node.values;
  const pattern = patternOf(node, source, node.flags ?? smartFlags(source), options);
  // Letters of a value are in the line, whatever is between its words.
  const literal = !UNSEEN.some((text) => text.toLowerCase().includes(pattern.literal.toLowerCase())) && new RegExp(pattern.literal, pattern.ignoresCase ? "i" : "");
  return (line) => {
    if (literal && !literal.test(line.text) && !mayHide(line.text) && !mayBeAssembled(line.text, node.name)) return false;
    const value = valueOf(line, node.name);
    return value !== undefined && pattern.test(wellFormed(textOf(value)));
  };
}

function equalsTest(name, values) {
  const fits = equals(values);
  const numeric = values.some(isNumber);
  // A message may be put together of words.
  const isMessage = name === "msg" || name === "message";
  const isSought = (value) => isPlainJson(value) && !UNSEEN.includes(value.replace(/^-/, "")) && !(isMessage && /[ :]/.test(value));
  const sought = values.every(isSought) ? values.map((value) => (isNumber(value) ? digitsOf(value) : value)) : [""];
  return (line) => {
    const { text } = line;
    const isThere = sought.some((value) => text.includes(value)) || (numeric && OTHER_DIGITS.test(text)) || mayHide(text);
    if (!isThere && !mayBeAssembled(text, name)) return false;
    const value = valueOf(line, name);
    return value !== undefined && fits(value);
  };
}

// What a number has in common with every other way to write it, but those of OTHER_DIGITS.
function digitsOf(text) {
  const number = String(Math.abs(Number(text)));
  if (!Number.isSafeInteger(Math.trunc(Number(text)))) return text;
  return number.includes("e") ? "" : number.replace(/^0\./, ".");
}

function comparesTest(node) {
  const { name, op } = node;
  const fits = faultsAt(node, () => compares(op, node.values[0]));
  const last = lastName(name);
  const scan = isPlainJson(last) && name.endsWith(last) ? scanner(last, (text) => fits(text, name)) : () => true;
  return (line) => {
    if (!scan(line.text) && !mayBeDerived(line.text, name) && !mayHide(line.text)) return false;
    const value = valueOf(line, name);
    return value !== undefined && (Array.isArray(value) ? value.some((item) => fits(item, name)) : fits(value, name));
  };
}

// False if the text of a line shows every value under this key, in JSON or as key=value, and none fits. Less precise than reading the
// line, but ten times faster.
function scanner(key, fits) {
  const name = key.replace(/[.-]/g, "\\$&");
  const json = `"${name}"\\s*:\\s*(?:"([^"\\\\]*)"|([-+.\\w]+))`;
  const loose = `${name}=([^\\s,;=)\\]"\\\\]+)(?=[\\s,;)\\]"]|\\\\[nrt"]|$)`;
  const pair = new RegExp(`${json}|(?<![\\w.-])${loose}`, "g");
  const word = new RegExp(`(?<!\\w)${name}(?!\\w)`, "g");
  return (text) => {
    if (!text.includes(key)) return true;
    let unseen = text.match(word)?.length ?? 0;
    if (unseen === 0) return true;
    pair.lastIndex = 0;
    for (let match = pair.exec(text); match; match = pair.exec(text)) {
      if (fits(match[1] ?? match[2] ?? match[3])) return true;
      unseen -= 1;
    }
    return unseen > 0;
  };
}

function levelTest(node) {
  const { op, values } = node;
  if (op === "exists") return { test: (line) => line.level !== NONE, cost: CHEAP };
  if (op === "~") return null;
  const levels = values.map((word) => (word.toLowerCase() === "none" ? NONE : levelOfWord(word) || null));
  if (op !== "=") {
    if (!levels[0]) throw faultAt(node, `There is no level “${values[0]}”: ${LEVELS.slice(1).join(", ")}`);
    const fits = compares(op, String(levels[0]));
    return { test: (line) => line.level !== NONE && fits(line.level, ""), cost: CHEAP };
  }
  const known = new Set(levels.filter((level) => level !== null));
  const own = values.filter((_, at) => levels[at] === null).map((word) => word.toLowerCase());
  if (own.length === 0) return { test: (line) => known.has(line.level), cost: CHEAP };
  // A custom level such as AUDIT has a name but no rank.
  const named = (line) => line.level === NONE && own.includes(line.record.lvlRaw?.toLowerCase());
  return { test: (line) => known.has(line.level) || named(line), cost: READ };
}

function channelTest(node, options) {
  const { op, values, flags } = node;
  if (op === "=") return { test: (line) => covers(values, line.channel), cost: CHEAP };
  if (op !== "~") return null;
  const pattern = patternOf(node, values[0], flags ?? smartFlags(values[0]), options);
  return { test: (line) => pattern.test(line.channel), cost: CHEAP };
}

// For an event id; any other id is a field of the line.
function idTest({ op, values }) {
  return op === "=" && values.every((value) => parseId(value)) ? { test: (line) => values.includes(line.id) || line.parts.some(({ id }) => values.includes(id)), cost: CHEAP } : null;
}

function timeTest(node, { now, zone }) {
  if (node.op !== "=") return null;
  const moment = parseMoment(node.values[0], { now, zone });
  if (moment === null) {
    throw faultAt(node, `“${node.values[0]}” is no time: 03:50, -15m, "yesterday 17:30", 2026-11-21T03:50`);
  }
  // In whole ms, as the hub reads times.
  const timeOf = (line) => (line.ownTime === null ? NaN : Math.round(line.ownTime));
  return { test: node.name === "after" ? (line) => timeOf(line) >= moment : (line) => timeOf(line) < moment, cost: CHEAP };
}
