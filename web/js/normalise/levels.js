// Levels: their order, the words, letters and numbers for them, all from the table of formats.

import { stripAnsi } from "../format/ansi.js";
import { TABLE } from "./table.js";

const { names, words, inText, letters, signs, status, scales } = TABLE.levels;

export const LEVELS = names;
export const LETTERS = ["", "T", "D", "I", "S", "W", "E", "F"];
const [NONE, TRACE, DEBUG, INFO, SUCCESS, WARN, ERROR, FATAL] = LEVELS.keys();

export { NONE, TRACE, DEBUG, INFO, SUCCESS, WARN, ERROR, FATAL };

const levelCalled = (name) => LEVELS.indexOf(name);
const WORDS = new Map(Object.entries(words).flatMap(([level, list]) => list.split(" ").map((word) => [word, levelCalled(level)])));
const IN_TEXT = new Set(inText.split(" "));
const SIGNS = new Map([...Object.entries(signs), ...Object.entries(letters)].map(([sign, level]) => [sign, levelCalled(level)]));
const steps = (list) => list.map(([top, level]) => [top, levelCalled(level)]);
const SCALES = new Map(Object.entries(scales).map(([scale, list]) => [scale, steps(list)]));
const STATUS = steps(status);

const LEADING = /^[ \t]*([A-Za-z]+)/;
// In a sentence, a word is a level in brackets, or in capitals between blanks; a number before it counts it.
const BRACKETED = new RegExp(`[[<(]\\s{0,8}(${inText.replaceAll(" ", "|")})\\s{0,8}[\\]>)]`, "gi");
const SHOUTED = new RegExp(`(?:^|[^\\s\\d]\\s{1,8}|[[(|])(${inText.toUpperCase().replaceAll(" ", "|")})(?![\\w,/-])`, "g");
const NEAR_START = 48;

/** The level of a word in a place for levels; NONE for any other word (a custom level keeps its name and has no colour). */
export function levelOfWord(word) {
  const leading = LEADING.exec(stripAnsi(word));
  if (!leading) return NONE;
  const [, text] = leading;
  return WORDS.get(text.toLowerCase()) ?? (text.length === 1 ? levelOfSign(text.toUpperCase()) : NONE);
}

/** The level of a word that begins a text; NONE for words that may begin a sentence there. */
export function levelOfPrefix(word) {
  const text = LEADING.exec(word)?.[1].toLowerCase();
  return text !== undefined && IN_TEXT.has(text) ? WORDS.get(text) : NONE;
}

/** True for a level word, which is no name of a host or a logger. */
export const isLevelWord = (text) => IN_TEXT.has(text.toLowerCase());

/** The level of a number on a named scale; NONE for one above it. */
export const levelOfNumber = (number, scale) => stepOf(SCALES.get(scale) ?? [], number);

/** The level of a letter or sign, as klog, MongoDB and Redis write it. */
export const levelOfSign = (sign) => SIGNS.get(sign) ?? NONE;

/** The level of an HTTP status. */
export const levelOfStatus = (status) => stepOf(STATUS, status);

const stepOf = (list, number) => list.find(([top]) => number <= top)?.[1] ?? NONE;

/** The level that a plain text names near its start; NONE if it names none, or two different ones. */
export function levelInText(text) {
  const start = text.slice(0, NEAR_START);
  const found = new Map();
  for (const pattern of [BRACKETED, SHOUTED]) for (const [, word] of start.matchAll(pattern)) found.set(levelOfWord(word), word);
  if (found.size !== 1) return { level: NONE, word: null };
  const [[level, word]] = found;
  return { level, word };
}
