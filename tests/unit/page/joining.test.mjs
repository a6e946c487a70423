// C7: what belongs together is one row, from the same traces as in tests/unit/formats/test_joining.py; live, from the log, and with
// lines of other channels between.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { FilteredList } from "../../../web/js/store/filtered-list.js";
import { Ingest } from "../../../web/js/store/ingest.js";
import { Joiner } from "../../../web/js/store/joiner.js";
import { LineCounter } from "../../../web/js/store/line-counter.js";
import { Lists } from "../../../web/js/store/lists.js";
import { MultilineJoiner } from "../../../web/js/store/multiline.js";
import { Ring } from "../../../web/js/store/ring.js";
import { Series } from "../../../web/js/store/series.js";
import { HeldLine, compileQuery } from "../../../web/js/query/index.js";
import { normalise } from "../../../web/js/normalise/index.js";
import { cpuMs } from "./cpu.mjs";

const read = (name) => JSON.parse(readFileSync(new URL(`../../fixtures/${name}.json`, import.meta.url)));
const TRACES = read("joining");
const { ordinary, joined, apart } = read("joining-lines");
// Nothing tells the last lines of these from other lines: notes on an exception, and a message without a trace.
const NOT_TOLD = new Set(["python-notes", "ruby-multi"]);
const T = Date.UTC(2026, 10, 21, 3, 50, 18, 780);

// The lines of each row, blank rows left out.
const rowsOf = (lines, heads) => {
  const rows = new Map(lines.map((line, seq) => [seq, []]));
  lines.forEach((line, seq) => rows.get(heads[seq] ?? seq).push(line));
  return [...rows.values()].filter((row) => row.join("").trim() !== "");
};

function headsOf(lines, at = (seq) => T + seq) {
  const joiner = new MultilineJoiner();
  const heads = [];
  for (const [seq, line] of lines.entries()) {
    heads[seq] = joiner.add("a", normalise(JSON.stringify({ info: line }), at(seq)), at(seq), seq);
    for (const [earlier, head] of joiner.earlier) heads[earlier] = head;
  }
  return heads;
}

test("C7: a trace is one row between other lines", () => {
  const told = TRACES.filter(({ name }) => !NOT_TOLD.has(name));
  assert.ok(told.length >= 303);
  for (const { name, records, lines } of told) {
    for (const after of ordinary.slice(0, 8)) {
      const all = ["hello before", ...lines, after];
      const rows = rowsOf(all, headsOf(all, () => T));
      assert.deepEqual([rows.length, rows[0], rows.at(-1)], [records + 2, ["hello before"], [after]], name);
    }
  }
});

test("C7: the machine gives each line the verdict that it gives in the shipper", () => {
  for (const lines of joined) assert.deepEqual(rowsOf(lines, headsOf(lines)), [lines]);
  for (const lines of apart) assert.deepEqual(rowsOf(lines, headsOf(lines)), lines.map((line) => [line]));
});

test("C7: lines in an envelope are joined by the text in it, and JSON of a program is not", () => {
  const envelopes = [(info) => JSON.stringify({ info }), (info) => `{"info": ${JSON.stringify(info)}}`, (line) => line,
    (log) => JSON.stringify({ log: `${log}\n`, stream: "stderr", time: "2026-11-21T03:50:18Z" }), (line) => `2026-11-21T03:50:18.780000001Z stderr F ${line}`];
  for (const envelope of envelopes) {
    const joiner = new MultilineJoiner();
    const lines = ["panic: no price", "goroutine 1 [running]:", "main.main()", "\t/srv/a.go:7"].map(envelope);
    assert.deepEqual(lines.map((line, seq) => joiner.add("a", normalise(line, T), T, seq)), [null, 0, 0, 0], lines[0]);
  }
  assert.deepEqual(headsOf(["ERROR x", '{"level":"error","message":"Traceback (most recent call last):"}']), [null, null]);
});

