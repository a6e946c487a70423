// Pure modules of the page: ids, ring, lists, ingest, filter, messages.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { retryDelayMs } from "../../../web/js/connection/backoff.js";
import { ALERTS, MARKERS, covers, nameFault, passingOwn, withOwn } from "../../../web/js/protocol/channels.js";
import { formatAge, keyValues, formatRate, sharedPrefix, visible } from "../../../web/js/format/text.js";
import { bareFence, isAfter, parseId, timeOfId } from "../../../web/js/protocol/ids.js";
import { Ingest } from "../../../web/js/store/ingest.js";
import { Ring } from "../../../web/js/store/ring.js";
import { useLanguage } from "../../../web/js/i18n/translate.js";
import { Series } from "../../../web/js/store/series.js";
import { FilteredList } from "../../../web/js/store/filtered-list.js";
import { newLinesText, noteText, stateText } from "../../../web/js/format/messages.js";
import { HeldLine, compileQuery } from "../../../web/js/query/index.js";

// A filter over the text of a line.
function compileFilter(typed) {
  const read = compileQuery(typed);
  const { test } = read.fault ? compileQuery(`"${typed.replace(/["\\]/g, "\\$&")}"`) : read;
  const line = new HeldLine();
  return test && ((text) => test(line.of(text)));
}

useLanguage("en", JSON.parse(readFileSync(new URL("../../../web/lang/en.json", import.meta.url))));

function page(capacity = 10) {
  const ring = new Ring(capacity);
  const list = new FilteredList(ring);
  const series = new Series();
  return { ring, list, series, ingest: new Ingest(ring, list, series) };
}

const batch = (channel, fence, from, to) =>
  Array.from({ length: to - from + 1 }, (_, at) => [`${fence}-${from + at}`, channel, `{"level":"info","message":"${from + at}"}`]);

const seqsShown = (list) => Array.from({ length: list.end - list.first }, (_, at) => list.seqAt(list.first + at));

test("ids are ordered as two numbers", () => {
  assert.ok(isAfter(parseId("1000-10"), parseId("1000-9")));
  assert.ok(isAfter(parseId("1000-1"), parseId("999-5000")));
  assert.ok(!isAfter(parseId("1000-9"), parseId("1000-9")));
  assert.equal(parseId("no id"), null);
  assert.deepEqual([bareFence("1000-1.2.3"), bareFence(null), timeOfId("1000-7")], ["1000-0", null, 1000]);
});

test("the ring holds the newest lines and counts them by level", () => {
  const { ring, ingest } = page();

  ingest.addLines(batch("a", 1, 1, 25), 0);

  assert.deepEqual([ring.held, ring.first, ring.end, ring.perLevel[3]], [10, 15, 25, 10]);
  assert.deepEqual([ring.id(24), ring.channel(24), ring.has(14)], ["1-25", "a", false]);
});

test("lines that are held already are dropped by channel and id", () => {
  const { ring, ingest } = page();

  ingest.addLines(batch("a", 1, 1, 3), 0);
  ingest.addLines([...batch("a", 1, 2, 4), ...batch("b", 1, 1, 1)], 0);

  assert.deepEqual([ring.held, ingest.received, ingest.duplicates, ingest.lastId], [5, 5, 2, "1-1"]);
});

test("a gap and a closed publisher are notes, not lines", () => {
  const { ring, list, ingest } = page();

  ingest.addGap({ channel: "a", after: "1-1", before: "2-1", lost: 7, reason: "slow" }, 0);
  const closed = ingest.addLines([["2-1", "a", '{"n":1}'], ["2-2", "a", '{"@event":"closed"}']], 0);
  const open = ingest.addLines([["2-3", "a", '{"@event":"closed"}'], ["2-4", "a", '{"n":1}']], 0);

  assert.deepEqual([closed, open], ["a", null]);
  assert.deepEqual([ring.held, ring.notes, list.shown, ingest.gaps.count, ingest.gaps.lost], [2, 3, 2, 1, 7]);
  assert.ok(ring.isNote(0));
});

test("item 7: a line without a time has the moment it came, live, replayed and from the log alike", () => {
  const rows = [["1000000000-1", "a", '{"info":"old"}', 1_000_000_807], ["1000099000-1", "a", '{"info":"new"}', 1_000_099_950]];
  const live = page();
  for (const row of rows) live.ingest.addLines([row], row[3] + 30);
  const reloaded = page();
  reloaded.ingest.addLines(rows, 1_000_100_000);
  const paged = page();
  paged.ingest.addOlder({ lines: rows, gaps: [] });

  for (const { ring } of [live, reloaded, paged]) {
    const times = [ring.first, ring.first + 1].map((seq) => [ring.arrivedAt(seq), ring.ownTime(seq)]);
    assert.deepEqual(times, [[1_000_000_807, 1_000_000_807], [1_000_099_950, 1_000_099_950]]);
  }
  assert.deepEqual([live.ingest.live, reloaded.ingest.live], [2, 1]);
});

