// A regular expression that a person typed, made safe to run over every line: the engine's own RegExp, which goes back and may take for
// ever, gets a line only where it can't; all others go through automaton.js. What takes more than 50 ms on one line nevertheless, twice,
// is abandoned: it finds nothing from then on, and says so.
//
//     const pattern = new Pattern("conn(ect)?ed", "i", (abandoned) => …);     raises SyntaxError in words for a reader
//     pattern.test("disconnected")          true
//     [...pattern.places("connected")]      [{start: 0, end: 9}]
//     pattern.abandoned                     false

import { TooSlow, automatonOf } from "./automaton.js";
import { expressionTree, stepsFor } from "./expression.js";

const BUDGET_MS = 50;
const SAFE_STEPS = 2e7;
// Looking around or back is for the engine alone: on short lines, and without a repeat in a repeat.
const NESTED = /[*+}][^(]*\)[*+{]/;

export class Pattern {
  #expression;
  #tree;
  #automaton;
  #onAbandoned;
  #safeLengths = [];

  /** `tell(this)` is called once, when it is abandoned. */
  constructor(source, flags = "", onAbandoned = () => {}) {
    this.source = source;
    this.abandoned = false;
    this.#expression = compiled(source, flags);
    this.#tree = expressionTree(this.#expression.source, this.#expression.flags);
    this.#onAbandoned = onAbandoned;
  }

  test(text) {
    if (this.abandoned) return false;
    if (!this.#isSafeFor(text.length)) return this.#steadily(text);
    // Where the steps are counted there is nothing to fear.
    if (this.#tree !== null) return this.#expression.test(text);
    const found = this.#timed(text);
    // Once more: the browser may have been doing something else, and who typed the expression would see no line again.
    if (found.ms > BUDGET_MS && this.#timed(text).ms > BUDGET_MS) this.#abandon();
    return found.matches;
  }

  /** `{start, end}` of each match in a text, one after the other; none in a text that it might take for ever over. */
  *places(text) {
    if (!this.#isSafeFor(text.length) || !this.test(text)) return;
    const every = new RegExp(this.#expression.source, `${this.#expression.flags}g`);
    for (const match of text.matchAll(every)) yield { start: match.index, end: match.index + match[0].length };
  }

  /** True when a match in a part of a text is one in the whole: no anchors, no looking around. */
  get floating() {
    return !/[\^$]|\\[bB]|\(\?[=!<]/.test(this.#expression.source);
  }

  #timed(text) {
    const start = performance.now();
    const matches = this.#expression.test(text);
    return { matches, ms: performance.now() - start };
  }

  // By powers of two: the bound is worked out once for each.
  #isSafeFor(length) {
    const power = length < 2 ? 0 : Math.ceil(Math.log2(length));
    this.#safeLengths[power] ??= this.#tree === null ? power < 8 && !NESTED.test(this.source) : stepsFor(this.#tree, 2 ** power) <= SAFE_STEPS;
    return this.#safeLengths[power];
  }

  #steadily(text) {
    this.#automaton ??= (this.#tree && automatonOf(this.#tree, this.#expression.flags)) ?? false;
    // Once more, as above; what it has learnt it knows.
    for (let tries = 0; this.#automaton && tries < 2; tries += 1) {
      try {
        return this.#automaton.test(text, BUDGET_MS);
      } catch (error) {
        if (!(error instanceof TooSlow)) throw error;
      }
    }
    this.#abandon();
    return false;
  }

  #abandon() {
    this.abandoned = true;
    this.#onAbandoned(this);
  }
}

/** "i" unless the pattern holds a capital letter, escapes such as \S aside. */
export const smartFlags = (source) => (/\p{Lu}/u.test(source.replace(/\\./g, "")) ? "" : "i");

// With "u" a character beyond 16 bits is one; without, more escapes are allowed than it allows.
function compiled(source, flags) {
  const wanted = [...new Set(flags.replace("u", ""))].join("");
  try {
    return new RegExp(source, `${wanted}u`);
  } catch {
    try {
      return new RegExp(source, wanted);
    } catch (error) {
      const said = error.message.replace(/^Invalid regular expression: (?:\/.*\/\w*: )?/s, "");
      throw new SyntaxError(`Not a regular expression: ${said}`);
    }
  }
}
