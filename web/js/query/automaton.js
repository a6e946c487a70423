// Tests whether a text matches an expression, in time that grows with its length alone, whatever the expression: all alternatives are
// followed at once, and sets of nodes that were reached before are reused (a lazy DFA).
//
//     const automaton = automatonOf(expressionTree("(a+)+$"), "i")     null for one too large
//     automaton.test("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", 50)     false, at once; raises TooSlow when building states takes over 50 ms
//
// The engine's own RegExp tests which parts of the expression a character matches, once for each character that occurs.

const MAX_NODES = 2_000;
const MAX_STATES = 1_000;
const [EDGE, BREAK, WORD, OTHER] = [0, 1, 2, 3];
const FOUND = { found: true };
const LOST = { found: false };

export class TooSlow extends Error {}

export function automatonOf(tree, flags) {
  const nodes = [];
  const add = (node) => {
    if (nodes.length >= MAX_NODES) return -1;
    return nodes.push(node) - 1;
  };
  const start = build(tree, add({ kind: "accept" }), add);
  return start < 0 || nodes.length >= MAX_NODES ? null : new Automaton(nodes, start, flags);
}

// Each part is built with the node that follows it; -1 if there is no room left.
function build(node, next, add) {
  if (next < 0) return -1;
  switch (node.kind) {
    case "char":
      return add({ kind: "char", source: node.source, next });
    case "assert":
      return add({ kind: "assert", what: node.what, next });
    case "sequence":
      return node.items.reduceRight((after, item) => build(item, after, add), next);
    case "choice": {
      const starts = node.items.map((item) => build(item, next, add));
      return starts.includes(-1) ? -1 : add({ kind: "fork", nexts: starts });
    }
    default:
      return buildRepeat(node, next, add);
  }
}

function buildRepeat({ item, min, max }, next, add) {
  if (min > MAX_NODES || (max !== Infinity && max > MAX_NODES)) return -1;
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
  #nodes;
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

  constructor(nodes, start, flags) {
    this.#nodes = nodes;
    this.#start = start;
    this.#multiline = flags.includes("m");
    this.#unicode = flags.includes("u");
    const sources = [...new Set(nodes.filter(({ kind }) => kind === "char").map(({ source }) => source))];
    const own = flags.replace(/[gmy]/g, "");
    this.#tests = sources.map((source) => new RegExp(`^(?:${source})$`, own));
    for (const node of nodes) if (node.kind === "char") node.test = sources.indexOf(node.source);
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

  // Characters that match the same parts of the expression are one class.
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
      else if (node.kind === "assert" && this.#holds(node.what, state.kind, after)) open.push(node.next);
    }
    return [...seen].map((number) => this.#nodes[number]);
  }

  #holds(what, before, after) {
    if (what === "^") return before === EDGE || (this.#multiline && before === BREAK);
    if (what === "$") return after === EDGE || (this.#multiline && after === BREAK);
    return ((before === WORD) !== (after === WORD)) === (what === "b");
  }
}
