// Rows of several lines, a stream that has died silently, and the points of a chart.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { MultilineJoiner, templateOf } from "../../../web/js/store/multiline.js";
import { hiddenSummary, normalise, withContinuations } from "../../../web/js/normalise/index.js";
import { FILTERED_PATIENCE_MS, Liveness } from "../../../web/js/connection/liveness.js";
import { Ring } from "../../../web/js/store/ring.js";
import { Series, intervalsOf, nearestTo } from "../../../web/js/store/series.js";
import { useLanguage } from "../../../web/js/i18n/translate.js";
import { FilteredList } from "../../../web/js/store/filtered-list.js";
import { stateText } from "../../../web/js/format/messages.js";
import { cpuMs } from "./cpu.mjs";

useLanguage("en", JSON.parse(readFileSync(new URL("../../../web/lang/en.json", import.meta.url))));

const T = Date.UTC(2026, 10, 21, 3, 50, 18, 780);

test("a panic followed by endless brackets is read fast", () => {
  const joiner = new MultilineJoiner();
  const start = cpuMs();
  for (const [seq, text] of ["panic: boom", "(".repeat(60_000)].entries()) joiner.add("a", normalise(text, T), T, seq);
  assert.ok(cpuMs() - start < 400);
});

test("a line that continues a stack trace joins the line before, if it arrives at once on the same channel", () => {
  const record = (msg) => normalise(JSON.stringify({ info: msg }), T);
  const heads = (texts, own = () => ({})) => {
    const joiner = new MultilineJoiner();
    const found = [];
    for (const [seq, text] of texts.entries()) {
      found[seq] = joiner.add(own(seq).channel ?? "a", record(text), T + (own(seq).time ?? seq), seq);
      for (const [earlier, head] of joiner.earlier) found[earlier] = head;
    }
    return found;
  };
  const error = "2026-11-21 03:50:18,780 ERROR boom";
  const python = ["Traceback (most recent call last):", '  File "a.py", line 1, in f', "    g()", "ValueError: too small"];
  const chained = ["", "During handling of the above exception, another exception occurred:", "", ...python];
  const node = ["    at pay (/srv/a.js:1:2)", "    at async run (/srv/b.js:3:4)", "}"];
  const java = ["java.lang.IllegalStateException: x", "\tat shop.A.b(A.java:1)", "Caused by: java.io.IOException: y", "\t... 3 more"];
  const go = ["panic: boom", "", "goroutine 1 [running]:", "main.main()", "\t/srv/a.go:10 +0x1d", "exit status 2"];

  for (const lines of [[error, ...python], [error, ...python, ...chained], [error, ...node], java, go, python]) {
    assert.deepEqual(heads(lines), [null, ...lines.slice(1).map(() => 0)], lines[1]);
  }
  for (const text of ["hello", "[error] x", "ValueError: too small", "", "2026-11-21 03:50:18,780 INFO next", "INFO  indented"]) {
    assert.deepEqual(heads([error, text]), [null, null], text);
  }
  assert.deepEqual(heads([error, ...python, "hello", "  there"]).slice(-2), [null, 5]);
  assert.deepEqual(heads([error, "  late"], (seq) => ({ time: seq * 60 })), [null, null]);
  assert.deepEqual(heads([error, "  of another"], (seq) => ({ channel: "ab"[seq] })), [null, null]);
  assert.deepEqual(heads(["  first of all"]), [null]);
  assert.deepEqual(heads([error, ...new Array(4_200).fill("  x")], () => ({ time: 0 })).filter((head) => head === null).length, 3);
  const joined = withContinuations(record(error), python.concat("  "));
  assert.deepEqual([joined.msg, joined.err.type, joined.err.msg, hiddenSummary(joined)], ["boom", "ValueError", "too small", "· 1 frame"]);
});

test("additions of PostgreSQL, and the parts of a line that Kubernetes has split, join the line before", () => {
  const heads = (texts) => {
    const joiner = new MultilineJoiner();
    return texts.map((text, seq) => joiner.add("a", normalise(JSON.stringify({ info: text }), T), T + seq, seq));
  };
  const postgres = (level, pid = 7) => `2026-11-21 03:50:18.780 UTC [${pid}] ana@shop ${level}:  so it is`;
  const error = ["ERROR", "DETAIL", "HINT", "CONTEXT", "STATEMENT"].map((level) => postgres(level));
  const cri = (part, text, stream = "stdout") => `2026-11-21T03:50:18.780000001Z ${stream} ${part} ${text}`;

  assert.deepEqual(heads([...error, "\tFROM shop", postgres("HINT"), postgres("ERROR")]), [null, 0, 0, 0, 0, 0, 0, null]);
  assert.deepEqual(heads([postgres("ERROR"), postgres("DETAIL", 8), postgres("DETAIL")]), [null, null, null]);
  assert.deepEqual(heads(["hello", postgres("DETAIL")]), [null, null]);
  const parts = [cri("P", "INFO:shop:one "), cri("P", "two "), cri("F", "three")];
  assert.deepEqual(heads([...parts, cri("F", "next"), cri("F", "next")]), [null, 0, 0, null, null]);
  assert.deepEqual(heads([cri("P", "one"), cri("F", "other", "stderr"), "hello"]), [null, null, null]);
  assert.deepEqual(heads(['{"part":"P","stream":"x"}', '{"part":"F","stream":"x"}']), [null, null]);
  const [head, ...rest] = parts.map((text) => normalise(JSON.stringify({ info: text }), T));
  assert.equal(withContinuations(head, rest.map(({ msg }) => msg)).msg, "one two three");
});

