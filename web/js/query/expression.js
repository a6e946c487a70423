// The regular expressions of the filter language: one grammar for the page's engine and the hub's (`sse_hub/filters/expression_tree.py`), of
// which each writes an expression for its own engine, so that both mean the same. docs/page.md says what is allowed.
//
//     const tree = expressionTree("(a+)+$", "i")    raises SyntaxError with a message for the reader
//     engineSource(tree)                             the tree for a RegExp with the flag u
//     stepsFor(tree, 150)                            an upper bound of the steps to try it on 150 characters; Infinity is possible
//     literalOf(tree, true)                          letters that every match contains, for a first look at a line; "" without any
//
// Nodes: {kind: "char", source, letter?} (a character, a class, an escape) · {kind: "assert", what: "^" "$" "b" "B", multiline} ·
// {kind: "sequence", items} · {kind: "choice", items} · {kind: "repeat", item, min, max}.

const DEEPEST = 50;
const MOST_REPEATS = 1_000;
// Characters, each as often as it is repeated. A category of Unicode is hundreds of ranges.
const LARGEST = 1_000;
const CATEGORY_SIZE = 50;
const CATEGORIES = new Set("L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs".split(" "));
const SCRIPTS = new Set("Arabic Cyrillic Devanagari Greek Han Hangul Hebrew Hiragana Katakana Latin Thai".split(" "));
const CONTROLS = { n: "\n", r: "\r", t: "\t", v: "\v", f: "\f", 0: "\0" };
const ALLOWED = "allowed are characters, classes, groups, |, repeats, ^, $ and \\b";
const COUNT = /^\{(\d{1,6})(,(\d{0,6}))?\}/;
const GROUP = /^\(\?(?::|<[\p{L}_$][\p{L}\p{N}_$]*>)/u;
const HEX = { x: /^[0-9a-fA-F]{2}/, u: /^(?:[0-9a-fA-F]{4}|\{[0-9a-fA-F]{1,6}\})/ };
const REPEATS = { "*": [0, Infinity], "+": [1, Infinity], "?": [0, 1] };
const DOT = "[^\\n\\r\\u2028\\u2029]";

export function expressionTree(source, flags = "") {
  const tree = new ExpressionParser(source, flags).whole();
  sizeOf(tree, 1);
  return tree;
}

const refuse = (why) => {
  throw new SyntaxError(`This regular expression can't be used: ${why}`);
};

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

// Raises for an expression that is too large. `times` is how often the node is repeated by those around it.
function sizeOf(node, times) {
  switch (node.kind) {
    case "char":
      return node.size ?? 1;
    case "assert":
      return 0;
    case "repeat": {
      const most = Math.max(1, node.max === Infinity ? node.min : node.max);
      if (times * most > MOST_REPEATS) refuse("repeats of up to 1,000 are allowed, multiplied where one is inside another");
      return checkedSize(sizeOf(node.item, times * most) * most);
    }
    default:
      return checkedSize(node.items.reduce((sum, item) => sum + sizeOf(item, times), 0));
  }
}

function checkedSize(size) {
  if (size > LARGEST) refuse("it is too large: up to 1,000 characters are allowed, each counted as often as it is repeated");
  return size;
}

/** The source of a tree for a RegExp with the flag u, and i if case does not matter. */
export function engineSource(node) {
  switch (node.kind) {
    case "char":
      return node.source;
    case "assert":
      if (node.what === "b" || node.what === "B") return `\\${node.what}`;
      // The engine's own flag m knows more ends of lines.
      if (!node.multiline) return node.what;
      return node.what === "^" ? "(?<=^|\\n)" : "(?=$|\\n)";
    case "sequence":
      return node.items.map(engineSource).join("");
    case "choice":
      return `(?:${node.items.map(engineSource).join("|")})`;
    default:
      return `(?:${engineSource(node.item)})${node.max === Infinity ? `{${node.min},}` : `{${node.min},${node.max}}`}${node.lazy ? "?" : ""}`;
  }
}

/** The longest run of two or more letters of ASCII that every match contains; without s and k, which have relatives beyond ASCII, if `ignoreCase`. */
export function literalOf(tree, ignoreCase) {
  const usable = ignoreCase ? /^[A-JL-RT-Za-jl-rt-z_]$/ : /^[A-Za-z_]$/;
  let longest = "";
  let run = "";
  const end = () => {
    if (run.length > longest.length) longest = run;
    run = "";
  };
  const walk = (node) => {
    if (node.kind === "sequence") node.items.forEach(walk);
    else if (node.kind === "char" && usable.test(node.letter ?? "")) run += node.letter;
    else if (node.kind === "repeat" && node.min > 0) {
      end();
      walk(node.item);
      end();
    } else if (node.kind !== "assert") end();
  };
  walk(tree);
  end();
  return longest.length > 1 ? longest : "";
}

class ExpressionParser {
  #chars;
  #source;
  #multiline;
  #dot;
  #at = 0;
  #depth = 0;

  constructor(source, flags) {
    this.#source = source;
    this.#chars = [...source];
    this.#multiline = flags.includes("m");
    this.#dot = flags.includes("s") ? "[^]" : DOT;
  }

  whole() {
    const tree = this.#choice();
    if (this.#at < this.#chars.length) refuse("a ) closes nothing");
    return tree;
  }

  #choice() {
    if ((this.#depth += 1) > DEEPEST) refuse("its brackets go too deep");
    const items = [this.#sequence()];
    while (this.#char() === "|") {
      this.#at += 1;
      items.push(this.#sequence());
    }
    this.#depth -= 1;
    return items.length === 1 ? items[0] : { kind: "choice", items };
  }

  #sequence() {
    const items = [];
    while (this.#at < this.#chars.length && !"|)".includes(this.#char())) items.push(this.#withRepeat(this.#atom()));
    return { kind: "sequence", items };
  }

  #atom() {
    const char = this.#char();
    if (char === "(") return this.#group();
    if (char === "^" || char === "$") return this.#assert(char, 1);
    if (char === "[") return this.#class();
    if (char === "\\") return this.#escape();
    if (char in REPEATS || (char === "{" && this.#count())) refuse(`there is nothing before ${char} to repeat`);
    this.#at += 1;
    return char === "." ? { kind: "char", source: this.#dot } : literal(char);
  }

  #group() {
    const rest = this.#rest(64);
    if (/^\(\?(?:=|!|<=|<!)/.test(rest)) refuse(`look-around, such as (?=…), is not; ${ALLOWED}`);
    const plain = GROUP.exec(rest);
    if (!plain && rest.startsWith("(?")) refuse(`(? begins no group; ${ALLOWED}, and flags behind the last slash, as in /error/i`);
    this.#at += plain ? [...plain[0]].length : 1;
    const inner = this.#choice();
    if (this.#char() !== ")") refuse("a ( is never closed");
    this.#at += 1;
    return inner;
  }

  #assert(what, length) {
    this.#at += length;
    return { kind: "assert", what, multiline: this.#multiline };
  }

  #escape() {
    const next = this.#chars[this.#at + 1];
    if (next === "b" || next === "B") return this.#assert(next, 2);
    if (next !== undefined && /[1-9k]/.test(next)) refuse(`back references, such as \\1, are not; ${ALLOWED}`);
    const { char, source, size, negated } = this.#escaped();
    return char === undefined ? { kind: "char", source: negated ? `[^${source}]` : source, size } : literal(char);
  }

  // {char} or, for a set of characters, {source, size}: valid inside of a class, too.
  #escaped() {
    const next = this.#chars[this.#at + 1];
    if (next === undefined) refuse("a \\ ends it");
    this.#at += 2;
    if ("dDwWsS".includes(next)) return { source: `\\${next}` };
    if (next === "p" || next === "P") return this.#category(next);
    if (next === "x" || next === "u") return { char: this.#code(next) };
    if (Object.hasOwn(CONTROLS, next)) return { char: CONTROLS[next] };
    if (/[\p{L}\p{N}]/u.test(next)) refuse(`there is no escape \\${next}`);
    return { char: next };
  }

  #code(kind) {
    const found = HEX[kind].exec(this.#rest(8));
    if (!found) refuse(`\\${kind} needs the number of a character, as in \\x7f or \\u2028`);
    this.#at += found[0].length;
    let code = parseInt(found[0].replace("{", ""), 16);
    if (code > 0x10ffff) refuse(`there is no character \\u${found[0]}`);
    const low = code >= 0xd800 && code < 0xdc00 && /^\\u([dD][c-fC-F][0-9a-fA-F]{2})/.exec(this.#rest(6));
    if (low) {
      this.#at += 6;
      code = 0x10000 + (code - 0xd800) * 0x400 + parseInt(low[1], 16) - 0xdc00;
    }
    return code >= 0xd800 && code < 0xe000 ? "\ufffd" : String.fromCodePoint(code);
  }

  #category(kind) {
    const found = /^\{(Script=)?([A-Za-z]{1,16})\}/.exec(this.#rest(32));
    if (!found || !(found[1] ? SCRIPTS : CATEGORIES).has(found[2])) {
      refuse(`\\${kind} needs a category or a script, such as {L}, {Lu}, {N}, {P} or {Script=Han}`);
    }
    this.#at += found[0].length;
    return { source: `\\p${found[0]}`, size: CATEGORY_SIZE, negated: kind === "P" };
  }

  #class() {
    this.#at += 1;
    const negated = this.#char() === "^";
    if (negated) this.#at += 1;
    let size = 1;
    let source = "";
    for (;;) {
      if (this.#at >= this.#chars.length) refuse("a [ is never closed");
      if (this.#char() === "]") break;
      const from = this.#member();
      size = Math.max(size, from.size ?? 1);
      source += from.source ?? escapeChar(from.char);
      if (this.#char() !== "-" || this.#chars[this.#at + 1] === "]" || this.#at + 1 >= this.#chars.length) continue;
      this.#at += 1;
      const to = this.#member();
      size = Math.max(size, to.size ?? 1);
      if (from.char === undefined || to.char === undefined) source += `${escapeChar("-")}${to.source ?? escapeChar(to.char)}`;
      else if (from.char.codePointAt(0) > to.char.codePointAt(0)) refuse(`the range ${from.char}-${to.char} ends before it begins`);
      else source += `-${escapeChar(to.char)}`;
    }
    this.#at += 1;
    return { kind: "char", source: `[${negated ? "^" : ""}${source}]`, size };
  }

  #member() {
    const char = this.#char();
    if (char !== "\\") {
      this.#at += 1;
      return { char };
    }
    const next = this.#chars[this.#at + 1];
    if (next === "b") {
      this.#at += 2;
      return { char: "\b" };
    }
    const found = this.#escaped();
    if (found.negated) refuse("\\P{…} can't stand in a class: [^…] with \\p{…} can");
    return found;
  }

  #withRepeat(item) {
    const range = this.#range();
    if (range === null) return item;
    if (item.kind === "assert") refuse("^, $ and \\b can't be repeated");
    if (range.min > range.max) refuse(`{${range.min},${range.max}} ends before it begins`);
    // Being lazy changes which match is found, not whether there is one.
    const lazy = this.#char() === "?";
    if (lazy) this.#at += 1;
    const char = this.#char();
    if (char in REPEATS || (char === "{" && this.#count())) refuse(`there is nothing before ${char} to repeat`);
    return { kind: "repeat", item, ...range, lazy };
  }

  #range() {
    const char = this.#char();
    if (Object.hasOwn(REPEATS, char)) {
      this.#at += 1;
      return { min: REPEATS[char][0], max: REPEATS[char][1] };
    }
    const count = this.#count();
    if (!count) return null;
    this.#at += count[0].length;
    const min = Number(count[1]);
    return { min, max: count[2] === undefined ? min : count[3] === "" ? Infinity : Number(count[3]) };
  }

  // Any other { is a character.
  #count() {
    return this.#char() === "{" ? COUNT.exec(this.#rest(16)) : null;
  }

  #char() {
    return this.#chars[this.#at] ?? "";
  }

  #rest(length) {
    return this.#chars.slice(this.#at, this.#at + length).join("");
  }
}

const literal = (char) => ({ kind: "char", source: escapeChar(char), letter: char });

const escapeChar = (char) => (/[A-Za-z0-9 ]/.test(char) ? char : `\\u{${char.codePointAt(0).toString(16)}}`);
