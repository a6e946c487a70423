// One line of the ring for a query: cheap properties are read directly, expensive ones only when a term needs them.
// One object serves all lines, moved from seq to seq.
//
//     const line = new HeldLine(ring);
//     query.test(line.at(seq))
//     query.test(new HeldLine().of('{"user":"u7"}', {channel: "orders"}))      without a ring

import { wellFormed } from "../format/text.js";
import { normalise, parseObject } from "../normalise/index.js";

const HEX = /^[0-9a-fA-F]{4}$/;
const NO_PARTS = [];
const SHORT = { n: "\n", r: "\r", t: "\t", b: "\b", f: "\f", '"': '"', "\\": "\\", "/": "/" };

export class HeldLine {
  #ring;
  #seq = 0;
  #own = null;
  #plain = null;
  #object = null;
  #record = null;
  #parts = null;

  constructor(ring = null) {
    this.#ring = ring;
    this.text = "";
  }

  /** Move to a line of the ring. */
  at(seq) {
    this.#seq = seq;
    this.text = this.#ring.text(seq);
    return this.#reset();
  }

  /** Move to a line that is in no ring; `own` may have `channel`, `id`, `time`, `ownTime` and `level`. */
  of(text, own = {}) {
    this.#own = own;
    this.text = text;
    return this.#reset();
  }

  get id() {
    return this.#own ? (this.#own.id ?? "") : this.#ring.id(this.#seq);
  }

  get level() {
    return this.#own ? (this.#own.level ?? this.record.lvl) : this.#ring.level(this.#seq);
  }

  get channel() {
    return this.#own ? (this.#own.channel ?? "") : this.#ring.channel(this.#seq);
  }

  /** The time in its row, in ms. */
  get ownTime() {
    return this.#own ? (this.#own.ownTime ?? this.record.ts ?? this.#time) : this.#ring.ownTime(this.#seq);
  }

  /** The lines that continue this one, as lines of their own. */
  get parts() {
    if (this.#own || !this.#ring.isContinued(this.#seq)) return NO_PARTS;
    return (this.#parts ??= this.#ring.continuationsOf(this.#seq).map((seq) => new HeldLine(this.#ring).at(seq)));
  }

  /** The line without JSON escapes, so that a search finds what the reader sees. */
  get plain() {
    return (this.#plain ??= readable(this.text));
  }

  /** The line as a JSON object, with big integers as text, or null. */
  get object() {
    if (this.#object === null) this.#object = parseObject(this.text) ?? false;
    return this.#object || null;
  }

  /** The record of the line, see normalise(). */
  get record() {
    return (this.#record ??= normalise(this.text, this.#time));
  }

  get #time() {
    return this.#own ? (this.#own.time ?? null) : this.#ring.arrivedAt(this.#seq);
  }

  #reset() {
    this.#plain = null;
    this.#object = null;
    this.#record = null;
    this.#parts = null;
    return this;
  }
}

/** A line without JSON escapes; a backslash that begins none stays. */
export function readable(line) {
  let at = line.indexOf("\\");
  if (at < 0) return line;
  // A large line may have a million escapes: a function call for each would take a second.
  const parts = [];
  let from = 0;
  for (; at >= 0 && at < line.length - 1; at = line.indexOf("\\", from)) {
    const next = line[at + 1];
    const hex = next === "u" && HEX.test(line.slice(at + 2, at + 6));
    const escaped = hex ? String.fromCharCode(parseInt(line.slice(at + 2, at + 6), 16)) : SHORT[next];
    parts.push(line.slice(from, at), escaped ?? "\\");
    from = at + (hex ? 6 : escaped === undefined ? 1 : 2);
  }
  return wellFormed(parts.join("") + line.slice(from));
}
