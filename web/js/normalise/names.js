// The keys that JSON loggers use for the same few things, best first, from the table of formats. A key is looked up in any case; one
// with a dot also as a path.
//
//     rolesOf({level: "warn", log: {logger: "a"}})     {level: [{key: "level", value: "warn"}], logger: [{key: null, value: "a"}]}

import { stripAnsi } from "../format/ansi.js";
import { NONE, levelOfNumber, levelOfWord } from "./levels.js";
import { TABLE } from "./table.js";

const { names, scales } = TABLE.json;
const FLAT = new Map();
const PATHS = new Map();
for (const [role, keys] of Object.entries(names)) {
  keys.split(" ").forEach((key, rank) => {
    const lower = key.toLowerCase();
    if (!FLAT.has(lower)) FLAT.set(lower, []);
    FLAT.get(lower).push({ role, rank });
    if (!/^[a-z]+\.[^/]+$/.test(lower)) return;
    const [head, ...path] = lower.split(".");
    if (!PATHS.has(head)) PATHS.set(head, []);
    PATHS.get(head).push({ role, rank, path });
  });
}
const SCALES = new Map(Object.entries(scales).map(([key, scale]) => [key.toLowerCase(), scale]));

const isText = (value) => typeof value === "string";
const isWord = (value) => isText(value) || typeof value === "number";
const isWhole = (value) => isWord(value) && /^\d+$/.test(value);
const isStatus = (value) => isWord(value) && /^[1-5]\d\d$/.test(value);
const isObject = (value) => value !== null && typeof value === "object";
const FITS = {
  time: (value) => isWord(value) || isObject(value),
  timeIfNear: isWord,
  level: isWord,
  levelIfKnown: (value) => isText(value) && levelOfWord(value) !== NONE,
  levelNumber: (value) => isWord(value) && value !== "" && Number.isFinite(Number(value)),
  message: (value) => isWord(value) || isObject(value),
  logger: (value) => isText(value) && value !== "",
  error: (value) => value !== null && value !== "" && typeof value !== "boolean" && typeof value !== "number",
  trace: isWord,
  span: isWord,
  host: isText,
  pid: isWhole,
  thread: isWord,
  file: isText,
  line: isWhole,
  function: isText,
  status: isStatus,
  method: (value) => isText(value) && /^[A-Za-z-]{1,32}$/.test(value),
  path: isText,
  request: (value) => isText(value) || isObject(value),
  took: isWord,
};

/** How many keys of an object are read; the line itself has them all. */
export const MAX_KEYS = 10_000;

/** For each role every key that could fill it, best first: `{time: [{key, value}, …], …}`. */
export function rolesOf(object) {
  const found = {};
  for (const key of Object.keys(object).slice(0, MAX_KEYS)) {
    const lower = key.toLowerCase();
    const value = object[key];
    const flat = FLAT.get(lower);
    if (flat !== undefined) for (const { role, rank } of flat) add(found, role, rank, key, value);
    const inner = value !== null && typeof value === "object" && PATHS.get(lower);
    if (inner) for (const { role, rank, path } of inner) add(found, role, rank, null, atPath(value, path));
  }
  for (const role in found) if (found[role].length > 1) found[role].sort((a, b) => a.rank - b.rank);
  return found;
}

/** True for a value that can fill a role. */
export const fits = (role, value) => FITS[role](value);

function add(found, role, rank, key, value) {
  if (value === undefined || !FITS[role](value)) return;
  (found[role] ??= []).push({ key, value, rank });
}

// Flat before nested, so that "log.level" may be a key or a path.
function atPath(value, path) {
  for (const step of path) {
    if (value === null || typeof value !== "object") return undefined;
    if (!Object.hasOwn(value, step)) return atAnyCase(value, step);
    value = value[step];
  }
  return value;
}

const atAnyCase = (value, step) => value[Object.keys(value).find((key) => key.toLowerCase() === step)];

/** The value at a path of the table, "" being the object itself; undefined without one. A key may itself have dots. */
export function valueAt(object, path) {
  if (path === "") return object;
  if (Object.hasOwn(object, path)) return object[path];
  let value = object;
  for (const step of path.split(".")) {
    if (!isObject(value) || !Object.hasOwn(value, step)) return undefined;
    value = value[step];
  }
  return value;
}

/** `{level, raw, key}` from the roles of an object; a word takes precedence over any number. `scale` is that of its family, or null. */
export function levelFrom(roles, scale) {
  let unknown = null;
  for (const { key, value } of [...(roles.level ?? []), ...(roles.levelIfKnown ?? [])]) {
    if (typeof value !== "string" || isNumeric(value)) continue;
    const level = levelOfWord(value);
    const found = { level, raw: stripAnsi(value).trim(), key };
    if (level !== NONE) return found;
    unknown ??= found;
  }
  if (unknown) return unknown;
  const numbers = [...(roles.level ?? []), ...(roles.levelNumber ?? [])];
  for (const { key, value } of numbers) {
    const level = levelOfNumber(Number(value), scale ?? SCALES.get(key?.toLowerCase()) ?? scaleOf(Number(value)));
    if (level !== NONE) return { level, raw: String(value), key };
  }
  const [first] = numbers;
  return first ? { level: NONE, raw: String(first.value), key: first.key } : { level: NONE, raw: null, key: null };
}

const isNumeric = (text) => /^\s*-?\d+(\.\d+)?\s*$/.test(text);

// A bare level of 10 to 60 is pino's; any other is unknown.
const scaleOf = (number) => (number >= 10 && number <= 60 ? "pino" : null);
