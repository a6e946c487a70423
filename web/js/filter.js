// The filter box: words that must all be in the line, "two words" as one, -word for not. Case counts only
// for a word that holds a capital. key=value also finds the field of that name whose value starts so, as rows show it.

import { fieldText } from "./format.js";
import { normalise } from "./normalise/index.js";

const TERM = /(-?)(?:"([^"]*)"?|(\S+))/g;
const FIELD = /^([^\s=]+)=./;
const ESCAPE = /\\(?:u([0-9a-fA-F]{4})|(.))/g;
const SHORT = { n: "\n", r: "\r", t: "\t", b: "\b", f: "\f" };

/** A test over the text of a line, or null when nothing is asked for. */
export function compileFilter(typed) {
  const terms = [];
  for (const [, minus, phrase, word] of typed.matchAll(TERM)) {
    const wanted = phrase ?? word;
    if (wanted && wanted !== "-") terms.push({ finds: finderOf(wanted), wanted: minus === "" });
  }
  if (terms.length === 0) return null;
  return (line) => {
    const text = readable(line);
    return terms.every((term) => term.finds(text, line) === term.wanted);
  };
}

// Only a line that holds the name somewhere is worth reading for its fields.
function finderOf(word) {
  const pattern = patternOf(word);
  const name = FIELD.exec(word)?.[1];
  if (name === undefined) return (text) => pattern.test(text);
  const named = patternOf(name);
  const start = new RegExp(`^${pattern.source}`, pattern.flags);
  const shown = (line) => Object.entries(normalise(line).fields).some(([key, value]) => start.test(fieldText(key, value)));
  return (text, line) => pattern.test(text) || (named.test(text) && shown(line));
}

function patternOf(word) {
  const escaped = word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(escaped, /\p{Lu}/u.test(word) ? "u" : "iu");
}

/** A line of JSON with its escapes undone, so that what is searched is what is seen. */
export function readable(line) {
  if (!line.includes("\\")) return line;
  return line.replace(ESCAPE, (_, hex, char) => (hex ? String.fromCharCode(parseInt(hex, 16)) : (SHORT[char] ?? char)));
}
