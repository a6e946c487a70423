// Parses the text of a query into a tree. Every node has `start` and `end`, its position in the text; one in brackets has
// `group`, and `inside`, its position without them.
//
//     parseQuery('level>=warn -user=u7,u8 "time out" (a OR /b+/i)')
//     → {tree: {kind: "and", items: [{kind: "field", name: "level", op: ">=", values: ["warn"]}, {kind: "not", item: …}, …]}, fault: null}
//     parseQuery("(a")    → {tree: null, fault: {message: "This bracket is never closed.", start: 0, end: 1}}
//     parseQuery("  ")    → {tree: null, fault: null}
//
// Leaves: {kind: "text", value} · {kind: "regex", source, flags} · {kind: "field", name, op, values, flags?}, where `op` is one of
// = ~ > >= < <= exists; != and !~ are a "not" around = and ~. An open quote or slash is no fault: the reader is still typing.

const KEY = /(?:[\p{L}_@$][\p{L}\p{N}_.@$/-]*|"(?:[^"\\]|\\.)+")(?=(>=|<=|!=|!~|=|~|>|<|:\*(?=[\s)]|$)))/uy;
const REGEX = /\/((?:[^/\\[\n]|\\.|\[(?:[^\]\\]|\\.)*\])+)\/([imsu]*)(?=[\s)]|$)/y;
const QUOTED = /"((?:[^"\\]|\\[^])*)(?:"|\\?$)/y;
const SPACE = /\s*/y;
const DEEPEST = 50;
// The hub has the same limits (sse_hub/filters/parse.py).
const MAX_CHARACTERS = 4_096;
const MAX_TERMS = 200;

/** What is wrong with a query, and where. */
export class QueryFault extends Error {
  constructor(message, start, end) {
    super(message);
    this.start = start;
    this.end = end;
  }
}

/** `{tree, fault}`; the tree is null for an empty query, or when `fault`, `{message, start, end}`, says what is wrong. */
export function parseQuery(text) {
  try {
    return { tree: new Parser(text).query(), fault: null };
  } catch (error) {
    if (!(error instanceof QueryFault)) throw error;
    return { tree: null, fault: { message: error.message, start: error.start, end: error.end } };
  }
}

/** A text as a word of a query that means just that text; in quotes only if needed. */
export function quote(text) {
  const plain = /^[\p{L}\p{N}_.@$:/+*-]+$/u.test(text) && !/^[-/]|^OR$|:\*$/.test(text);
  return plain ? text : `"${text.replace(/["\\]/g, "\\$&")}"`;
}

class Parser {
  #text;
  #at = 0;
  #depth = 0;
  #terms = 0;

  constructor(text) {
    this.#text = text;
  }

  query() {
    if (this.#text.length > MAX_CHARACTERS) {
      throw new QueryFault("A filter may have up to 4,096 characters.", MAX_CHARACTERS, this.#text.length);
    }
    const tree = this.#any();
    if (this.#at < this.#text.length) throw new QueryFault("There is no bracket open here.", this.#at, this.#at + 1);
    return tree;
  }

  // a b OR c d
  #any() {
    const items = [];
    let or = null;
    for (;;) {
      const start = this.#skip();
      const item = this.#all();
      if (item !== null) items.push(item);
      else if (or !== null) throw new QueryFault("Something must follow OR.", or, or + 2);
      else if (this.#isOr()) throw new QueryFault("Something must stand before OR.", start, start + 2);
      if (!this.#isOr()) break;
      or = this.#at;
      this.#at += 2;
    }
    return combine("or", items);
  }

  #all() {
    const items = [];
    for (;;) {
      this.#skip();
      if (this.#at >= this.#text.length || this.#char() === ")" || this.#isOr()) return combine("and", items);
      const item = this.#term();
      if (item !== null) items.push(item);
    }
  }

  #term() {
    const start = this.#at;
    if (this.#char() !== "-") return this.#positive();
    this.#at += 1;
    // A minus alone is the beginning of a term.
    if (this.#at >= this.#text.length || /[\s)]/.test(this.#char())) return null;
    return negate(this.#positive(), start);
  }

  #positive() {
    if (this.#char() === "(") return this.#group();
    const start = this.#at;
    const leaf = this.#leaf(start);
    if (leaf !== null && (this.#terms += 1) > MAX_TERMS) throw new QueryFault("A filter may have up to 200 terms.", start, this.#at);
    return leaf;
  }

  #leaf(start) {
    const key = this.#match(KEY);
    if (key) return this.#field(key, start);
    const regex = this.#match(REGEX);
    if (regex) return { kind: "regex", source: regex[1], flags: regex[2], start, end: this.#at };
    const value = this.#word();
    if (value !== "") return { kind: "text", value, start, end: this.#at };
    return null;
  }

  #group() {
    const start = this.#at;
    if ((this.#depth += 1) > DEEPEST) throw new QueryFault("Brackets go too deep here.", start, start + 1);
    this.#at += 1;
    const tree = this.#any();
    if (this.#char() !== ")") throw new QueryFault("This bracket is never closed.", start, start + 1);
    this.#at += 1;
    this.#depth -= 1;
    return tree && { ...tree, start, end: this.#at, group: true, inside: tree.inside ?? { start: tree.start, end: tree.end } };
  }

  #field([written, sign], start) {
    const name = written.startsWith('"') ? unescape(written.slice(1, -1)) : written;
    this.#at += sign.length;
    if (sign === ":*") return { kind: "field", name, op: "exists", values: [], start, end: this.#at };
    const op = sign.replace("!", "");
    const value = op === "~" ? this.#pattern() : { values: this.#values(op === "=") };
    if (value.values.length === 0) throw new QueryFault(`A value must follow ${written}${sign}`, start, this.#at);
    const field = { kind: "field", name, op, ...value, start, end: this.#at };
    return sign.startsWith("!") ? negate(field, start) : field;
  }

  #pattern() {
    const regex = this.#match(REGEX);
    if (regex) return { values: [regex[1]], flags: regex[2] };
    // A backslash before a quote escapes the quote; any other backslash belongs to the pattern.
    if (this.#char() === '"') return { values: [this.#quote((text) => text.replaceAll('\\"', '"'))] };
    const word = this.#bare(/\s/, "\\");
    return { values: word === "" ? [] : [word] };
  }

  #values(several) {
    const values = [];
    for (;;) {
      const start = this.#at;
      values.push(this.#char() === '"' ? this.#quote() : this.#bare(several ? /[\s,]/ : /\s/));
      if (start === this.#at) values.pop();
      if (!several || this.#char() !== ",") return values;
      this.#at += 1;
    }
  }

  #word() {
    return this.#char() === '"' ? this.#quote() : this.#bare(/\s/);
  }

  #quote(undo = unescape) {
    return undo(this.#match(QUOTED)[1]);
  }

  // A word up to `end`, or up to a closing bracket that was not opened in it.
  #bare(end, escape = null) {
    const start = this.#at;
    let open = 0;
    for (; this.#at < this.#text.length && !end.test(this.#char()); this.#at += 1) {
      const char = this.#char();
      if (char === escape) this.#at += 1;
      else if (char === "(") open += 1;
      else if (char === ")" && (open -= 1) < 0) break;
    }
    this.#at = Math.min(this.#at, this.#text.length);
    return this.#text.slice(start, this.#at);
  }

  #char() {
    return this.#text[this.#at] ?? "";
  }

  #isOr() {
    return /^OR(?=[\s()]|$)/.test(this.#text.slice(this.#at, this.#at + 3));
  }

  #skip() {
    this.#match(SPACE);
    return this.#at;
  }

  #match(pattern) {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match) this.#at = pattern.lastIndex;
    return match;
  }
}

const unescape = (text) => text.replace(/\\(["\\])/g, "$1");

const negate = (item, start) => item && { kind: "not", item, start, end: item.end };

function combine(kind, items) {
  if (items.length < 2) return items[0] ?? null;
  return { kind, items, start: items[0].start, end: items.at(-1).end };
}
