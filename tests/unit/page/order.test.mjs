// Lines of several channels in the order of their times: live, replayed, older, in a full ring, with any clock of the reader.

import assert from "node:assert/strict";
import { test } from "node:test";

import { LineCounter } from "../../../web/js/store/line-counter.js";
import { Facets } from "../../../web/js/store/facets.js";
import { Ingest } from "../../../web/js/store/ingest.js";
import { Ring } from "../../../web/js/store/ring.js";
import { Series } from "../../../web/js/store/series.js";
import { Lists } from "../../../web/js/store/lists.js";
import { cpuMs } from "./cpu.mjs";

const T = 1_795_233_018_000;

/** A page of several channels, with its counts. */
function page(capacity = 1_000) {
  const ring = new Ring(capacity);
  const shown = new Lists(ring);
  const ingest = new Ingest(ring, shown, new Series());
  const [counter, facets, late] = [new LineCounter(ring), new Facets(), []];
  shown.counter = counter;
  shown.refilter(null, null);
  ring.onDrop = (seq) => (counter.remove(seq), facets.remove(seq));
  ingest.onLine = (seq, record) => facets.add(seq, record);
  ingest.onReorder = (part) => (counter.reorder(part), facets.reorder(part));
  ingest.onLateLine = (name) => late.push(name);
  ingest.holdBack(250);
  return { ring, shown, ingest, counter, facets, late };
}

const counts = new Map();
/** One line of a channel, with the next id of that fence. */
function line(channel, fence, ms, text = `${channel}${ms}`) {
  const count = (counts.get(`${channel} ${fence}`) ?? 0) + 1;
  counts.set(`${channel} ${fence}`, count);
  return [`${fence}-${count}`, channel, ms === null ? text : JSON.stringify({ level: "info", time: T + ms, pid: 1, msg: text, kind: channel })];
}

