// Highlight rules: a text or an expression, a colour, and whether the whole row is meant. Pure.
//
//     const rules = compileRules([{text: "timeout", colour: "#ff9f43", row: false}])
//     rules.rowOf("a timeout")          the first rule for whole rows that fits the line, or null
//     rules.wants("sound", "a timeout") true when a rule that fits the line asks for it: "sound" or "title"
//     rules.layerOf("a timeout")        [{start: 2, end: 9, className: "rule", rule: "#ff9f43"}]

import { compileMatcher } from "./matcher.js";

const COLOUR = /^#[0-9a-fA-F]{6}$/;
const MAX_RULES = 50;

/** Rules as they may come from anywhere; what is none is left out. */
export function compileRules(rules) {
  const usable = rules.slice(0, MAX_RULES).flatMap((rule) => {
    const pattern = typeof rule?.text === "string" && COLOUR.test(rule.colour) ? compileMatcher(rule.text) : null;
    return pattern && pattern.fault === null ? [{ ...rule, pattern }] : [];
  });
  const [rows, parts] = [usable.filter(({ row }) => row), usable.filter(({ row }) => !row)];
  return {
    any: usable.length > 0,
    rowRuleFor: (line) => rows.find(({ pattern }) => pattern.test(line)) ?? null,
    spansIn: (text) => withoutOverlaps(parts.flatMap(({ pattern, colour }) => pattern.marks(text).map((mark) => ({ ...mark, className: "rule", rule: colour })))),
    triggers: (what, line) => usable.some((rule) => rule[what] && rule.pattern.test(line)),
  };
}

// The rule that comes first has what two of them want.
function withoutOverlaps(spans) {
  const kept = [];
  for (const span of spans) if (!kept.some(({ start, end }) => span.start < end && start < span.end)) kept.push(span);
  return kept.sort((one, other) => one.start - other.start);
}