test("the lines of one row are counted, found and removed with it", async () => {
  const ring = new Ring(6);
  const list = new FilteredList(ring);
  const put = (text, head = null, channel = "a") => {
    const seq = ring.append(channel, { fence: 1, count: ring.end }, text, 0, T);
    if (head !== null) ring.continueFrom(seq, head);
    list.offer(seq);
    return seq;
  };
  // It works in slices: what is there at once depends on the machine.
  const refiltered = (test) => new Promise((done) => list.refilter(test, done));
  const rows = () => Array.from({ length: list.end - list.first }, (_, at) => [ring.text(list.seqAt(list.first + at)), list.foldedCount(list.first + at)]);

  put("one");
  const head = put("boom");
  put("between", null, "b");
  put("  f()", head);
  put("  g()", head);
  assert.deepEqual([rows(), list.shown, list.lines], [[["one", 0], ["boom", 2], ["between", 0]], 5, 5]);
  assert.deepEqual([list.foldedSeqs(list.first + 1), list.rowOf(4)], [[3, 4], list.first + 1]);
  // What goes on is shown or hidden with what it goes on with.
  await refiltered((seq) => ring.text(seq) === "boom");
  assert.deepEqual([rows(), list.shown], [[["boom", 2]], 3]);
  await refiltered((seq) => ring.text(seq) !== "boom");
  assert.deepEqual([rows(), list.shown], [[["one", 0], ["between", 0]], 2]);
  await refiltered(null);
  for (const text of ["x 1", "x 2", "x 3"]) put(text);
  assert.deepEqual([rows(), list.shown, ring.held], [[["between", 0], ["x 1", 0], ["x 2", 0], ["x 3", 0]], 4, 6]);
  list.templateOf = (seq) => ring.text(seq).replace(/\d/, "#");
  await refiltered(null);
  assert.deepEqual(rows().at(-1), ["x 1", -2]);
  put("x 4");
  assert.deepEqual([rows().at(-1), list.rowOf(ring.end - 1), list.foldedSeqs(list.end - 1).length], [["x 1", -3], list.end - 1, 3]);
  put("y");
  assert.deepEqual([rows().at(-1), list.shown], [["y", 0], list.end - list.first + 3]);
});

test("a stream is dead when the hub has lines that do not arrive, and not when no line is published", () => {
  const liveness = new Liveness();
  for (let now = 0; now < 60_000; now += 2_000) assert.equal(liveness.isDead(5, 10, now), false);
  assert.deepEqual([62, 64, 66, 68, 70, 72].map((second) => liveness.isDead(second, 10, second * 1_000)), [false, false, false, false, false, true]);
  assert.equal(liveness.isDead(80, 10, 80_000), false);
  for (let now = 90_000; now < 150_000; now += 2_000) assert.equal(liveness.isDead(now, now, now), false);
  for (let now = 200_000; now < 300_000; now += 2_000) assert.equal(liveness.isDead(now, Math.floor(now / 15_000), now, FILTERED_PATIENCE_MS), false);
});

test("a chart shows the median of each interval within a band, and the interval under the mouse", () => {
  const points = [[0, 1], [1, 3], [2, 2], [50, 9], [100, 4]];
  const found = intervalsOf(points, 0, 100, 10);
  assert.deepEqual(found.map(({ at, count, low, median, high, max }) => [at, count, low, median, high, max]), [[5, 3, 1, 2, 3, 3], [55, 1, 9, 9, 9, 9], [95, 1, 4, 4, 4, 4]]);
  assert.deepEqual([-5, 30, 31, 60, 1e9].map((time) => nearestTo(found, time).at), [5, 5, 55, 55, 95]);
  // A few outliers of many do not make the band.
  const [many] = intervalsOf(Array.from({ length: 100 }, (_, n) => [n / 10, n < 95 ? n : 10_000]), 0, 10, 1);
  assert.deepEqual([many.low, many.median, many.high, many.max], [10, 50, 90, 10_000]);
  const series = new Series();
  series.choose("took");
  const chosen = (line) => series.chosenIn(normalise(line, T));
  assert.deepEqual([chosen('{"took":12,"message":"m"}'), chosen('{"took":"0.5","message":"m"}'), chosen('{"took":"x"}'), chosen('{"n":1}')], [[["took", 12]], [["took", 0.5]], null, null]);
  series.drop("took");
  assert.equal(chosen('{"took":12}'), null);
});

test("lines that differ only in their numbers have the same template", () => {
  const template = (line) => templateOf("a", normalise(line, T));
  assert.equal(template('{"level":"info","message":"order 17 took 1.5 ms"}'), template('{"level":"info","message":"order 2 took 300 ms"}'));
  assert.notEqual(template('{"level":"info","message":"order 17"}'), template('{"level":"warn","message":"order 17"}'));
  assert.notEqual(template('{"level":"info","message":"paid"}'), template('{"level":"info","message":"sent"}'));
});

test("a page that catches up shows how far it is, and one that has just opened does not", () => {
  const words = (replay) => stateText({ name: "live" }, 10_000, 10_000, replay);
  const to = new Date(2026, 10, 21, 3, 50, 18).getTime();
  assert.equal(words({ since: 9_000, at: 9_900, to }), "catching up · at 03:50:18");
  assert.equal(stateText({ name: "live" }, 10_000, 10_000, { since: 9_000, at: 9_900, to: Date.UTC(2026, 10, 21, 23, 50, 18) }, "Asia/Kolkata"), "catching up · at 05:20:18");
  assert.equal(words({ since: 9_900, at: 9_900, to }), "live");
  assert.equal(words({ since: 5_000, at: 8_900, to }), "live");
});
