// One line of the ring as a query looks at it: what is known is read at once, what costs is worked out only when a term asks.
// One object serves all lines, moved from seq to seq.
//
//     const line = new HeldLine(ring);
//     query.test(line.at(seq))
//     query.test(new HeldLine().of('{"user":"u7"}', {channel: "orders"}))      without a ring

import { normalise, parseObject } from "../normalise/index.js";

const HEX = /^[0-9a-fA-F]{4}$/;
const SHORT = { n: "\n", r: "\r", t: "\t", b: "\b", f: "\f" };

export class HeldLine {
  #ring;
  #seq = 0;
  #own = null;
  #plain = null;
  #object = null;
  #record = null;

  constructor(ring = null) {
    this.#ring = ring;
    this.text = "";
  }

  /** Stand at a line of the ring. */
  at(seq) {
    this.#seq = seq;
    this.text = this.#ring.text(seq);
    return this.#moved();
  }

  /** Stand at a line that is in no ring; `own` may have `channel`, `id`, `time`, `moment` and `level`. */
  of(text, own = {}) {
    this.#own = own;
    this.text = text;
    return this.#moved();
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

  /** Its own time in ms: the one its row shows. */
  get ownTime() {
    return this.#own ? (this.#own.ownTime ?? this.record.ts ?? this.#time) : this.#ring.ownTime(this.#seq);
  }

  /** The line with the escapes of JSON undone, so that what is searched is what is seen. */
  get plain() {
    return (this.#plain ??= readable(this.text));
  }

  /** The JSON object it is, big integers as text, or null. */
  get object() {
    if (this.#object === null) this.#object = parseObject(this.text) ?? false;
    return this.#object || null;
  }

  /** What the normaliser makes of it. */
  get record() {
    return (this.#record ??= normalise(this.text, this.#time));
  }

  get #time() {
    return this.#own ? (this.#own.time ?? null) : this.#ring.arrivedAt(this.#seq);
  }

  #moved() {
    this.#plain = null;
    this.#object = null;
    this.#record = null;
    return this;
  }
}

/** A line of JSON with its escapes undone. */
export function readable(line) {
  let at = line.indexOf("\\");
  if (at < 0) return line;
  // A large line may hold a million of them: a call for each would take a second.
  const parts = [];
  let from = 0;
  for (; at >= 0 && at < line.length - 1; at = line.indexOf("\\", from)) {
    const next = line[at + 1];
    const hex = next === "u" && HEX.test(line.slice(at + 2, at + 6));
    parts.push(line.slice(from, at), hex ? String.fromCharCode(parseInt(line.slice(at + 2, at + 6), 16)) : (SHORT[next] ?? next));
    from = at + (hex ? 6 : 2);
  }
  return parts.join("") + line.slice(from);
}
