// The cases that the page's filter and the hub's (tests/unit/filters) both pass: what each filter finds, and what is wrong with it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { HeldLine, compileQuery } from "../../../web/js/query/index.js";

// Lines without a zone are read in the local one.
process.env.TZ = "UTC";
const { now, cases, faults } = JSON.parse(readFileSync(new URL("../../fixtures/filters.json", import.meta.url)));
const NOW = Date.parse(now);

for (const { name, line, channel, id, came = now, found, unfound } of cases) {
  test(name, () => {
    const held = new HeldLine();
    for (const [filters, expected] of [[found, true], [unfound, false]]) {
      for (const typed of filters) {
        const query = compileQuery(typed, { now: NOW, zone: "UTC" });
        assert.equal(query.fault, null, typed);
        assert.equal(query.test === null || query.test(held.of(line, { channel, id, time: Date.parse(came) })), expected, typed);
      }
    }
  });
}

test("faults", () => {
  for (const { filter, ...fault } of faults) assert.deepEqual(compileQuery(filter, { now: NOW, zone: "UTC" }).fault, fault, filter);
});
