// A regular expression that a person typed, made safe to run on every line. The engine's own RegExp backtracks and may take for ever, so
// it tests a line only if that is certain to be fast; automaton.js tests all others. An expression that still takes more than 50 ms on
// one line, twice, is abandoned: it matches nothing from then on, and reports that.
//
//     const pattern = new Pattern("conn(ect)?ed", "i", (abandoned) => …);     raises SyntaxError with a message for the reader
//     pattern.test("disconnected")          true
//     [...pattern.matchesIn("connected")]      [{start: 0, end: 9}]
//     pattern.abandoned                     false

import { TooSlow, automatonOf } from "./automaton.js";
import { expressionTree, stepsFor } from "./expression.js";

const BUDGET_MS = 50;
const SAFE_STEPS = 2e7;
// Look-around and back references are tested by the engine alone: on short lines, and without a repeat inside a repeat.
const NESTED = /[*+}][^(]*\)[*+{]/;

export class Pattern {
  #expression;
  #tree;
  #automaton;
  #onAbandoned;
  #safeLengths = [];

  /** `onAbandoned(this)` is called once, when the expression is abandoned. */
  constructor(source, flags = "", onAbandoned = () => {}) {
    this.source = source;
    this.abandoned = false;
    this.#expression = compile(source, flags);
    this.#tree = expressionTree(this.#expression.source, this.#expression.flags);
    this.#onAbandoned = onAbandoned;
  }

  test(text) {
    if (this.abandoned) return false;
    if (!this.#isSafeFor(text.length)) return this.#testByAutomaton(text);
    // The number of steps is bounded, so no time limit is needed.
    if (this.#tree !== null) return this.#expression.test(text);
    const found = this.#timed(text);
    // Try again before giving up: the browser may have been busy with something else.
    if (found.ms > BUDGET_MS && this.#timed(text).ms > BUDGET_MS) this.#abandon();
    return found.matches;
  }

  /** `{start, end}` of each match in a text, in order; none if matching it could take for ever. */
  *matchesIn(text) {
    if (!this.#isSafeFor(text.length) || !this.test(text)) return;
    const every = new RegExp(this.#expression.source, `${this.#expression.flags}g`);
    for (const match of text.matchAll(every)) yield { start: match.index, end: match.index + match[0].length };
  }

  /** True if a match in a part of a text is also a match in the whole: no anchors, no look-around. */
  get floating() {
    return !/[\^$]|\\[bB]|\(\?[=!<]/.test(this.#expression.source);
  }

  #timed(text) {
    const start = performance.now();
    const matches = this.#expression.test(text);
    return { matches, ms: performance.now() - start };
  }

  // The bound is computed once for each power of two.
  #isSafeFor(length) {
    const power = length < 2 ? 0 : Math.ceil(Math.log2(length));
    this.#safeLengths[power] ??= this.#tree === null ? power < 8 && !NESTED.test(this.source) : stepsFor(this.#tree, 2 ** power) <= SAFE_STEPS;
    return this.#safeLengths[power];
  }

  #testByAutomaton(text) {
    this.#automaton ??= (this.#tree && automatonOf(this.#tree, this.#expression.flags)) ?? false;
    // Try again, as above; the states that were built are kept.
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

/** "i" unless the pattern contains a capital letter outside escapes such as \S. */
export const smartFlags = (source) => (/\p{Lu}/u.test(source.replace(/\\./g, "")) ? "" : "i");

// With the flag u, characters beyond 16 bits are one character; without it, more escapes are valid.
function compile(source, flags) {
  const other = [...new Set(flags.replace("u", ""))].join("");
  try {
    return new RegExp(source, `${other}u`);
  } catch {
    try {
      return new RegExp(source, other);
    } catch (error) {
      const text = error.message.replace(/^Invalid regular expression: (?:\/.*\/\w*: )?/s, "");
      throw new SyntaxError(`Not a regular expression: ${text}`);
    }
  }
}
