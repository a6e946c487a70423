// Expressions that people type: the automaton agrees with the engine, and none can freeze the page.

import assert from "node:assert/strict";
import { test } from "node:test";

import { automatonOf } from "../../../web/js/query/automaton.js";
import { engineSource, expressionTree, literalOf, stepsFor } from "../../../web/js/query/expression.js";
import { Pattern, smartFlags } from "../../../web/js/query/pattern.js";
import { cpuMs } from "./cpu.mjs";

const SOURCES = [
  "", "a", "abc", "a|b|", "(a|b)*c", "(?:ab)+", "(?<n>a)b?", "a{2}", "a{2,}", "a{1,3}b", "a{0}b", "[a-c]+x", "[^a]b", "\\d+ms", "\\w+@\\w+", "a.c", "^a", "a$", "^$", "^a*$",
  "\\bab\\b", "\\Ba", "a\\Bb", "(a*)*b", "(a+)+$", "(a|a)*b", "(x+x+)+y", "\\.", "[.]", "[\\]x]", "\\u0061", "\\x62", "\\p{L}+1", "新.", "👩.", ".👩$", "a*?b", "(^|,)b(,|$)", "\\s+$",
  "(a|ab)(c|bcd)(d*)", "a{2,3}{2}", "[]a", "a]", "\\n", "b\\b", "((a)|(b))+?c", "\\0",
];
const TEXTS = [
  "", "a", "b", "c", "ab", "abc", "aab", "aaa", "aaab", "acbc", "abab", "xxxxy", "12ms", "a@b", "a\nb", "\nab", "ab\n", "a-b c", "AB", "a,b,c", "新增 1", "é1", "x👩y", "👩", "]", "a.c",
  "abcd", "aaaaaa", "   ", "ab ab", "b\0", "x ", ",b",
];

test("the automaton finds the same matches as the engine", () => {
  let compared = 0;
  for (const source of SOURCES) {
    for (const flags of ["u", "iu", "mu", "su", "imsu"]) {
      let expected;
      try {
        expected = new RegExp(source, flags);
      } catch {
        continue;
      }
      const tree = expressionTree(source, flags);
      const own = flags.replace(/[ms]/g, "");
      const automaton = automatonOf(tree, own);
      const engine = new RegExp(engineSource(tree), own);
      for (const text of TEXTS) {
        const found = [automaton.test(text, 1_000), engine.test(text)];
        assert.deepEqual(found, [expected.test(text), expected.test(text)], `/${source}/${flags} on ${JSON.stringify(text)}`);
        compared += 1;
      }
    }
  }
  assert.ok(compared > 5_000);
});

test("random expressions over a small alphabet give the same result in both engines", () => {
  let seed = 7;
  const chance = (most) => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % most;
  const make = (depth) => {
    const kind = depth > 3 ? 0 : chance(7);
    if (kind < 2) return ["a", "b", ".", "[ab]", "\\b", "^", "$", "[^a]"][chance(8)];
    if (kind < 4) return make(depth + 1) + make(depth + 1);
    if (kind === 4) return `(?:${make(depth + 1)}|${make(depth + 1)})`;
    return `(?:${make(depth + 1)})${["*", "+", "?", "{2}", "{1,2}"][chance(5)]}`;
  };
  for (let round = 0; round < 400; round += 1) {
    const source = make(0);
    const expected = new RegExp(source, "m");
    const automaton = automatonOf(expressionTree(source, "m"), "u");
    for (let count = 0; count < 12; count += 1) {
      const text = Array.from({ length: chance(9) }, () => "ab \n"[chance(4)]).join("");
      assert.equal(automaton.test(text), expected.test(text), `/${source}/ on ${JSON.stringify(text)}`);
    }
  }
});

test("expressions that could take for ever are recognised beforehand", () => {
  const steps = (source, length) => stepsFor(expressionTree(source), length);

  assert.deepEqual([steps("abc", 100), steps("a*b", 100), steps("^a*b", 100)], [100, 10_100, 101]);
  assert.equal(steps(".*a.*b", 100) > 1e6 && steps(".*a.*b", 100) < 1.1e6, true);
  assert.ok(steps("(a+)+$", 40) > 1e30);
});

test("no expression freezes the page, on lines of any length", () => {
  const sources = ["(a+)+$", "(a|a)*b", "(a|aa)+$", "(.*)*x", "(.*,){11}P", "^(([a-z])+.)+[A-Z]([a-z])+$", ".*a.*a.*a.*x", "a*a*a*a*b", "(a?){25}a{25}", "\\s+$", "(\\w+\\s?)*$", "x*y"];
  for (const source of sources) {
    const pattern = new Pattern(source, "i");
    for (const line of [`${"a".repeat(40)}!`, `${"a".repeat(5_000)}!`, `${"a,".repeat(20_000)}!`, `${" ".repeat(50_000)}!`, "x".repeat(50_000)]) {
      const start = cpuMs();
      pattern.test(line);
      assert.ok(cpuMs() - start < 800, `${source} on ${line.length}`);
    }
    assert.equal(pattern.abandoned, false, source);
  }
});

test("what a linear-time engine can't do is refused, and so is what is too large", () => {
  for (const source of ["(?=a)b", "(?!a)b", "(?<=user=)u\\d", "(?<!a)b"]) assert.throws(() => new Pattern(source), { message: /look-around, such as \(\?=…\), is not; allowed are/ });
  for (const source of ["(a)\\1", "(?<n>a)\\k<n>"]) assert.throws(() => new Pattern(source), { message: /back references, such as \\1, are not/ });
  for (const source of ["a{1001}", "(a{40}){40}", "((a{9}b?){10}){12}", "(a{100}b{100}c{100}d{100}){3}"]) assert.throws(() => new Pattern(source), { message: /1,000/ });
  assert.throws(() => new Pattern("(".repeat(60) + ")".repeat(60)), { message: /too deep/ });
});

test("the letters that every match contains are known", () => {
  const literal = (source, ignoreCase = false) => literalOf(expressionTree(source), ignoreCase);
  assert.deepEqual(["time out", "a(bcd)+e", "abc|d", "x?yz", "^order_paid\\d+", "[a]bc", "a"].map((source) => literal(source)), ["time", "bcd", "", "yz", "order_paid", "bc", ""]);
  assert.deepEqual([literal("slow task", true), literal("slow task")], ["low", "slow"]);
});

test("case matters if the pattern has a capital letter outside escapes", () => {
  assert.deepEqual([smartFlags("slow"), smartFlags("Slow"), smartFlags("\\S+"), smartFlags("É")], ["i", "", "i", ""]);
  assert.deepEqual([...new Pattern("a+", "i").matchesIn("xAAya")], [{ start: 1, end: 3 }, { start: 4, end: 5 }]);
  assert.throws(() => new Pattern("("), { name: "SyntaxError", message: "This regular expression can't be used: a ( is never closed" });
});