const held = ({ ring }) => Array.from({ length: ring.end - ring.first }, (_, at) => ring.first + at);
const texts = ({ ring }) => held({ ring }).map((seq) => (ring.isNote(seq) ? ring.text(seq).kind : (/"msg":"([^"]*)"/.exec(ring.text(seq))?.[1] ?? ring.text(seq))));
const byTime = (lines) => lines.toSorted(([, , one], [, , other]) => JSON.parse(one).time - JSON.parse(other).time).map(([, , text]) => JSON.parse(text).msg);

/** What is counted and listed is what is held. */
function agrees({ ring, shown, counter, facets }) {
  shown.trim();
  const { main } = shown;
  assert.deepEqual(Array.from({ length: main.end - main.first }, (_, at) => main.seqAt(main.first + at)), held({ ring }));
  assert.deepEqual([counter.bars().total, facets.lines], [ring.held, ring.held]);
  for (const seq of held({ ring }).toReversed()) facets.remove(seq), counter.remove(seq);
  assert.deepEqual([facets.fields(), counter.bars().total], [[], 0]);
}

test("a late line is moved to its place and flagged, in a full ring as well", () => {
  const all = page(10);
  for (let n = 0; n < 25; n += 1) all.ingest.addLines([line("a", T, n * 10)], T + n * 10);
  all.ingest.addLines([line("a", T, 400)], T + 400);
  all.ingest.release(T + 700);
  all.ingest.addLines([line("b", T, 205), line("b", T, 235), line("a", T, 700)], T + 700);
  all.ingest.release(T + 1_000);

  assert.deepEqual(texts(all), ["a190", "a200", "b205", "a210", "a220", "a230", "b235", "a240", "a400", "a700"]);
  assert.deepEqual([all.ring.held, all.late.length, all.ingest.received], [10, 2, 29]);
  assert.deepEqual(all.late.map((name) => name.split("@")[0]), ["b", "b"]);
  agrees(all);
});

test("many late lines cost a full page little", () => {
  const all = page(10_000);
  let now = T;
  const live = (ticks) => {
    for (let n = 0; n < ticks; n += 1) {
      now += 50;
      const of = (channel, ms) => Array.from({ length: 125 }, () => line(channel, T, now - T - ms));
      all.ingest.addLines([...of("a", 0), ...of("b", 1_000)], now);
    }
  };
  live(50);
  const start = cpuMs();
  live(20);
  const ms = cpuMs() - start;

  const moments = held(all).map((seq) => all.ring.ownTime(seq));
  assert.ok(moments.every((moment, index) => index === 0 || moments[index - 1] <= moment));
  assert.equal(all.ring.held, 10_000);
  assert.ok(ms < 1_000, `${ms} ms for a second with 2,500 stragglers among 5,000 lines`);
});

test("a wrong clock of the reader changes neither the order nor the lag", () => {
  for (const ahead of [8_000, -8_000, 3_000, 0]) {
    const all = page();
    all.ingest.clockSkew = ahead;
    const came = (ms, ...lines) => all.ingest.addLines(lines.map((each) => [...each, T + ms]), T + ahead + ms);
    came(50, line("a", T, 0), line("a", T, 40));
    came(60, line("c", T, null, "c without a time"));
    came(90, line("b", T, 20), line("b", T, 60));
    all.ingest.release(T + ahead + 400);

    assert.deepEqual(texts(all), ["a0", "b20", "a40", "c without a time", "b60"]);
    assert.deepEqual([all.ingest.lag, all.late, all.ingest.live], [30, [], 5]);
    assert.equal(all.ring.arrivedAt(all.ring.first + 3), T + 60);
  }
});

/** What two channels said at 100 lines a second each, for three fences a second apart; in the order of the ids, each channel on its own. */
function log(base = T) {
  const fences = [0, 1_000, 2_000].map((fence) => {
    const of = (channel, shift) => Array.from({ length: 100 }, (_, n) => line(channel, base + fence, base - T + fence + n * 10 + shift));
    return [of("a", 0), of("b", 5)];
  });
  return { byChannel: fences.flat(2), byCount: fences.flatMap(([a, b]) => a.flatMap((each, n) => [each, b[n]])) };
}

test("replayed lines are put in the order of their times, in whatever order they arrive, and are not late", () => {
  for (const step of [500, 70]) {
    const all = page();
    const { byChannel } = log();
    for (let from = 0; from < 600; from += step) all.ingest.addLines(byChannel.slice(from, from + step), T + 60_000);

    assert.deepEqual(texts(all), byTime(byChannel));
    assert.deepEqual([all.late, all.ingest.received, all.ingest.duplicates, all.ingest.heldBack], [[], 600, 0, 0]);
    agrees(all);
  }
});

test("continued lines stay behind their first line, lines with a wrong clock with their fence, and a gap at its place", () => {
  const all = page();
  const failed = `${new Date(T + 400).toISOString()} ERROR boom`;
  all.ingest.addLines([line("a", T, 10), line("a", T, null, failed), line("a", T, null, "Traceback (most recent call last):"), line("a", T, null, "  File x"),
    line("b", T, 100), line("b", T, 500), line("c", T, 3_600_000, "off")], T + 60_000);
  all.ingest.addGap({ channel: "b", after: `${T}-2`, before: `${T + 2_000}-1`, lost: 3, reason: "slow" }, T + 60_000);
  all.ingest.addLines([line("b", T + 2_000, 2_100), line("a", T + 2_000, 2_050)], T + 60_000);

  assert.deepEqual(texts(all), ["off", "a10", "b100", failed, "Traceback (most recent call last):", "  File x", "b500", "gap", "a2050", "b2100"]);
  const boom = all.ring.first + 3;
  assert.deepEqual([all.ring.headOf(boom + 1), all.ring.headOf(boom + 2), all.shown.main.end - all.shown.main.first], [boom, boom, 8]);
});

test("older pages are in the order of their times, across the ends of pages as well, each line once", () => {
  const all = page();
  const { byCount } = log(T + 100_000);
  const tail = byCount.slice(450).toSorted(([, one], [, other]) => (one < other ? -1 : 1));
  all.ingest.addLines(tail, T + 160_000);
  const selected = all.ring.end - 1;
  for (let to = 460; to > 0; to -= 70) all.ingest.addOlder({ lines: byCount.slice(Math.max(0, to - 75), to), gaps: [] });

  assert.deepEqual(texts(all), byTime(byCount));
  assert.deepEqual([all.ring.held, all.ingest.received, all.ring.end - 1, all.late], [600, 600, selected, []]);
  agrees(all);
});

test("older lines of channels with different counts are in the order of their times", () => {
  const all = page(2_000);
  const loud = Array.from({ length: 900 }, (_, n) => line("loud", T + 300_000, 300_000 + n));
  const quiet = Array.from({ length: 9 }, (_, n) => line("quiet", T + 300_000, 300_000 + n * 100 + 50));
  const log = [...loud, ...quiet].toSorted(([one], [other]) => Number(one.split("-")[1]) - Number(other.split("-")[1]));
  const gap = { channel: "loud", after: null, before: loud[0][0], lost: null, reason: "trimmed" };
  for (let to = log.length; to > 0; to -= 300) all.ingest.addOlder({ lines: log.slice(Math.max(0, to - 300), to), gaps: to <= 300 ? [gap] : [] });

  assert.deepEqual(texts(all), ["gap", ...byTime(log)]);
  agrees({ ...all, counter: all.counter });
});

test("lines without times are in the order of their ids, live or from the log, and with a slightly wrong clock", () => {
  for (const off of [-900, 0, 900]) {
    const all = page();
    const fence = T + 700_000 + off;
    const lines = Array.from({ length: 60 }, (_, n) => line("a", fence, null, `bare ${n}`));
    all.ingest.addLines([...lines.slice(40), line("b", fence, null, "b")], fence + off + 300);
    all.ingest.release();
    all.ingest.addOlder({ lines: lines.slice(20, 45), gaps: [] });
    all.ingest.addOlder({ lines: lines.slice(0, 20), gaps: [] });

    assert.deepEqual(texts(all).filter((text) => text !== "b"), lines.map(([, , text]) => text));
    agrees(all);
  }
});

test("without reordering, or with a single channel, no line is moved", () => {
  const all = page();
  all.ingest.holdBack(0);
  const { byChannel } = log(T + 500_000);
  all.ingest.addLines(byChannel.slice(200), T + 560_000);
  all.ingest.addOlder({ lines: byChannel.slice(0, 200), gaps: [] });

  assert.deepEqual(texts(all), byChannel.map(([, , text]) => JSON.parse(text).msg));
});

test("times without a zone are read in the publisher's zone, including those held when it is chosen", async () => {
  const all = page();
  const bare = (ms) => new Date(T + ms).toISOString().replace("T", " ").replace("Z", "").replace(".", ",");
  const text = (ms, hours) => `${bare(ms + hours * 3_600_000)} - app - INFO - bare ${ms}`;
  all.ingest.readTimesIn("Asia/Kolkata");
  all.ingest.addLines([line("a", T, null, text(10, 5.5)), line("b", T, 20), line("a", T, null, text(40, 5.5))], T + 60);
  all.ingest.release();
  assert.deepEqual(held(all).map((seq) => all.ring.ownTime(seq) - T), [10, 20, 40]);
  assert.equal(all.ingest.lag, 20);
  all.ingest.addOlder({ lines: [line("a", T - 60_000, null, text(-60_000, 5.5))], gaps: [] });
  all.ingest.addNote("a", { kind: "marker", channel: "a", text: "x" }, T + 200);

  all.ingest.readTimesIn("UTC");

  const moments = new Map(held(all).map((seq) => [/bare (-?\d+)/.exec(all.ring.text(seq))?.[1] ?? texts(all)[seq - all.ring.first], all.ring.ownTime(seq) - T]));
  assert.deepEqual([...moments.values()].toSorted((one, other) => one - other), [20, 200, 19_740_000, 19_800_010, 19_800_040]);
  await new Promise((done) => all.shown.refilter(null, null, done));
  agrees(all);
  all.ingest.readTimesIn("Asia/Kolkata");
  assert.deepEqual(held(all).map((seq) => all.ring.ownTime(seq) - T), [-60_000, 10, 20, 40, 200]);
});

const isSorted = (times) => times.every((time, at) => at === 0 || times[at - 1] <= time);

test("lines that come late stand at their own times, and every order is that of the times shown", async () => {
  const all = page(30_000);
  const hour = 3_600_000;
  // What was shipped of three services, an hour each, one after the other, within seconds; and a service that is live.
  for (let n = 0; n < 12_000; n += 100) all.ingest.addLines(Array.from({ length: 100 }, (_, at) => [...line("live", T + n, n + at), T + n + at]), T + n + 100);
  const shipped = ["x", "y", "z"].flatMap((channel, at) => Array.from({ length: 1_000 }, (_, n) => [...line(channel, T + 12_000, n * 3_600 + at - 26 * hour), T + 12_000 + n]));
  for (let from = 0; from < 3_000; from += 500) all.ingest.addLines(shipped.slice(from, from + 500), T + 13_000 + from);
  all.ingest.addLines([[...line("off", T + 13_000, -hour), T + 13_000], [...line("off", T + 13_000, 5_000_000, "ahead"), T + 13_001], [...line("live", T + 13_002, null, "no time"), T + 13_002]], T + 20_000);
  all.ingest.release();

  const shown = held(all).map((seq) => all.ring.shownTime(seq));
  assert.ok(isSorted(shown));
  assert.deepEqual([all.ring.channel(all.ring.first + 1), all.ring.channel(all.ring.first + 2), all.ring.held], ["y", "z", 15_003]);
  // A single line does not show whether it is late or its clock is wrong: it stands where it came.
  assert.deepEqual(shown.slice(-3), [T + 13_000, T + 13_001, T + 13_002]);
  for (const [order, expected] of [["arrival", "arrivedAt"], ["line", "ownTime"]]) {
    all.ingest.orderBy(order);
    const times = held(all).map((seq) => all.ring.shownTime(seq));
    assert.ok(isSorted(times), order);
    assert.deepEqual(times, held(all).map((seq) => all.ring[expected](seq)));
  }
  all.ingest.orderBy("auto");
  assert.deepEqual(held(all).map((seq) => all.ring.shownTime(seq)), shown);
  await new Promise((done) => all.shown.refilter(null, null, done));
  agrees(all);
});

test("a single channel is ordered by the times shown, too, but nothing moves for a few ms", () => {
  const all = page();
  all.ingest.holdBack(0);
  const at = (ms, came) => [...line("a", T, ms), T + came];
  all.ingest.addLines([at(10, 20), at(5, 21)], T + 22);
  assert.deepEqual(texts(all), ["a10", "a5"]);
  const file = (from, came) => Array.from({ length: 3 }, (_, n) => at(from + n * 10_000, came));
  all.ingest.addLines([...file(-500_000, 30), ...file(-495_000, 31)], T + 40);

  assert.deepEqual(texts(all).slice(0, 6), ["a-500000", "a-495000", "a-490000", "a-485000", "a-480000", "a-475000"]);
  assert.ok(isSorted(held(all).map((seq) => all.ring.shownTime(seq))));
});

test("a trace stays with its line when that comes late, and lines that change places keep their heads", () => {
  const all = page();
  const late = (ms) => new Date(T - 7_200_000 + ms).toISOString();
  const texts = (n) => [`${late(n * 20_000)} ERROR boom ${n}`, "Traceback (most recent call last):", `  File "a.py", line ${n}, in f`, "ValueError: x"];
  all.ingest.addLines([0, 1, 2].flatMap((n) => texts(n).map((text) => [...line("a", T, null, text), T + 100 + n])), T + 5_000);
  all.ingest.addLines(Array.from({ length: 5 }, (_, n) => [...line("b", T + 200, n * 8_000 - 7_195_000), T + 200]), T + 5_000);

  const { ring, shown } = all;
  const heads = held(all).filter((seq) => ring.channel(seq) === "a" && ring.headOf(seq) === null);
  assert.deepEqual(heads.map((seq) => ring.continuationsOf(seq).map((each) => ring.text(each).slice(0, 6))), Array(3).fill(["Traceb", "  File", "ValueE"]));
  assert.ok(isSorted(held(all).map((seq) => ring.shownTime(seq))));
  assert.equal(shown.main.end - shown.main.first, 8);
  assert.equal(ring.perLevel[6], 12);
});