test("row numbers stay the same while lines fall off the front", () => {
  const { list, ingest } = page();

  ingest.addLines(batch("a", 1, 1, 12), 0);
  const seq = list.seqAt(11);
  ingest.addLines(batch("a", 1, 13, 15), 0);

  assert.equal(list.seqAt(11), seq);
  assert.deepEqual([list.first, list.end, list.firstRowFrom(seq), list.lines], [5, 15, 11, 15]);
});

test("a filter applies to lines held and to later lines, and clearing it shows all of them", async () => {
  const { ring, list, ingest } = page(1_000);
  ingest.addLines(batch("a", 1, 1, 500), 0);

  const test = compileFilter('"message":"7"');
  await new Promise((done) => list.refilter((seq) => test(ring.text(seq)), done));
  ingest.addLines([["2-1", "a", '{"message":"7"}'], ["2-2", "a", '{"message":"8"}']], 0);
  assert.deepEqual([seqsShown(list), list.version], [[6, 500], 1]);
  await new Promise((done) => list.refilter(null, done));

  assert.equal(list.shown, 502);
});

test("a filter needs every word, supports phrases and negations, and is case-sensitive only with a capital", () => {
  const fits = (typed, line) => compileFilter(typed)(line);

  assert.ok(fits("time OUT", "a timeout, OUT of luck"));
  assert.ok(!fits("time OUT", "a time out"));
  assert.ok(fits('"time out"', "a TIME OUT"));
  assert.ok(!fits("-health", "GET /health") && fits("-health", "GET /orders"));
  assert.ok(fits("新增", '{"info":"Visit \\u65b0\\u589e"}'));
  assert.ok(fits("a.c (", "a.c ( x") && !fits("a.c", "abc"));
  assert.deepEqual([compileFilter(""), compileFilter("  -  ")], [null, null]);
});

test("closing a channel forgets its lines and keeps the others in order", () => {
  const { ring, ingest } = page(100);
  ingest.addLines([...batch("a", 1, 1, 3), ...batch("b", 1, 1, 2), ...batch("a", 1, 4, 5)], 0);

  ingest.forget((channel) => channel === "a");
  ingest.addLines(batch("b", 1, 1, 1), 0);

  const held = Array.from({ length: ring.end - ring.first }, (_, at) => [ring.channel(ring.first + at), ring.id(ring.first + at)]);
  assert.deepEqual(held, [["a", "1-1"], ["a", "1-2"], ["a", "1-3"], ["a", "1-4"], ["a", "1-5"], ["b", "1-1"]]);
});

test("patterns match the same channels as in the hub", () => {
  assert.ok(covers(["shop.*"], "shop.api") && covers(["*"], "any") && covers(["a", "b"], "b"));
  assert.ok(!covers(["shop.*"], "shopxapi") && !covers(["a"], "ab"));
  assert.equal(nameFault("shop.api:v1/x@y+z-*"), null);
  assert.ok(nameFault("no spaces") && nameFault("") && nameFault("x".repeat(129)));
});

test("markers are requested only by readers who may see them", () => {
  assert.deepEqual(withOwn(["shop.api"], ["*"]), ["shop.api", MARKERS, ALERTS]);
  assert.deepEqual(withOwn(["shop.api"], ["shop.*"]), ["shop.api"]);
  assert.deepEqual(withOwn(["*"], ["*"]), ["*"]);
  assert.equal(passingOwn("a OR b", ["shop.api", MARKERS]), '(channel=sse-hub.markers "@event") OR a OR b');
  assert.equal(passingOwn("a", ["shop.api"]), "a");
});

test("the chart keeps the numbers of measurements, for a few fields and five minutes", () => {
  const series = new Series();

  for (let n = 0; n < 5_000; n += 1) series.add("cpu", n * 500, [["cpu", n], ["memory", 41]]);
  series.add("x", 0, Array.from({ length: 50 }, (_, n) => [`f${n}`, n]));

  const [cpu] = series.recent();
  assert.equal(series.recent().length, 8);
  assert.deepEqual([cpu.points.length, cpu.points.at(-1)], [601, [4_999 * 500, 4_999]]);
});

