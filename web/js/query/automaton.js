// Tests whether a text matches an expression, in time that grows with its length alone, whatever the expression: all alternatives are
// followed at once, and sets of nodes that were reached before are reused (a lazy DFA).
//
//     const automaton = automatonOf(expressionTree("(a+)+$"), "iu")     the flags of the engine
//     automaton.test("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", 50)     false, at once; raises TooSlow when building states takes over 50 ms
//
// The engine's own RegExp tests which parts of the expression a character matches, once for each character that occurs.

const MAX_STATES = 1_000;
const [EDGE, BREAK, WORD, OTHER] = [0, 1, 2, 3];
const FOUND = { found: true };
const LOST = { found: false };

export class TooSlow extends Error {}

/** The automaton of a tree, which has a bounded size: see expression.js. */
export function automatonOf(tree, flags) {
  const nodes = [];
  const add = (node) => nodes.push(node) - 1;
  const start = build(tree, add({ kind: "accept" }), add);
  return new Automaton(nodes, start, flags);
}

// Each part is built with the node that follows it.
function build(node, next, add) {
  switch (node.kind) {
    case "char":
      return add({ kind: "char", source: node.source, next });
    case "assert":
      return add({ kind: "assert", what: node.what, multiline: node.multiline, next });
    case "sequence":
      return node.items.reduceRight((after, item) => build(item, after, add), next);
    case "choice":
      return add({ kind: "fork", nexts: node.items.map((item) => build(item, next, add)) });
    default:
      return buildRepeat(node, next, add);
  }
}

function buildRepeat({ item, min, max }, next, add) {
  let after = next;
  if (max === Infinity) {
    const fork = { kind: "fork", nexts: [next] };
    after = add(fork);
    fork.nexts.push(build(item, after, add));
  } else {
    for (let count = min; count < max; count += 1) after = add({ kind: "fork", nexts: [build(item, after, add), next] });
  }
  for (let count = 0; count < min; count += 1) after = build(item, after, add);
  return after;
}

class Automaton {
  #nodes;
  #start;
  #word;
  #tests;
  #classes = [{ kind: EDGE, fits: [] }];
  #classOf = new Map();
  #numbers = new Map();
  #states = new Map();
  #first;
  #until;

  constructor(nodes, start, flags) {
    this.#nodes = nodes;
    this.#start = start;
    this.#word = new RegExp("\\w", flags);
    const sources = [...new Set(nodes.filter(({ kind }) => kind === "char").map(({ source }) => source))];
    this.#tests = sources.map((source) => new RegExp(`^(?:${source})$`, flags));
    for (const node of nodes) if (node.kind === "char") node.test = sources.indexOf(node.source);
    this.#first = this.#state([], EDGE);
  }

  test(text, ms) {
    this.#until = performance.now() + ms;
    let state = this.#first;
    for (let at = 0; at < text.length; at += 1) {
      let code = text.charCodeAt(at);
      if (code >= 0xd800 && code < 0xdc00) {
        code = text.codePointAt(at);
        if (code > 0xffff) at += 1;
      }
      const number = this.#classOf.get(code) ?? this.#classify(code);
      state = state.nexts[number] ?? this.#follow(state, number);
      if (state === FOUND) return true;
    }
    return (state.nexts[0] ?? this.#follow(state, 0)) === FOUND;
  }

  // Characters that match the same parts of the expression are one class.
  #classify(code) {
    const char = String.fromCodePoint(code);
    const fits = this.#tests.map((test) => test.test(char));
    const kind = char === "\n" ? BREAK : this.#word.test(char) ? WORD : OTHER;
    const key = `${kind}${fits.map(Number).join("")}`;
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#classes.push({ kind, fits }) - 1;
      this.#numbers.set(key, number);
    }
    this.#classOf.set(code, number);
    return number;
  }

  #state(nodes, kind) {
    const key = `${kind}:${nodes.join()}`;
    let state = this.#states.get(key);
    if (state === undefined) {
      if (performance.now() > this.#until) throw new TooSlow();
      // States in use stay alive; others are built again when they are reached again.
      if (this.#states.size >= MAX_STATES) this.#forget();
      this.#states.set(key, (state = { nodes, kind, nexts: [] }));
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
    for (const node of reached) if (node.kind === "char" && fits[node.test]) nexts.add(node.next);
    return this.#state([...nexts].sort((one, other) => one - other), kind);
  }

  // All nodes that can be reached without a character, as a match may begin anywhere; null if the end is among them.
  #reach(state, after) {
    const seen = new Set();
    const open = [...state.nodes, this.#start];
    while (open.length > 0) {
      const number = open.pop();
      if (seen.has(number)) continue;
      seen.add(number);
      const node = this.#nodes[number];
      if (node.kind === "accept") return null;
      if (node.kind === "fork") open.push(...node.nexts);
      else if (node.kind === "assert" && this.#holds(node, state.kind, after)) open.push(node.next);
    }
    return [...seen].map((number) => this.#nodes[number]);
  }

  #holds({ what, multiline }, before, after) {
    if (what === "^") return before === EDGE || (multiline && before === BREAK);
    if (what === "$") return after === EDGE || (multiline && after === BREAK);
    return ((before === WORD) !== (after === WORD)) === (what === "b");
  }
}
