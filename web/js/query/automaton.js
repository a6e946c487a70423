// Whether a text holds a match of an expression, in time that grows with its length alone, whatever the expression: all ways are gone at
// once, and sets of places in the expression that have been met before are known (a DFA made as it goes).
//
//     const automaton = automatonOf(expressionTree("(a+)+$"), "i")     null for one too large
//     automaton.test("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", 50)     false, at once; raises TooSlow where it learns for over 50 ms
//
// What a single character fits is asked of the engine's own RegExp, once for each character met.

const MAX_PLACES = 2_000;
const MAX_STATES = 1_000;
const [EDGE, BREAK, WORD, OTHER] = [0, 1, 2, 3];
const FOUND = { found: true };
const LOST = { found: false };

export class TooSlow extends Error {}

export function automatonOf(tree, flags) {
  const places = [];
  const add = (place) => {
    if (places.length >= MAX_PLACES) return -1;
    return places.push(place) - 1;
  };
  const start = build(tree, add({ kind: "accept" }), add);
  return start < 0 || places.length >= MAX_PLACES ? null : new Automaton(places, start, flags);
}

// Each part is built with the place that follows it; -1 where there is no room left.
function build(node, next, add) {
  if (next < 0) return -1;
  switch (node.kind) {
    case "char":
      return add({ kind: "char", source: node.source, next });
    case "assert":
      return add({ kind: "assert", what: node.what, next });
    case "all":
      return node.items.reduceRight((after, item) => build(item, after, add), next);
    case "any": {
      const starts = node.items.map((item) => build(item, next, add));
      return starts.includes(-1) ? -1 : add({ kind: "fork", nexts: starts });
    }
    default:
      return repeated(node, next, add);
  }
}

function repeated({ item, min, max }, next, add) {
  if (min > MAX_PLACES || (max !== Infinity && max > MAX_PLACES)) return -1;
  let after = next;
  if (max === Infinity) {
    const fork = { kind: "fork", nexts: [next] };
    after = add(fork);
    const inner = build(item, after, add);
    if (inner < 0) return -1;
    fork.nexts.push(inner);
  } else {
    for (let count = min; count < max && after >= 0; count += 1) {
      const inner = build(item, after, add);
      after = inner < 0 ? -1 : add({ kind: "fork", nexts: [inner, next] });
    }
  }
  for (let count = 0; count < min && after >= 0; count += 1) after = build(item, after, add);
  return after;
}

class Automaton {
  #places;
  #start;
  #multiline;
  #unicode;
  #tests;
  #classes = [{ kind: EDGE, fits: [] }];
  #classOf = new Map();
  #numbers = new Map();
  #states = new Map();
  #first;
  #until;

  constructor(places, start, flags) {
    this.#places = places;
    this.#start = start;
    this.#multiline = flags.includes("m");
    this.#unicode = flags.includes("u");
    const sources = [...new Set(places.filter(({ kind }) => kind === "char").map(({ source }) => source))];
    const own = flags.replace(/[gmy]/g, "");
    this.#tests = sources.map((source) => new RegExp(`^(?:${source})$`, own));
    for (const place of places) if (place.kind === "char") place.test = sources.indexOf(place.source);
    this.#first = this.#state([], EDGE);
  }

  test(text, ms) {
    this.#until = performance.now() + ms;
    let state = this.#first;
    for (let at = 0; at < text.length; at += 1) {
      let code = text.charCodeAt(at);
      if (this.#unicode && code >= 0xd800 && code < 0xdc00) {
        code = text.codePointAt(at);
        if (code > 0xffff) at += 1;
      }
      const number = this.#classOf.get(code) ?? this.#classify(code);
      state = state.nexts[number] ?? this.#follow(state, number);
      if (state === FOUND) return true;
    }
    return (state.nexts[0] ?? this.#follow(state, 0)) === FOUND;
  }

  // Characters that fit the same parts of the expression are one class.
  #classify(code) {
    const char = String.fromCodePoint(code);
    const fits = this.#tests.map((test) => test.test(char));
    const kind = /[\n\r\u2028\u2029]/.test(char) ? BREAK : /\w/.test(char) ? WORD : OTHER;
    const key = `${kind}${fits.map(Number).join("")}`;
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#classes.push({ kind, fits }) - 1;
      this.#numbers.set(key, number);
    }
    this.#classOf.set(code, number);
    return number;
  }

  #state(places, kind) {
    const key = `${kind}:${places.join()}`;
    let state = this.#states.get(key);
    if (state === undefined) {
      if (performance.now() > this.#until) throw new TooSlow();
      // Those in use live on; others are made again when they are met again.
      if (this.#states.size >= MAX_STATES) this.#forget();
      this.#states.set(key, (state = { places, kind, nexts: [] }));
    }
    return state;
  }

  #forget() {
    for (const state of this.#states.values()) state.nexts = [];
    this.#states.clear();
  }

  #follow(state, number) {
    const { kind, fits } = this.#classes[number];
    const reached = this.#reach(state, kind);
    const next = reached === null ? FOUND : kind === EDGE ? LOST : this.#step(reached, fits, kind);
    state.nexts[number] = next;
    return next;
  }

  #step(reached, fits, kind) {
    const nexts = new Set();
    for (const place of reached) if (place.kind === "char" && fits[place.test]) nexts.add(place.next);
    return this.#state([...nexts].sort((one, other) => one - other), kind);
  }

  // Every place that can be come to without a character, a match may begin anywhere; null where that is the end.
  #reach(state, after) {
    const seen = new Set();
    const open = [...state.places, this.#start];
    while (open.length > 0) {
      const number = open.pop();
      if (seen.has(number)) continue;
      seen.add(number);
      const place = this.#places[number];
      if (place.kind === "accept") return null;
      if (place.kind === "fork") open.push(...place.nexts);
      else if (place.kind === "assert" && this.#holds(place.what, state.kind, after)) open.push(place.next);
    }
    return [...seen].map((number) => this.#places[number]);
  }

  #holds(what, before, after) {
    if (what === "^") return before === EDGE || (this.#multiline && before === BREAK);
    if (what === "$") return after === EDGE || (this.#multiline && after === BREAK);
    return ((before === WORD) !== (after === WORD)) === (what === "b");
  }
}