test("retry delays grow from half a second to fifteen, half of it random", () => {
  assert.deepEqual([retryDelayMs(0, () => 1), retryDelayMs(0, () => 0)], [500, 250]);
  assert.deepEqual([retryDelayMs(3, () => 1), retryDelayMs(50, () => 1)], [4_000, 15_000]);
});

test("states and notes have messages", () => {
  assert.equal(stateText({ name: "live" }, 0, 12_000), "live · last line 12 s ago");
  assert.equal(stateText({ name: "live" }, null, 0), "live · waiting for the first line");
  assert.equal(stateText({ name: "reconnecting", retryAt: 2_500 }, null, 0), "reconnecting in 3 s");
  assert.equal(noteText({ kind: "closed", channel: "numbers" }), "numbers: the publisher closed the stream");
  assert.equal(
    noteText({ kind: "gap", channel: "a", lost: null, reason: "trimmed", from: null, to: null }),
    "a: an unknown number of lines not delivered · the hub no longer has them",
  );
  assert.match(noteText({ kind: "gap", channel: "a", lost: 1, reason: "slow", from: 1e12, to: 1e12 + 2_000 }), /^a: 1 line not delivered, ..:..:..–/);
  assert.equal(newLinesText(2_345, 12), "2,345 new (12 errors)");
});

test("numbers, ages and log text are formatted short and safe", () => {
  assert.deepEqual([formatRate(0), formatRate(0.44), formatRate(42.4), formatRate(1_234), formatRate(12_345)], ["0", "0.4", "42", "1.2k", "12k"]);
  assert.deepEqual([formatAge(12_000), formatAge(240_000), formatAge(7_200_000), formatAge(2e8)], ["12 s", "4 min", "2 h", "2 d"]);
  assert.equal(sharedPrefix("03:50:18.780", "03:50:18.912"), "03:50:18.");
  assert.equal(sharedPrefix("03:50:18.780", "03:51:18.780"), "03:");
  assert.equal(visible("a\0\x1b\u202eb"), "a␀␛⟨U+202E⟩b");
  assert.equal(keyValues({ a: 1, b: "x y", c: [1, 2], d: null }), 'a=1 b="x y" c=[1,2] d=null');
});

test("the filter finds a field as the row shows it", () => {
  const inner = JSON.stringify({ info: JSON.stringify({ message: "m", user: "ana", status: 200, place: "a b" }) });
  const line = '{"message": "m", "user": "ana", "status": 200, "deep": {"user": "bob"}}';
  const finds = (typed, text = line) => compileFilter(typed)(text);

  assert.deepEqual([finds("user=ana"), finds("status=200"), finds("User=ana"), finds("user=ana status=200")], [true, true, false, true]);
  assert.deepEqual([finds("user=bob"), finds("status=404"), finds("ser=ana"), finds("other=1")], [false, false, false, false]);
  assert.deepEqual([finds("-user=ana"), finds("-status=404")], [false, true]);
  assert.deepEqual([finds("user=ana", inner), finds("status=200", inner)], [true, true]);
  assert.deepEqual([finds("took=3", "took=3 ms"), finds("took=4", "took=3 ms")], [true, false]);
});

test("markers appear among the lines of the channel they name, or of all, and are not counted", () => {
  const { ring, ingest } = page(100);
  ingest.accepts = (name) => name === "a";
  const marker = (id, more) => [id, "sse-hub.markers", JSON.stringify({ "@event": "marker", message: id, ...more })];
  ingest.addLines([["1-1", "a", '{"message":"x"}'], marker("1-1", { channel: "a" }), marker("1-2", { channel: "b" }), marker("1-3", {})], 0);
  ingest.addLines([marker("1-3", {}), ["1-4", "sse-hub.markers", '{"message":"no marker"}']], 0);
  ingest.addGap({ channel: "sse-hub.markers", after: "1-1", before: "2-0", lost: null, reason: "recorder-down" }, 0);

  assert.deepEqual([ring.text(1).text, ring.text(2).text, ring.end], ["1-1", "1-3", 3]);
  assert.deepEqual([ingest.received, ring.held, ingest.gaps.count], [1, 1, 0]);
  // Whoever opens the markers' own channel sees it as any other.
  ingest.accepts = (name) => name === "sse-hub.markers";
  ingest.addLines([["2-1", "sse-hub.markers", '{"message":"plain"}']], 0);
  assert.equal(ring.held, 2);
});
