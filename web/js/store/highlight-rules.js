// Highlight rules: a text or an expression, a colour, and whether it applies to the whole row. Pure.
//
//     const rules = compileRules([{text: "timeout", colour: "#ff9f43", row: false}])
//     rules.rowRuleFor("a timeout")           the first rule for whole rows that matches the line, or null
//     rules.triggers("sound", "a timeout")    true if a rule with that effect, "sound" or "title", matches the line
//     rules.spansIn("a timeout")              [{start: 2, end: 9, className: "rule", rule: "#ff9f43"}]

import { compileMatcher } from "./matcher.js";

const COLOUR = /^#[0-9a-fA-F]{6}$/;
const MAX_RULES = 50;

/** Compile rules from any source; invalid rules are left out. */
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

// Where rules overlap, the first one wins.
function withoutOverlaps(spans) {
  const kept = [];
  for (const span of spans) if (!kept.some(({ start, end }) => span.start < end && start < span.end)) kept.push(span);
  return kept.sort((one, other) => one.start - other.start);
}
