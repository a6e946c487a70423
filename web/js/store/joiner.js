// Which lines belong together: a stack trace, a dump or a message of several lines is one record. The rules are data, which
// `sse-hub ship` reads, too: docs/formats.md describes them. Pure.
//
//     const joiner = new Joiner();
//     joiner.add(text)     the verdicts that a line brings, in the order of the lines: true for a line that begins a record
//     joiner.end()         the verdicts on the lines that still wait for one
//     joiner.patienceMs    how long the next line may take and still belong to this record

import data from "../../../sse_hub/formats/joining.json" with { type: "json" };

const { limits, sets } = data;
const ESCAPES = new RegExp(data.escapes, "g");
const LETTER = new RegExp(`^(?:${data.letter})`);
const SESSION = new RegExp(data.session);
const FOUND = data.found.map(([word, pattern, state]) => ({ word, pattern: new RegExp(pattern), state }));
const BLANK = /^[ \t]*$/;
const BEGINS = [true];
const CONTINUES = [false];
const WAITS = [];

const anchored = (pattern) => new RegExp(`^(?:${pattern})`);

// Some rules of a state, and the patterns of all of them as one: for most lines none fits, which it finds out fast.
const compile = (rules) => ({
  any: anchored(rules.map(([pattern]) => `(?:${pattern})`).join("|")),
  rules: rules.map(([pattern, next, flag]) => ({
    pattern: anchored(pattern), next: next?.replace("?", "") ?? null, guess: next?.startsWith("?") ?? false, sameSession: flag === "session",
  })),
});

// A string stands for a set of rules; with "!" before its name: these begin a record.
function partsOf(rules) {
  const lists = [[]];
  for (const rule of rules) {
    if (typeof rule !== "string") lists.at(-1).push(rule);
    else lists.push(rule.startsWith("!") ? sets[rule.slice(1)].map(([pattern]) => [pattern, null]) : sets[rule], []);
  }
  return lists.filter((list) => list.length > 0).map(compile);
}

const BEGINNING = compile(sets.begins).any;
const RESUMING = compile(sets.resumes).any;
const OPENINGS = partsOf(["events", "starts"]);
const STATES = Object.fromEntries(Object.entries(data.states).map(([name, rules]) => [name, {
  parts: partsOf(rules), patienceMs: data.loose.includes(name) ? limits.loose_ms : limits.trace_ms,
}]));

function ruleFor(parts, text) {
  for (const { any, rules } of parts) if (any.test(text)) return rules.find(({ pattern }) => pattern.test(text));
  return null;
}

const sessionOf = (text) => SESSION.exec(text)?.[1] ?? null;

export class Joiner {
  // null while the record has one line, the head, whose state nobody has asked for.
  #state = null;
  #head = null;
  #headBegins = false;
  #session = null;
  // How many lines the record has, and the lines of which it is not known whether they continue it.
  #lines = 0;
  #held = [];

  get patienceMs() {
    return this.#state?.patienceMs ?? limits.loose_ms;
  }

  add(line) {
    let text = line.length > 4 * limits.characters ? line.slice(0, 4 * limits.characters) : line;
    if (text.includes("\x1b")) text = text.replace(ESCAPES, "");
    if (text.length > limits.characters) text = text.slice(0, limits.characters);
    return this.#add(text.endsWith("\r") ? text.slice(0, -1) : text);
  }

  end() {
    const verdicts = this.#held.length > 0 ? this.#giveUp() : WAITS;
    this.#head = this.#state = null;
    return verdicts;
  }

  #add(text) {
    const begins = BEGINNING.test(text);
    if (this.#head === null || (begins && this.#headBegins && this.#held.length === 0 && !RESUMING.test(text))) {
      // The usual line: one that certainly begins a record after one of the kind.
      this.#begin(text, begins);
      return BEGINS;
    }
    const rule = this.#ruleFor(text);
    if (rule === null || rule.next === null || this.#lines + this.#held.length >= limits.lines) {
      if (this.#held.length > 0) return [...this.#giveUp(), ...this.#add(text)];
      this.#begin(text, begins);
      return BEGINS;
    }
    this.#state = STATES[rule.next];
    this.#headBegins = false;
    if (rule.guess) {
      this.#held.push(text);
      return this.#held.length > limits.held ? this.#giveUp() : WAITS;
    }
    const verdicts = this.#held.length > 0 ? new Array(this.#held.length + 1).fill(false) : CONTINUES;
    this.#lines += verdicts.length;
    if (this.#held.length > 0) this.#held = [];
    return verdicts;
  }

  #ruleFor(text) {
    this.#state ??= STATES[this.#firstState(this.#head)];
    const rule = ruleFor(this.#state.parts, text);
    return rule?.sameSession && sessionOf(text) !== this.#session ? null : rule;
  }

  // The lines that wait don't continue the record. They are read again, without guesses, so only once.
  #giveUp() {
    const [first, ...rest] = this.#held;
    this.#held = [];
    this.#begin(first, false);
    return [true, ...rest.map((text) => {
      const rule = this.#ruleFor(text);
      const joins = rule !== null && rule.next !== null && !rule.guess;
      if (joins) {
        this.#state = STATES[rule.next];
        this.#lines += 1;
      } else this.#begin(text, false);
      return !joins;
    })];
  }

  #begin(text, begins) {
    this.#lines = 1;
    this.#state = this.#session = null;
    this.#head = text;
    this.#headBegins = begins;
  }

  #firstState(text) {
    // A record of one line of JSON stays what it is.
    if ((text.startsWith("{") && text.endsWith("}")) || BLANK.test(text)) return "done";
    const opening = ruleFor(OPENINGS, text);
    if (opening !== null && opening.next !== null) return opening.next;
    const found = FOUND.find(({ word, pattern }) => text.includes(word) && pattern.test(text));
    if (found !== undefined) {
      if (found.state === "postgres") this.#session = sessionOf(text);
      return found.state;
    }
    const small = text.toLowerCase();
    return data.owner.some((word) => small.includes(word)) || LETTER.test(text) ? "owner" : "line";
  }
}
