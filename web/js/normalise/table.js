// The table of formats, which the terminal's reader reads, too, and its templates as regular expressions. docs/formats.md describes both.
//
//     compile("{year}-{month}")      {pattern: /^(?:([12][0-9]{3})-([01][0-9]))/, roles: ["year", "month"]}

import data from "../../../sse_hub/formats/table.json" with { type: "json" };

export const TABLE = data;

const MAX_BLANKS = 256;
const TOKEN = /\\[^\n]|\[(?:\\[^\n]|[^\]\\])*\]|\{([A-Za-z_]\w*)(?:=(\w+))?\}| /g;

/** `{pattern, roles}` of a template: a regular expression for the beginning of a text, or for all of it, and the role of each group. */
export function compile(template, { whole = false } = {}) {
  const roles = [];
  const source = expand(template, roles);
  return { pattern: new RegExp(`^(?:${source})${whole ? "$" : ""}`), roles };
}

const expand = (template, roles) => template.replace(TOKEN, (token, role, piece) => {
  if (role === undefined) return token === " " ? "[ \\t]+" : token;
  if (role[0] === "_") return `(?:${expand(TABLE.pieces[role.slice(1)], roles)})`;
  roles.push(role);
  return `(${expand(TABLE.pieces[piece ?? role], [])})`;
});

/**
 * Which rows of a list to try on a text, by its first character that is no blank: most patterns begin with something else, so a few are
 * left of a hundred. Each row has a `pattern` of `compile()`.
 */
export function byFirst(rows) {
  const firsts = rows.map(({ pattern }) => new Beginning(pattern.source.slice(1)));
  const lists = Array.from({ length: 128 }, (_, code) => rows.filter((_, index) => firsts[index].has(code)));
  const others = rows.filter((_, index) => firsts[index].any);
  return (text) => {
    let at = 0;
    while (at < MAX_BLANKS && (text.charCodeAt(at) === 32 || text.charCodeAt(at) === 9)) at += 1;
    return lists[text.charCodeAt(at)] ?? others;
  };
}

// The characters, other than blanks, that a regular expression may begin with: `any` for all that are not ASCII.
class Beginning {
  #codes = new Set();
  #source;
  #at = 0;

  constructor(source) {
    this.#source = source;
    this.any = false;
    if (this.#alternatives()) this.#all();
  }

  has(code) {
    return this.any || this.#codes.has(code);
  }

  #all() {
    this.any = true;
  }

  // True if it may match without any character but blanks.
  #alternatives() {
    let empty = this.#sequence();
    while (this.#source[this.#at] === "|") {
      this.#at += 1;
      empty = this.#sequence() || empty;
    }
    return empty;
  }

  #sequence() {
    let empty = true;
    while (this.#at < this.#source.length && !"|)".includes(this.#source[this.#at])) {
      const before = [this.any, new Set(this.#codes)];
      const blank = this.#part();
      const optional = this.#quantified();
      if (!empty) [this.any, this.#codes] = before;
      empty &&= blank || optional;
    }
    return empty;
  }

  #part() {
    const part = /^(?:\(\?[:=!]?|\[(?:\\[^\n]|[^\]\\])*\]|\\x[0-9a-f]{2}|\\?[^\n])/.exec(this.#source.slice(this.#at))[0];
    this.#at += part.length;
    if (part[0] !== "(") return this.#one(part);
    const ahead = part === "(?=" || part === "(?!";
    const before = [this.any, new Set(this.#codes)];
    const empty = this.#alternatives();
    this.#at += 1;
    if (!ahead) return empty;
    [this.any, this.#codes] = before;
    return true;
  }

  #one(part) {
    if (part === "$" || part === "^") return true;
    const one = new RegExp(`^(?:${part})$`);
    for (let code = 0; code < 128; code += 1) if (code !== 32 && code !== 9 && one.test(String.fromCharCode(code))) this.#codes.add(code);
    if (one.test("\u2026") || /[^\x00-\x7f]/.test(part)) this.any = true;
    return one.test(" ") || one.test("\t");
  }

  #quantified() {
    const quantifier = /^(?:[?*+]|\{(\d+)(?:,\d*)?\})\??/.exec(this.#source.slice(this.#at));
    if (quantifier === null) return false;
    this.#at += quantifier[0].length;
    return "?*".includes(quantifier[0][0]) || quantifier[1] === "0";
  }
}
