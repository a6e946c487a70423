// A regular expression that a person typed, under a time budget: one that takes longer than 50 ms on one line is abandoned,
// finds nothing from then on, and says so.
//
//     const pattern = new Pattern("conn(ect)?ed", "i", (abandoned) => …);     raises SyntaxError in words for a reader
//     pattern.test("disconnected")     true
//     pattern.abandoned                false

const BUDGET_MS = 50;

export class Pattern {
  #expression;
  #tell;

  /** `tell(this)` is called once, when it is abandoned. */
  constructor(source, flags = "", tell = () => {}) {
    this.source = source;
    this.abandoned = false;
    this.#expression = compiled(source, flags);
    this.#tell = tell;
  }

  test(text) {
    if (this.abandoned) return false;
    const start = performance.now();
    const found = this.#expression.test(text);
    if (performance.now() - start > BUDGET_MS) this.#abandon();
    return found;
  }

  /** `{start, end}` of each match in a text, one after the other. */
  *places(text) {
    if (!this.test(text)) return;
    const every = new RegExp(this.#expression.source, `${this.#expression.flags}g`);
    for (const match of text.matchAll(every)) yield { start: match.index, end: match.index + match[0].length };
  }

  /** True when a match in a part of a text is one in the whole: no anchors, no looking around. */
  get floating() {
    return !/[\^$]|\\[bB]|\(\?[=!<]/.test(this.#expression.source);
  }

  #abandon() {
    this.abandoned = true;
    this.#tell(this);
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
