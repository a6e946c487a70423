// A query as chips: its top-level terms with their positions in the text, and edits that leave the rest of the text unchanged.
//
//     termsOf(text, tree, off)               [{text, start, end, negated, kind, name, op, values, off, node}]
//     addTerm("a OR b", "user=u7")           "(a OR b) user=u7"; a term that the query has is not added again
//     removeTerm("a user=u7 b", "user=u7")   "a b"
//     negateTerm("a user=u7", "user=u7")     "a -user=u7", and back
//     fieldTerm("user", "ana b")             'user="ana b"'; fieldTerm("user", "u7", {not: true}) is "-user=u7"

import { parseQuery, quote } from "./parse.js";

const PLAIN_KEY = /^[\p{L}_@$][\p{L}\p{N}_.@$/-]*$/u;
const PLAIN_VALUE = /^[\p{L}\p{N}_.@$:/+*-]+$/u;

/** The terms of a parsed query that must all hold; an OR at the top is one term. */
export function termsOf(text, tree, off = new Set()) {
  if (tree === null) return [];
  const items = tree.kind === "and" && !tree.group ? tree.items : [tree];
  return items.map((node) => {
    const { start, end } = node;
    const leaf = node.kind === "not" ? node.item : node;
    const source = text.slice(start, end);
    const { name = null, op = null, values = leaf.value === undefined ? [] : [leaf.value] } = leaf;
    return { text: source, start, end, negated: node.kind === "not", kind: leaf.kind, name, op, values, off: off.has(source), node };
  });
}

const termsIn = (text) => termsOf(text, parseQuery(text).tree);

/** The text with a term added, unless it has that term. */
export function addTerm(text, term) {
  const { tree } = parseQuery(text);
  if (termsOf(text, tree).some((other) => other.text === term)) return text;
  const before = text.trim();
  if (before === "") return term;
  return tree?.kind === "or" && !tree.group ? `(${before}) ${term}` : `${before} ${term}`;
}

/** The text without a term, given as its text or as one of `terms`. */
export function removeTerm(text, term) {
  const found = findTerm(text, term);
  return found ? joinTexts(text.slice(0, found.start), text.slice(found.end)) : text;
}

/** The text with a term replaced by another. */
export function replaceTerm(text, term, other) {
  const found = findTerm(text, term);
  return found ? text.slice(0, found.start) + other + text.slice(found.end) : text;
}

/** The text with a term negated, or no longer negated. */
export function negateTerm(text, term) {
  const found = findTerm(text, term);
  if (!found) return text;
  if (found.negated) {
    const { item } = found.node;
    // The words of --a and -OR are "-a" and "OR", which have another meaning on their own.
    const written = text.slice(item.start, found.end);
    const bare = item.kind === "text" && /^(?:-|OR(?:[()]|$))/.test(written) ? quote(item.value) : written;
    const opposite = found.text.startsWith("-") ? bare : found.text.replace(/!(?=[=~])/, "");
    return replaceTerm(text, found, opposite);
  }
  return replaceTerm(text, found, found.kind === "or" && !found.node.group ? `-(${found.text})` : `-${found.text}`);
}

/** The term for a value of a field; `not` negates it, `op` is another operator, "exists" matches any value. */
export function fieldTerm(name, value, { not = false, op = "=" } = {}) {
  const key = PLAIN_KEY.test(name) ? name : `"${name.replace(/["\\]/g, "\\$&")}"`;
  const text = op === "exists" ? `${key}:*` : `${key}${op}${valueWord(String(value))}`;
  return not ? `-${text}` : text;
}

const valueWord = (value) => (PLAIN_VALUE.test(value) ? value : quote(value));

// By position, if it is one of `terms`; the text may have changed since.
function findTerm(text, term) {
  const all = termsIn(text);
  if (typeof term === "string") return all.find((other) => other.text === term);
  return all.find(({ start, text: own }) => start === term.start && own === term.text) ?? all.find((other) => other.text === term.text);
}

const joinTexts = (before, after) => before.trim() && after.trim() ? `${before.trimEnd()} ${after.trimStart()}` : (before + after).trim();
