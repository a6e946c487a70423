// A regular expression that a person typed, made safe to run on every line. The engine's own RegExp backtracks and may take for ever, so
// it tests a text only if that is certain to be fast; automaton.js tests all others. An expression whose automaton twice needs more than
// 50 ms for one text is abandoned: it matches nothing from then on, and reports that.
//
//     const pattern = new Pattern("conn(ect)?ed", "i", (abandoned) => …);     raises SyntaxError with a message for the reader
//     pattern.test("disconnected")          true
//     [...pattern.matchesIn("connected")]      [{start: 0, end: 9}]
//     pattern.literal                       "ected": letters of every match
//     pattern.abandoned                     false

import { TooSlow, automatonOf } from "./automaton.js";
import { engineSource, expressionTree, literalOf, stepsFor } from "./expression.js";

const BUDGET_MS = 50;
const SAFE_STEPS = 2e7;

export class Pattern {
  #expression;
  #tree;
  #flags;
  #automaton;
  #onAbandoned;
  #safeLengths = [];

  /** `onAbandoned(this)` is called once, when the expression is abandoned. */
  constructor(source, flags = "", onAbandoned = () => {}) {
    this.source = source;
    this.abandoned = false;
    this.#tree = expressionTree(source, flags);
    // The tree has all that the flags m and s mean.
    this.#flags = flags.includes("i") ? "iu" : "u";
    this.#expression = new RegExp(engineSource(this.#tree), this.#flags);
    this.literal = literalOf(this.#tree, flags.includes("i"));
    this.ignoresCase = flags.includes("i");
    this.#onAbandoned = onAbandoned;
  }

  test(text) {
    if (this.abandoned) return false;
    return this.#isSafeFor(text.length) ? this.#expression.test(text) : this.#testByAutomaton(text);
  }

  /** `{start, end}` of each match in a text, in order; none if matching it could take for ever. */
  *matchesIn(text) {
    if (!this.#isSafeFor(text.length) || !this.test(text)) return;
    const every = new RegExp(this.#expression.source, `${this.#expression.flags}g`);
    for (const match of text.matchAll(every)) yield { start: match.index, end: match.index + match[0].length };
  }

  // The bound is computed once for each power of two.
  #isSafeFor(length) {
    const power = length < 2 ? 0 : Math.ceil(Math.log2(length));
    this.#safeLengths[power] ??= stepsFor(this.#tree, 2 ** power) <= SAFE_STEPS;
    return this.#safeLengths[power];
  }

  #testByAutomaton(text) {
    this.#automaton ??= automatonOf(this.#tree, this.#flags);
    // Try again before giving up: the browser may have been busy with something else. The states that were built are kept.
    for (let tries = 0; tries < 2; tries += 1) {
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
