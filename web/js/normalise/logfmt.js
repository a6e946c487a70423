// `key=value key="quo\"ted" key='python' flag empty=`: a tokeniser, because no single pattern reads it in linear time.
//
//     pairsOf('a=1 b="x y"')            {a: 1, b: "x y"}
//     pairsOf("hello world a=1")        null: the first word is no pair
//     labelled("a:1\\tb:x y")           {a: 1, b: "x y"}, LTSV
//     splitPairs('order paid   a=1')    ["order paid", {a: 1}]: the text before the pairs, and the pairs

const TOKEN = /([^\s="']+)(?:=("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s"']\S*)?)?(?:\s+|$)/y;
const FIRST_PAIR = /(?:^|\s)[A-Za-z_@][\w.@/-]*=/g;
const LABEL = /^([A-Za-z_][\w.-]*):([\s\S]*)$/;
const NUMBER = /^-?(?:0|[1-9]\d{0,15})(?:\.\d{1,15})?$/;
const UNKNOWN = Symbol();
// A longer line is hardly one of pairs, and too long to read.
const LONGEST = 65_536;

/** The pairs that make up a whole text, or null. A word without a value is true, if it follows a pair. */
export function pairsOf(text) {
  if (text.length > LONGEST) return null;
  const found = Object.create(null);
  let pairs = 0;
  for (let at = 0; at < text.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (!match) return null;
    const value = valueOf(match, text[at + match[1].length] === "=");
    if (value === UNKNOWN || (value === true && pairs === 0)) return null;
    if (value !== true) pairs += 1;
    found[match[1]] = value;
  }
  return pairs > 0 ? found : null;
}

/** `[head, pairs]` of a text that ends in pairs; without any, `[text, null]`. */
export function splitPairs(text) {
  FIRST_PAIR.lastIndex = 0;
  const match = FIRST_PAIR.exec(text);
  const pairs = match && pairsOf(text.slice(match.index).trim());
  return pairs ? [text.slice(0, match.index).trimEnd(), pairs] : [text, null];
}

/** The pairs of a text in LTSV: `time:…<tab>host:…`; null for any other. */
export function labelled(text) {
  if (text.length > LONGEST) return null;
  const found = Object.create(null);
  for (const part of text.split("\t")) {
    const match = LABEL.exec(part);
    if (match === null) return null;
    if (match[2] !== "-") found[match[1]] = scalar(match[2]);
  }
  return found;
}

/** A text as a number, if it is one and loses no digit; else the text. */
export const scalar = (text) => NUMBER.test(text) && String(Number(text)) === text ? Number(text) : text;

function valueOf([, key, value], signed) {
  if (!/^[^\s=]+$/.test(key)) return UNKNOWN;
  if (value === undefined) return signed ? "" : true;
  if (value[0] === '"' || value[0] === "'") return value.slice(1, -1).replace(/\\(["'\\])/g, "$1").replace(/\\n/g, "\n");
  return scalar(value);
}
