// Rules for alerts as the form has them, and which lines alerts mark.

import assert from "node:assert/strict";
import { test } from "node:test";

import { NEW_VALUES, idFor, membersOf, membersOfRule, valuesOf } from "../../../web/js/format/alert-rule.js";
import { AlertMarks, parseAlert } from "../../../web/js/store/alert-marks.js";

const RULE = { channels: ["shop.*", "log"], filter: "level>=error", when: "rate", factor: 3.5, count: 10, within: "5m", usual: "24h", by: ["service", "zone"], pause: "0s", text: "{count}", to: ["ops"], paused: true };
const OF_HUB = { ...RULE, id: "x", version: "v", source: "page", state: { alerts: 1 } };

test("a rule is the same after it was in the form", () => {
  assert.deepEqual(membersOf(valuesOf(OF_HUB)), RULE);
  assert.deepEqual(membersOfRule(OF_HUB), RULE);
});

test("only what belongs to the condition is sent, and what is no number as it was typed", () => {
  assert.deepEqual(membersOf({ ...NEW_VALUES, channels: " a,b  c " }), {
    channels: ["a", "b", "c"], filter: "", when: "each", by: [], pause: "5m", text: "{rule}: {message}", to: [],
  });
  const counted = membersOf({ ...NEW_VALUES, when: "count", count: "ten", within: " ", pause: "" });
  assert.deepEqual([counted.count, "within" in counted, "pause" in counted, "factor" in counted], ["ten", false, false, false]);
});

test("the id for a rule is one that the hub takes", () => {
  assert.equal(idFor(["shop.*", "log"], 'level>=error "ä b"'), "shop-log-level-error-b");
  for (const filter of ["", "—", "x".repeat(500), "/(a|b)/i"]) assert.match(idFor(["a"], filter), /^[a-z0-9-]{1,64}$/);
});

const line = (more = {}) => JSON.stringify({ message: "declined", rule: "r", alert: "a1", channel: "pay", line: "17-2", ...more });

test("an alert marks the line it is about, once", () => {
  const marks = new AlertMarks();
  assert.equal(marks.none, true);
  assert.equal(marks.add("18-1", line()), true);
  assert.equal(marks.add("18-1", line()), false);
  assert.equal(marks.add("19-1", line({ alert: "a2" })), true);
  assert.deepEqual(marks.of("pay", "17-2").map(({ id, text }) => [id, text]), [["18-1", "declined"], ["19-1", "declined"]]);
  assert.deepEqual(marks.of("pay", "17-3"), []);
});

test("what is no alert marks nothing, and marks are bounded", () => {
  for (const text of ["", "{", "null", "[]", "7", line({ line: "" }), line({ line: 7 }), line({ channel: null }), line({ message: {} })]) assert.equal(parseAlert(text), null);
  const marks = new AlertMarks();
  for (let n = 0; n < 10_050; n += 1) marks.add(`20-${n + 1}`, line({ alert: `a${n}`, line: `${n}-1`, message: "x".repeat(3_000) }));
  assert.equal(marks.of("pay", "49-1").length, 0);
  assert.equal(marks.of("pay", "50-1")[0].text.length, 2_000);
  for (let n = 0; n < 50; n += 1) marks.add(`21-${n + 1}`, line({ alert: `b${n}`, line: "99-9" }));
  assert.equal(marks.of("pay", "99-9").length, 20);
});
