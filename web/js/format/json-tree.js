// JSON text as a tree for the details; each number keeps the digits it was published with. Pure, and it never throws.
//
//     parseTree('{"id":12345678901234567890,"req":{"a.b":[1,null]}}')
//     → {kind: "object", size: 2, text: …, entries: [
//         {key: "id", name: "id", path: ["id"], node: {kind: "number", text: "12345678901234567890"}},
//         {key: "req", name: "req", path: ["req"], node: {kind: "object", …, entries: [{key: "a.b", name: "req.a.b", path: ["req", "a.b"], …}]}}]}
//     parseTree("{broken")       null
//     pathText(["req", "a.b", 0])      'req["a.b"][0]', for "copy path"
//
// A node has `kind` (object, array, string, number, boolean, null, deep) and `text`, its source. A string also has `value`, and `inner`,
// a tree, if it holds JSON itself. `name` is the name of the field in a query; items of an array have the name of the array, because a
// term matches any of them. Duplicate keys are all kept, in order. Below 50 levels a node is `deep`, unparsed text. Beyond 10,000 entries
// of one node, or 50,000 in all, the rest is `more`, as text.

const DEEPEST = 50;
const MAX_ENTRIES = 10_000;
const MAX_IN_ALL = 50_000;
const MAX_INNER = 3;
const BLANK = /[ \t\r\n]*/y;
const STRING = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*"/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;

/** The tree of a JSON text, or null for any other text. */
export function parseTree(text, inners = MAX_INNER, room = { left: MAX_IN_ALL }) {
  if (!/^\s*[[{]/.test(text)) return null;
  try {
    return new JsonParser(text, inners, room).whole();
  } catch (error) {
    if (error instanceof NotJson) return null;
    throw error;
  }
}

/** A path as it is written in a program. */
export const pathText = (path) => path
  .map((part, at) => {
    if (typeof part === "number") return `[${part}]`;
    if (!/^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(part)) return `[${JSON.stringify(part)}]`;
    return at === 0 ? part : `.${part}`;
  })
  .join("");

class NotJson extends Error {}

class JsonParser {
  #text;
  #at = 0;
  #inners;
  #room;

  constructor(text, inners, room) {
    this.#text = text;
    this.#inners = inners;
    this.#room = room;
  }

  whole() {
    const node = this.#value([], "", 0);
    this.#match(BLANK);
    if (this.#at < this.#text.length) throw new NotJson();
    return node;
  }

  #value(path, name, depth) {
    this.#match(BLANK);
    const start = this.#at;
    const char = this.#text[start];
    if (char === "{" || char === "[") {
      if (depth >= DEEPEST) return { kind: "deep", text: this.#skipValue() };
      const { entries, more } = char === "{" ? this.#members(path, name, depth) : this.#items(path, name, depth);
      return { kind: char === "{" ? "object" : "array", size: entries.length, text: this.#text.slice(start, this.#at), entries, ...more };
    }
    if (char === '"') return this.#string();
    const number = this.#match(NUMBER);
    if (number) return { kind: "number", text: number };
    const word = this.#match(WORD);
    if (!word) throw new NotJson();
    return { kind: word === "null" ? "null" : "boolean", text: word };
  }

  #members(path, name, depth) {
    return this.#list("}", () => {
      this.#match(BLANK);
      const key = JSON.parse(this.#match(STRING) ?? fail());
      this.#expect(":");
      const entry = { key, name: name === "" ? key : `${name}.${key}`, path: [...path, key] };
      return { ...entry, node: this.#value(entry.path, entry.name, depth + 1) };
    });
  }

  #items(path, name, depth) {
    let index = -1;
    return this.#list("]", () => {
      index += 1;
      const entry = { key: index, name, path: [...path, index] };
      return { ...entry, node: this.#value(entry.path, name, depth + 1) };
    });
  }

  #list(end, read) {
    this.#at += 1;
    const entries = [];
    this.#match(BLANK);
    if (this.#text[this.#at] === end) this.#at += 1;
    else {
      do {
        if (entries.length === MAX_ENTRIES || this.#room.left === 0) return { entries, more: { more: this.#skipValue(1).slice(0, -1) } };
        this.#room.left -= 1;
        entries.push(read());
      } while (this.#separator(end));
    }
    return { entries };
  }

  // True after a comma, false after the end.
  #separator(end) {
    this.#match(BLANK);
    const char = this.#text[this.#at];
    if (char !== "," && char !== end) throw new NotJson();
    this.#at += 1;
    return char === ",";
  }

  #string() {
    const text = this.#match(STRING) ?? fail();
    const value = JSON.parse(text);
    const node = { kind: "string", text, value };
    const inner = this.#inners > 0 ? parseTree(value, this.#inners - 1, this.#room) : null;
    return inner === null ? node : { ...node, inner };
  }

  // Skips a value, or with `open` 1 the rest of the object or array it stands in, without recursion.
  #skipValue(open = 0) {
    const start = this.#at;
    do {
      const char = this.#text[this.#at];
      if (char === undefined) throw new NotJson();
      if (char === '"') {
        this.#match(STRING) ?? fail();
        continue;
      }
      if (char === "{" || char === "[") open += 1;
      else if (char === "}" || char === "]") open -= 1;
      this.#at += 1;
    } while (open > 0);
    return this.#text.slice(start, this.#at);
  }

  #expect(char) {
    this.#match(BLANK);
    if (this.#text[this.#at] !== char) throw new NotJson();
    this.#at += 1;
  }

  #match(pattern) {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (!match) return null;
    this.#at = pattern.lastIndex;
    return match[0];
  }
}

function fail() {
  throw new NotJson();
}