test("C7: rows are the same live, after a reload and among lines of another channel", () => {
  const lines = TRACES.filter(({ records }) => records === 1).slice(0, 60).flatMap(({ lines: trace }) => ["INFO before", ...trace]);
  const batch = lines.flatMap((line, at) => [
    [`1000-${at + 1}`, "a", JSON.stringify({ info: line })],
    [`1000-${at + 1}`, "b", JSON.stringify({ info: `INFO order ${at}` })],
  ]);
  const shown = (feed) => {
    const ring = new Ring(20_000);
    const lists = new Lists(ring);
    const ingest = new Ingest(ring, lists, new Series());
    feed(ingest);
    const { main } = lists;
    return Array.from({ length: main.end - main.first }, (_, at) => {
      const seqs = [main.seqAt(main.first + at), ...main.foldedSeqs(main.first + at)];
      return seqs.map((seq) => ring.text(seq));
    }).filter(([text]) => !text.includes("INFO order"));
  };

  const live = shown((ingest) => batch.forEach((line) => ingest.addLines([line], 1_100)));
  const replayed = shown((ingest) => ingest.addLines(batch, 60_000));
  const older = shown((ingest) => ingest.addOlder({ lines: batch.slice(-4_000), gaps: [] }));

  assert.ok(live.length < lines.length / 4);
  assert.deepEqual(replayed, live);
  assert.deepEqual(older, live);
});

test("a row that joins another moves the rows behind it, also while a filter is applied", () => {
  const ring = new Ring(10);
  const list = new FilteredList(ring);
  const texts = ["one", "boom", "other", "so", "it is", "next"];
  for (const text of texts) {
    ring.append("a", { fence: 1, count: ring.end }, text, 0, T);
    list.offer(ring.end - 1);
  }
  for (const seq of [3, 4]) {
    ring.continueFrom(seq, 1);
    list.fold(seq, 1);
  }
  const rows = () => Array.from({ length: list.end - list.first }, (_, at) => [ring.text(list.seqAt(list.first + at)), list.foldedCount(list.first + at)]);
  assert.deepEqual(rows(), [["one", 0], ["boom", 2], ["other", 0], ["next", 0]]);
  assert.deepEqual([list.shown, list.foldedSeqs(list.first + 1), list.rowOf(4)], [6, [3, 4], list.first + 1]);
  list.fold(4, 1);
  assert.equal(rows().length, 4);
});

test("a row is judged as one: by the level of its first line, and by the text of all its lines", async () => {
  const ring = new Ring(1_000);
  const lists = new Lists(ring);
  const counter = (lists.counter = new LineCounter(ring));
  const ingest = new Ingest(ring, lists, new Series());
  const line = new HeldLine(ring);
  const filter = (text) => new Promise((done) => {
    const { test: passes } = compileQuery(text);
    lists.refilter(passes && ((seq) => passes(line.at(seq))), null, done);
  });
  const { main } = lists;
  const rows = () => Array.from({ length: main.end - main.first }, (_, at) => [ring.text(main.seqAt(main.first + at)), main.foldedCount(main.first + at)]);
  let came = 0;
  const publish = (...texts) => texts.forEach((text) => ingest.addLines([[`1000-${(came += 1)}`, "a", text]], 1_100));
  const error = "2026-11-21 03:50:18,780 ERROR Order failed";
  const trace = ["java.lang.IllegalStateException: no stock", "\tat shop.Cart.pay(Cart.java:12)", "Caused by: java.io.IOException: y", "\tat shop.Db.read(Db.java:7)"];
  const other = "2026-11-21 03:50:19,000 INFO next";

  for (const [text, expected] of [
    ["level>=error", [[error, 4]]], ["Cart.java", [[error, 4]]], ["/failed$/ Cart", [[error, 4]]], ["-IOException", [[other, 0]]], ["level=none", []], ["-level>=error Db", []],
  ]) {
    // As the lines come, and at once: the row comes and goes with what its later lines say.
    ingest.forget(() => false);
    await filter(text);
    publish(error, ...trace, other);
    main.trim();
    const live = [rows(), main.shown, counter.bars().total, ring.perLevel[6]];
    await filter(text);
    assert.deepEqual(live, [rows(), main.shown, counter.bars().total, ring.perLevel[6]], text);
    assert.deepEqual([rows(), ring.perLevel[6], ring.perLevel[0]], [expected, 5, 0], text);
  }
});

test("C1: joining costs little for any line", () => {
  const joiner = new Joiner();
  const start = cpuMs();
  for (const piece of ["(", " ", "\t", "a.", "a:", "[", "#0 ", "A", "\\", '"', "=", "1 ", "\x1b[", "A::", "…", "\r", "\u2028"]) {
    for (const head of ["ERROR x", "panic: x", "Traceback (most recent call last)"]) {
      joiner.add(head);
      joiner.add(piece.repeat(1_000_000 / piece.length));
    }
  }
  assert.ok(cpuMs() - start < 1_000);
});
