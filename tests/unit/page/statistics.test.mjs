// The statistics: answers of the hub added up, the filter as the hub gets it, numbers with units, and the address.

import assert from "node:assert/strict";
import { test } from "node:test";

import { readUrlState, writeUrlState } from "../../../web/js/app/url-state.js";
import { formatQuantity } from "../../../web/js/format/units.js";
import { hubFilter } from "../../../web/js/query/hub-filter.js";
import { Statistics, percentileOf } from "../../../web/js/store/statistics.js";

const HEAD = { since: "2026-11-21T03:50:00.000Z", until: "2026-11-21T03:51:00.000Z", step_seconds: 30, by: "user", field: null, gaps: [], more: false };
const [FIRST, SECOND] = [Date.parse(HEAD.since), Date.parse(HEAD.since) + 30_000];
const answerOf = (more) => ({ ...HEAD, looked_at: 10, count: 0, values: [], others: 0, distinct: 0, without: 0, steps: [], ...more });

test("answers add up, also in the step that they share", () => {
  const counts = new Statistics();
  counts.add(answerOf({ count: 4, values: [{ value: "u7", count: 3 }], distinct: 1, without: 1, steps: [{ at: SECOND, count: 4, values: [3], others: 0, without: 1 }] }));
  counts.add(answerOf({
    count: 6, values: [{ value: "u8", count: 4 }, { value: "u7", count: 2 }], distinct: 2,
    steps: [{ at: FIRST, count: 1, values: [1, 0], others: 0, without: 0 }, { at: SECOND, count: 5, values: [3, 2], others: 0, without: 0 }],
  }));

  assert.deepEqual(counts.top(9), [{ value: "u7", count: 5 }, { value: "u8", count: 4 }]);
  assert.deepEqual(counts.bars(["u7"]), [
    { at: FIRST, count: 1, parts: [0], others: 1, without: 0 },
    { at: SECOND, count: 9, parts: [5], others: 3, without: 1 },
  ]);
  assert.deepEqual([counts.count, counts.lookedAt, counts.without, counts.partial], [10, 20, 1, false]);
});

test("levels come in their order, and bars without lines are there", () => {
  const counts = new Statistics();
  counts.add(answerOf({ by: "level", count: 9, values: [{ value: "info", count: 7 }, { value: "error", count: 2 }], steps: [{ at: SECOND, count: 9, values: [7, 2], others: 0, without: 0 }] }));

  assert.deepEqual(counts.top(9).map(({ value }) => value), ["error", "info"]);
  assert.deepEqual(counts.bars(["error"]).map(({ at, count }) => [at, count]), [[FIRST, 0], [SECOND, 9]]);
});

test("values beyond the list of an answer make the counts partial", () => {
  const counts = new Statistics();
  counts.add(answerOf({ count: 5, values: [{ value: "a", count: 3 }], others: 2, distinct: 3, steps: [] }));

  assert.deepEqual([counts.partial, counts.others, counts.distinct], [true, 2, 3]);
});

test("a gap across two answers is one gap", () => {
  const gap = { channel: "a", after: "1-0", before: "9-0", lost: null, reason: "recorder-down" };
  const counts = new Statistics();
  counts.add(answerOf({ gaps: [gap] }));
  counts.add(answerOf({ gaps: [{ ...gap, before: "5-0" }, { ...gap, channel: "b" }] }));

  assert.deepEqual(counts.gaps.map(({ channel, before }) => [channel, before]), [["b", "9-0"], ["a", "9-0"]]);
});

test("percentiles of two answers are those of all their numbers", () => {
  const part = (rounded) => {
    const numbers = rounded.reduce((sum, [, times]) => sum + times, 0);
    const found = ["p50", "p90", "p99"].map((name) => [name, percentileOf(rounded, numbers, Number(name.slice(1)))]);
    return { numbers, min: rounded[0][0], max: rounded.at(-1)[0], rounded, ...Object.fromEntries(found) };
  };
  const counts = new Statistics();
  for (const rounded of [[[1, 50], [3, 1]], [[2, 45], [90, 4]]]) {
    counts.add(answerOf({ by: null, field: "n", kind: "number", values: undefined, count: 50, ...part(rounded), steps: [{ at: SECOND, count: 50, ...part(rounded) }] }));
  }

  const [{ at, numbers, min, max, p50, p90, p99 }] = counts.points();
  assert.deepEqual([at, numbers, min, max, p50, p90, p99], [SECOND, 100, 1, 90, 1, 2, 90]);
  assert.deepEqual([counts.whole.p50, counts.whole.p99], [1, 90]);
  assert.equal(percentileOf([], 0, 50), null);
});

test("the hub gets the filter as the reader sees it: without what is off, with hidden levels, and its times written out", () => {
  const options = { now: Date.parse("2026-11-21T03:50:18Z"), zone: "UTC" };

  assert.equal(hubFilter({ text: "user=u7 b", off: new Set(["b"]) }, options), "user=u7");
  assert.equal(hubFilter({ text: "a OR b", hidden: new Set([0, 2]) }, options), "(a OR b) -level=none,debug");
  assert.equal(hubFilter({ text: "" }, options), "");
  assert.equal(hubFilter({ text: "after=-15m -before=03:40" }, options), "after=2026-11-21T03:35:18.000Z -before=2026-11-21T03:40:00.000Z");
});

test("a number is shown with its unit", () => {
  const shown = [["duration", 0.25], ["duration", 999], ["duration", 1_500], ["size", 1_500], ["size", 12], ["size", 2.5e9], ["number", 1234.567], ["number", 0.00012345]];

  assert.deepEqual(shown.map(([kind, value]) => formatQuantity(kind, value)), ["0.25 ms", "999 ms", "1.5 s", "1.5 kB", "12 B", "2.5 GB", "1230", "0.000123"]);
});

test("the address has the statistics, and invalid parts of it are ignored", () => {
  const read = (search) => readUrlState(search).statistics;
  const range = [Date.parse("2026-11-21T03:50:00Z"), Date.parse("2026-11-21T04:50:00Z")];

  for (const statistics of [{ range: "6h", least: "error", by: "user id", field: null }, { range, least: null, by: null, field: "took" }]) {
    assert.deepEqual(read(writeUrlState({ channels: ["a"], statistics })), statistics);
  }
  assert.equal(read("?channel=a"), null);
  assert.deepEqual(read("?stats=99y&by=a&of=b&least=loud"), { range: "6h", least: null, by: "a", field: null });
  assert.deepEqual(read("?stats=1h"), { range: "1h", least: null, by: "level", field: null });
});
