// The structure of a valid regular expression: an upper bound for the cost of backtracking, and the input of automaton.js.
//
//     const tree = expressionTree("(a+)+$", "iu")    null for look-around and back references, which no automaton can match
//     stepsFor(tree, 150)                             an upper bound of the steps to try it on 150 characters; Infinity is possible
//
// Nodes: {kind: "char", source} (a character, a class, an escape) · {kind: "assert", what: "^" "$" "b" "B"} · {kind: "sequence", items} ·
// {kind: "choice", items} · {kind: "repeat", item, min, max}.

const ESCAPE = /\\(?:u\{[0-9a-fA-F]+\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|c[A-Za-z]|[pP]\{[^}]*\}|[^])/y;
const CLASS = /\[(?:[^\]\\]|\\[^])*\]/y;
const COUNT = /\{(\d+)(,(\d*))?\}/y;
const GROUP = /\((?:\?:|\?<[^=!][^>]*>|(?!\?))/y;
const DEEPEST = 100;

class Unsupported extends Error {}

/** The tree of an expression, or null for one that no automaton can match. */
export function expressionTree(source, flags = "u") {
  try {
    return new ExpressionParser(source, flags.includes("u")).choice(0);
  } catch (error) {
    if (error instanceof Unsupported) return null;
    throw error;
  }
}

/** The most steps that a backtracking engine may need for a text of a length. */
export function stepsFor(tree, length) {
  const starts = tree.kind === "sequence" && tree.items[0]?.what === "^" ? 1 : length;
  return pathsOf(tree, Math.max(1, length)) * starts;
}

function pathsOf(node, length) {
  switch (node.kind) {
    case "sequence":
      return node.items.reduce((product, item) => product * pathsOf(item, length), 1);
    case "choice":
      return node.items.reduce((sum, item) => sum + pathsOf(item, length), 0);
    case "repeat": {
      const paths = pathsOf(node.item, length);
      const most = Math.min(node.max, length);
      return paths > 1 ? paths ** most : Math.max(1, most - node.min + 1);
    }
    default:
      return 1;
  }
}

class ExpressionParser {
  #source;
  #unicode;
  #at = 0;

  constructor(source, unicode) {
    this.#source = source;
    this.#unicode = unicode;
  }

  choice(depth) {
    if (depth > DEEPEST) throw new Unsupported();
    const items = [this.#sequence(depth)];
    while (this.#source[this.#at] === "|") {
      this.#at += 1;
      items.push(this.#sequence(depth));
    }
    return items.length === 1 ? items[0] : { kind: "choice", items };
  }

  #sequence(depth) {
    const items = [];
    while (this.#at < this.#source.length && !"|)".includes(this.#source[this.#at])) items.push(this.#withRepeats(this.#atom(depth)));
    return { kind: "sequence", items };
  }

  #atom(depth) {
    const start = this.#at;
    const char = this.#source[start];
    if (char === "(") {
      if (!this.#match(GROUP)) throw new Unsupported();
      const inner = this.choice(depth + 1);
      this.#at += 1;
      return inner;
    }
    if (char === "^" || char === "$") return this.#assert(char, 1);
    if (char === "\\") return this.#escape();
    if (char === "[" && this.#match(CLASS)) return { kind: "char", source: this.#source.slice(start, this.#at) };
    this.#at += this.#unicode && this.#source.codePointAt(start) > 0xffff ? 2 : 1;
    return { kind: "char", source: this.#source.slice(start, this.#at) };
  }

  #escape() {
    const start = this.#at;
    const next = this.#source[start + 1];
    if (next === "b" || next === "B") return this.#assert(next, 2);
    if (/[1-9k]/.test(next)) throw new Unsupported();
    this.#match(ESCAPE);
    return { kind: "char", source: this.#source.slice(start, this.#at) };
  }

  #assert(what, length) {
    this.#at += length;
    return { kind: "assert", what };
  }

  #withRepeats(item) {
    const range = this.#range();
    if (range === null) return item;
    // Being lazy changes which match is found, not whether there is one.
    if (this.#source[this.#at] === "?") this.#at += 1;
    return this.#withRepeats({ kind: "repeat", item, ...range });
  }

  #range() {
    const char = this.#source[this.#at];
    const simple = { "*": [0, Infinity], "+": [1, Infinity], "?": [0, 1] }[char];
    if (simple) {
      this.#at += 1;
      return { min: simple[0], max: simple[1] };
    }
    const count = char === "{" && this.#match(COUNT);
    if (!count) return null;
    const min = Number(count[1]);
    return { min, max: count[2] === undefined ? min : count[3] === "" ? Infinity : Number(count[3]) };
  }

  #match(pattern) {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#source);
    if (match) this.#at = pattern.lastIndex;
    return match;
  }
}
