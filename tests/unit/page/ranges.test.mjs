// Ranges of time: as they are typed and read, counted by the hub, and loaded from the log.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Workspace } from "../../../web/js/app/workspace.js";
import { readUrlState, writeUrlState } from "../../../web/js/app/url-state.js";
import { liveState } from "../../../web/js/format/live-state.js";
import { parseRange } from "../../../web/js/format/parse-range.js";
import { shortRange, spanStart, ticksOf, yesterday, zoomedOut } from "../../../web/js/format/time-range.js";
import { useLanguage } from "../../../web/js/i18n/translate.js";
import { Histogram, rateOf } from "../../../web/js/store/histogram.js";
import { RangeCounts } from "../../../web/js/store/range-counts.js";

useLanguage("en", JSON.parse(readFileSync(new URL("../../../web/lang/en.json", import.meta.url))));

const NOW = Date.UTC(2026, 10, 21, 12, 0, 0);
const MINUTE = 60_000;
const read = (typed, zone = "UTC") => {
  const { range, fault } = parseRange(typed, { now: NOW, zone });
  return fault ?? range.map((time) => new Date(time).toISOString().slice(5, 19)).join(" ");
};

test("a range is parsed in every form, or its fault is named", () => {
  const cases = {
    "yesterday 17:00–18:00": "11-20T17:00:00 11-20T18:00:00",
    "yesterday 17:00-18:00": "11-20T17:00:00 11-20T18:00:00",
    "09:00 - 10:30:15": "11-21T09:00:00 11-21T10:30:15",
    "22:00 to 02:00": "11-20T22:00:00 11-21T02:00:00",
    "-2h to -1h": "11-21T10:00:00 11-21T11:00:00",
    "-2h - -1h": "11-21T10:00:00 11-21T11:00:00",
    "-15m": "11-21T11:45:00 11-21T12:00:00",
    "09:00": "11-21T09:00:00 11-21T12:00:00",
    yesterday: "11-20T00:00:00 11-20T23:59:59",
    today: "11-21T00:00:00 11-21T12:00:00",
    "2026-11-18": "11-18T00:00:00 11-18T23:59:59",
    "2026-11-18 to 2026-11-19": "11-18T00:00:00 11-19T23:59:59",
    "2026-11-18T03:50/2026-11-19T04:00Z": "11-18T03:50:00 11-19T04:00:00",
    "11:00 until now": "11-21T11:00:00 11-21T12:00:00",
    "11:00–13:00": "11-21T11:00:00 11-21T12:00:00",
    "tea time": "range.unreadable",
    "": "range.unreadable",
    "17:00–tea": "range.unreadable",
    "-1h to -2h": "range.reversed",
    "2026-11-22": "range.future",
  };
  for (const [typed, expected] of Object.entries(cases)) assert.equal(read(typed), expected, typed);
  assert.equal(read("yesterday 17:00–18:00", "Asia/Kolkata"), "11-20T11:30:00 11-20T12:30:00");
  // The day on which clocks are put back has 25 hours.
  const { range } = parseRange("2026-10-25", { now: NOW, zone: "Europe/Berlin" });
  assert.equal(range[1] - range[0] + 1, 25 * 60 * MINUTE);
  assert.deepEqual(yesterday(NOW, "UTC"), parseRange("yesterday", { now: NOW, zone: "UTC" }).range);
  assert.deepEqual([spanStart("1h", NOW, "UTC"), spanStart("today", NOW, "UTC")], [NOW - 60 * MINUTE, NOW - 720 * MINUTE]);
});

test("a range is written short, with days where they are needed, and zooms out round its middle", () => {
  const short = (from, to) => shortRange([NOW + from, NOW + to], "UTC", NOW);
  assert.equal(short(-60 * MINUTE, -1), "11:00–12:00");
  assert.equal(short(-60 * MINUTE, -30_000), "11:00:00–11:59:30");
  assert.equal(short(-36 * 60 * MINUTE, -35 * 60 * MINUTE), "2026-11-20 00:00–01:00");
  assert.equal(short(-36 * 60 * MINUTE, -12 * 60 * MINUTE - 1), "2026-11-20");
  assert.equal(short(-14 * 60 * MINUTE, -60 * MINUTE), "2026-11-20 22:00–2026-11-21 11:00");
  assert.deepEqual(ticksOf([NOW - 1_440 * MINUTE, NOW], "UTC", NOW), ["2026-11-20 12:00", "2026-11-21 00:00", "12:00"]);
  assert.deepEqual(ticksOf([NOW - 10 * MINUTE, NOW], "UTC", NOW), ["11:50:00", "11:55:00", "12:00:00"]);
  assert.deepEqual(zoomedOut([NOW - 60 * MINUTE, NOW - 30 * MINUTE], NOW), [NOW - 75 * MINUTE, NOW - 15 * MINUTE]);
  assert.deepEqual(zoomedOut([NOW - 30 * MINUTE, NOW], NOW), [NOW - 60 * MINUTE, NOW]);
});

