// Expressions that people type: the automaton agrees with the engine, and none can freeze the page.

import assert from "node:assert/strict";
import { test } from "node:test";

import { automatonOf } from "../../../web/js/query/automaton.js";
import { expressionTree, stepsFor } from "../../../web/js/query/expression.js";
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
    for (const flags of ["", "u", "iu", "mu", "su", "ims"]) {
      let expected;
      try {
        expected = new RegExp(source, flags);
      } catch {
        continue;
      }
      const automaton = automatonOf(expressionTree(source, flags), flags);
      for (const text of TEXTS) {
        assert.equal(automaton.test(text), expected.test(text), `/${source}/${flags} on ${JSON.stringify(text)}`);
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
    const automaton = automatonOf(expressionTree(source), "m");
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
  assert.equal(expressionTree("(?=a)b"), null);
  assert.equal(expressionTree("(a)\\1"), null);
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

test("an expression with a back reference that could take for ever is abandoned and reported", () => {
  const told = [];
  const pattern = new Pattern("(a+)+\\1$", "", (abandoned) => told.push(abandoned.source));

  const start = cpuMs();
  assert.equal(pattern.test(`${"a".repeat(40)}!`), false);
  assert.equal(pattern.test("aa"), false);

  assert.deepEqual([pattern.abandoned, told, cpuMs() - start < 500], [true, ["(a+)+\\1$"], true]);
  const short = new Pattern("(?<=user=)u\\d");
  assert.deepEqual([short.test("user=u7"), short.test("user=x"), short.abandoned], [true, false, false]);
});

test("case matters if the pattern has a capital letter outside escapes", () => {
  assert.deepEqual([smartFlags("slow"), smartFlags("Slow"), smartFlags("\\S+"), smartFlags("É")], ["i", "", "i", ""]);
  assert.deepEqual([...new Pattern("a+", "i").matchesIn("xAAya")], [{ start: 1, end: 3 }, { start: 4, end: 5 }]);
  assert.throws(() => new Pattern("("), { name: "SyntaxError", message: /^Not a regular expression: Unterminated group/ });
});