test("the hub's counts and the lines held are one picture, which never says less than the page has", () => {
  const from = NOW - 60 * MINUTE;
  const histogram = new Histogram();
  for (let n = 0; n < 10; n += 1) histogram.add(NOW - 30_000 + n, 3);
  histogram.add(from + 100, 6);
  const counts = new RangeCounts();
  const before = counts.bars([from, NOW], histogram);
  assert.deepEqual([before.total, before.bars.at(-1).at <= NOW, counts.countedFrom], [11, true, Infinity]);

  const values = [{ value: "info", count: 0 }, { value: "error", count: 0 }];
  counts.add({ step_seconds: 60, values, steps: [{ at: NOW - MINUTE, values: [4, 1] }] }, NOW - 10 * MINUTE);
  counts.add({ step_seconds: 60, values: [{ value: "none", count: 0 }], steps: [{ at: from, values: [7] }, { at: NOW - MINUTE, values: [2] }] }, from);
  const { bars, width, most, total } = counts.bars([from, NOW], histogram);
  const last = bars.find(({ at }) => at === NOW - MINUTE);

  assert.deepEqual([bars.length, bars[0].at, width, most, total, counts.countedFrom], [61, from, MINUTE, 13, 21, from]);
  assert.deepEqual([last.counts, last.held], [[2, 0, 0, 10, 0, 0, 1, 0], [0, 0, 0, 10, 0, 0, 0, 0]]);
  assert.deepEqual([bars[0].counts, bars[0].held], [[7, 0, 0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0, 1, 0]]);
  assert.deepEqual([rateOf(420, 30_000), rateOf(840, MINUTE), rateOf(7, 100), rateOf(10, 900_000)], [[840, "min"], [840, "min"], [70, "s"], [40, "h"]]);
});

test("the button says what is shown, and how many lines have come meanwhile", () => {
  const words = (situation) => Object.values(liveState({ stream: "live", ...situation })).join(": ");
  assert.equal(words({}), "live: Live");
  assert.equal(words({ following: false, paused: true, unseen: 1_953 }), "paused: Paused · 1,953 new");
  assert.equal(words({ following: false }), "away: Scrolled up");
  assert.equal(words({ inPast: true, unseen: 2, stream: "reconnecting" }), "past: Past · 2 new");
  assert.equal(words({ stream: "stale" }), "waiting: Not live");
  assert.equal(words({ stream: "degraded" }), "waiting: Not live");
  assert.equal(words({ stream: "ended", following: false }), "stopped: Stopped");
});

test("the span of the bars is in the address", () => {
  assert.equal(writeUrlState({ channels: ["a"], span: "1h" }), "?channel=a&last=1h");
  assert.deepEqual(["last=today", "last=2h", ""].map((query) => readUrlState(query).span), ["today", null, null]);
});

test("a range of the past is loaded from its end to its beginning, while live lines wait", async () => {
  // Lines each second, `F-1`; the hub answers with the last three before a position.
  const asked = [];
  globalThis.fetch = async (url) => {
    const query = new URLSearchParams(url.split("?")[1]);
    if (query.getAll("channel")[0] !== "a") return Response.json({ lines: [], more: false });
    const before = Number(query.get("before").split("-")[0]);
    asked.push(before);
    const newest = Math.ceil(before / 1_000) * 1_000 - 1_000;
    const lines = [2, 1, 0].map((back) => newest - back * 1_000).map((fence) => [`${fence}-1`, "a", `{"time":${fence},"msg":"at ${fence}"}`, fence]);
    return Response.json({ lines, more: true, gaps: [] });
  };
  const workspace = new Workspace(1_000, 0, () => "UTC", { held: "own", acquire() {}, release() {} });
  workspace.open(["a"], 500);
  const range = [NOW - 60_000, NOW - 51_001];
  workspace.setFilter({ range });

  assert.equal(workspace.holds(range), false);
  workspace.showPast(range);
  await workspace.history.loadUntil(() => false);
  await workspace.settled;

  assert.equal(asked[0], range[1] + 5_001);
  assert.deepEqual([workspace.history.state.name, workspace.list.shown, workspace.waiting], ["edge", 9, 0]);
  assert.deepEqual([workspace.ring.ownTime(workspace.list.seqAt(workspace.list.first)), workspace.ring.arrivedAt(workspace.ring.first)], [range[0], range[0] - 5_000]);
  assert.deepEqual([workspace.holds(range), workspace.holds([NOW - 58_000, NOW - 55_000]), workspace.holds([NOW - 58_000, NOW])], [true, true, false]);
  // The last lines of before the range was chosen are no news.
  const batch = [NOW - 1, NOW, NOW + 1].map((moment, n) => [`${NOW - 2}-${n + 1}`, "a", "{}", moment]);
  assert.deepEqual([workspace.ingest.passBy(batch, NOW + 5, NOW), workspace.ingest.received, workspace.ring.held], [1, 22, 19]);
  workspace.reopen(["a"], 500);
  assert.deepEqual([workspace.past, workspace.ring.held], [null, 0]);
});
