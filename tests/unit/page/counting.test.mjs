// Facets and the histogram: counts over the lines held.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Facets } from "../../../web/js/store/facets.js";
import { isRange, rankFields } from "../../../web/js/store/field-ranking.js";
import { Histogram, barAt, rangeOf, rangeQuery } from "../../../web/js/store/histogram.js";
import { normalise } from "../../../web/js/normalise/index.js";
import { HeldLine, compileQuery } from "../../../web/js/query/index.js";
import { fieldTerm } from "../../../web/js/query/terms.js";
import { Lists } from "../../../web/js/store/lists.js";
import { ResultCounter } from "../../../web/js/store/result-counter.js";
import { Ring } from "../../../web/js/store/ring.js";
import { cpuMs } from "./cpu.mjs";

const T = Date.UTC(2026, 10, 21, 3, 50, 18);

function counted(capacity) {
  const ring = new Ring(capacity);
  const facets = new Facets();
  ring.onDrop = (seq) => facets.remove(seq);
  ring.onMove = (from, to) => facets.move(from, to);
  const add = (object, channel = "a") => {
    const line = JSON.stringify(object);
    facets.add(ring.append(channel, null, line, 0, T), normalise(line, T));
  };
  return { ring, facets, add };
}

function recount(ring, name) {
  const found = new Map();
  for (let seq = ring.first; seq < ring.end; seq += 1) {
    const value = JSON.parse(ring.text(seq))[name];
    if (value !== undefined) found.set(String(value), (found.get(String(value)) ?? 0) + 1);
  }
  return found;
}

test("facets equal a recount, even after lines have fallen off and a channel was closed", () => {
  const { ring, facets, add } = counted(2_000);
  for (let n = 0; n < 20_000; n += 1) add({ msg: "m", user: `u${(n * 7) % 97}`, status: n % 10 ? 200 : 500, ...(n > 19_500 && { rare: n % 2 === 0 }) }, n % 3 ? "a" : "b");

  const same = () => {
    for (const name of ["user", "status", "rare"]) {
      const expected = recount(ring, name);
      assert.deepEqual(new Map(facets.fields({ top: 2_000 }).find((field) => field.name === name).values.map(({ value, count }) => [value, count])), expected);
    }
  };
  same();
  ring.retain((channel) => channel === "a");
  same();
  const before = facets.lines;
  add({ user: "u1" });
  assert.equal(facets.lines, before + 1);
  for (let n = 0; n < 2_000; n += 1) add({ other: 1 });
  assert.deepEqual(facets.fields(), [{ name: "other", count: 2_000, many: false, partial: false, numeric: true, values: [{ value: "1", count: 2_000 }] }]);
});

test("the count of a value is the number of lines that its term finds", () => {
  const { ring, facets, add } = counted(1_000);
  for (let n = 0; n < 1_000; n += 1) add({ msg: "m", user: ["u7", "ana b", "-x", 'q"'][n % 4], req: { id: n % 3 }, ok: n % 2 === 0 });

  const line = new HeldLine(ring);
  for (const { name, values } of facets.fields({ top: 10 })) {
    for (const { value, count } of values) {
      const { test: fits } = compileQuery(fieldTerm(name, value));
      let found = 0;
      for (let seq = ring.first; seq < ring.end; seq += 1) if (fits(line.at(seq))) found += 1;
      assert.equal(found, count, `${name}=${value}`);
    }
  }
});

test("a field with too many values counts lines only, until no line has it", () => {
  const { facets, add } = counted(3_000);
  for (let n = 0; n < 1_500; n += 1) add({ id: `x${n}` });

  assert.deepEqual(facets.fields(), [{ name: "id", count: 1_500, many: true, partial: false, numeric: false, values: [] }]);
  for (let n = 0; n < 3_000; n += 1) add({ n: 1 });
  add({ id: "y" });
  assert.deepEqual(facets.fields()[1], { name: "id", count: 1, many: false, partial: false, numeric: false, values: [{ value: "y", count: 1 }] });
});

test("at most 200 fields are counted, and a field that finds room later is partial", () => {
  const { facets, add } = counted(10);
  add(Object.fromEntries(Array.from({ length: 64 }, (_, n) => [`a${n}`, n])));
  for (let from = 0; from < 4; from += 1) add(Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`b${from}_${n}`, n])));

  assert.equal(facets.fields().length, 200);
  for (let n = 0; n < 10; n += 1) add({ b3_59: 1 });
  assert.deepEqual(facets.fields().map(({ name, count, partial }) => [name, count, partial]), [["b3_59", 5, true]]);
});

test("nested fields have dotted names, and long values and lists are left out", () => {
  const { facets, add } = counted(10);
  add({ req: { user: { id: 7 } }, tags: ["a"], text: "x".repeat(300), none: null, __proto__x: true });

  assert.deepEqual(facets.fields().map(({ name }) => name), ["__proto__x", "req.user.id"]);
});

test("bars add up to the lines, with at most 120 of a round width", () => {
  for (const span of [0, 50, 900, 11_900, 12_100, 59_000, 3_600_000, 86_400_000, 4e9, 8e11]) {
    const histogram = new Histogram();
    for (let n = 0; n < 1_000; n += 1) histogram.add(T + (span * n) / 999, n % 8);
    const { bars, width, total, most } = histogram.bars();
    assert.equal(total, 1_000);
    assert.equal(bars.reduce((sum, bar) => sum + bar.total, 0), 1_000);
    assert.equal(bars.reduce((sum, bar) => sum + bar.counts[6], 0), 125);
    assert.ok(bars.length <= 120 && (bars.length >= 59 || width === 100), `${span}: ${bars.length} of ${width}`);
    assert.equal(Math.max(...bars.map((bar) => bar.total)), most);
  }
  assert.deepEqual(new Histogram().bars().bars, []);
});

test("a removed line is no longer counted", () => {
  const histogram = new Histogram();
  for (let n = 0; n < 500; n += 1) histogram.add(T + n * 1_000, 3);
  histogram.add(T + 60_000, 6);
  for (let n = 0; n < 500; n += 1) if (n !== 100) histogram.remove(T + n * 1_000, 3);
  histogram.remove(T, 5);

  const { bars, total, from } = histogram.bars();
  assert.deepEqual([total, bars[0].counts[6], bars.at(-1).counts[3], from], [2, 1, 1, T + 60_000]);
});

test("the updated histogram equals one that is rebuilt", () => {
  const kept = new Histogram();
  const lines = [];
  for (let n = 0; n < 5_000; n += 1) {
    const line = [T + n * 700 + ((n * 7_919) % 3_000), n % 8];
    lines.push(line);
    kept.add(...line);
    if (lines.length > 400) kept.remove(...lines.shift());
    if (n % 250 !== 249) continue;
    const anew = new Histogram();
    for (const each of lines) anew.add(...each);
    const drawn = kept.bars();
    assert.equal(drawn.total, anew.bars().total);
    assert.ok(drawn.bars.length <= 120 && drawn.bars.length >= 60);
    for (const { at, counts } of drawn.bars) {
      const own = lines.filter(([moment]) => moment >= at && moment < at + drawn.width);
      assert.deepEqual(counts, counts.map((_, level) => own.filter((each) => each[1] === level).length));
    }
  }
});

test("a drag over bars is a time range that contains exactly their lines", () => {
  const histogram = new Histogram();
  const ring = new Ring(1_000);
  for (let n = 0; n < 1_000; n += 1) histogram.add(ring.ownTime(ring.append("a", null, "x", 3, T + n * 100)), 3);
  const drawn = histogram.bars();

  const range = rangeOf(drawn, 20, 10);
  const { test: fits } = compileQuery(rangeQuery(range));

  const line = new HeldLine(ring);
  let shown = 0;
  for (let seq = ring.first; seq < ring.end; seq += 1) if (fits(line.at(seq))) shown += 1;
  assert.equal(shown, drawn.bars.slice(10, 21).reduce((sum, { total }) => sum + total, 0));
  assert.equal(range.to - range.from, 11 * drawn.width);
  assert.deepEqual([barAt(drawn, 0), barAt(drawn, 1), barAt(drawn, 0.5)], [0, drawn.bars.length - 1, Math.floor(drawn.bars.length / 2)]);
});

// Measured: 1 to 5 ms. The bound leaves room for a busy machine.
test("adding 100 lines to 100,000 is fast", () => {
  const histogram = new Histogram();
  for (let n = 0; n < 100_000; n += 1) histogram.add(T + n * 50, n % 8);

  const start = cpuMs();
  for (let n = 0; n < 100; n += 1) {
    histogram.remove(T + n * 50, n % 8);
    histogram.add(T + (100_000 + n) * 50, n % 8);
  }
  const { total } = histogram.bars();
  const took = cpuMs() - start;

  if (process.env.SHOW_TIMES) console.log("histogram", took.toFixed(1), "ms");
  assert.equal(total, 100_000);
  assert.ok(took < 100, `${took} ms`);
});

test("with a filter, levels and fields count its result, each line once, whether its level is shown or not", async () => {
  const ring = new Ring(6);
  const facets = new Facets();
  const result = new ResultCounter(ring, facets);
  const lists = new Lists(ring);
  lists.result = result;
  ring.onDrop = (seq) => {
    result.remove(seq);
    facets.remove(seq);
  };
  const add = (level, user) => {
    const line = JSON.stringify({ user, msg: "m" });
    const seq = ring.append("a", null, line, level, T);
    facets.add(seq, normalise(line, T));
    lists.offer(seq);
  };
  const values = () => Object.fromEntries(facets.summaries().find(({ name }) => name === "user").values.map(({ value, shown, count }) => [value, [shown, count]]));
  const held = new HeldLine(ring);
  const filter = (text, hidden = null) => {
    const fits = (seq) => compileQuery(text).test(held.at(seq));
    const shows = (seq) => fits(seq) && ring.level(seq) !== hidden;
    return new Promise((done) => lists.refilter(shows, null, done, hidden === null ? null : (seq) => ring.level(seq) === hidden && fits(seq)));
  };
  for (const [level, user] of [[3, "u1"], [3, "u2"], [6, "u1"], [6, "u3"]]) add(level, user);

  assert.deepEqual([result.active, [...result.perLevel].some(Boolean)], [false, false]);
  await filter("user=u1");
  assert.deepEqual([result.perLevel[3], result.perLevel[6], values()], [1, 1, { u1: [2, 2], u2: [0, 1], u3: [0, 1] }]);
  await filter("user=u1", 6);
  assert.deepEqual([lists.main.shown, result.perLevel[3], result.perLevel[6]], [1, 1, 1]);
  // New lines are counted, and those that fall off no longer.
  for (const user of ["u1", "u2", "u1"]) add(6, user);
  assert.deepEqual([ring.held, result.perLevel[3], result.perLevel[6], values()], [6, 0, 3, { u1: [3, 3], u2: [0, 2], u3: [0, 1] }]);
  await new Promise((done) => lists.refilter(null, null, done));
  assert.deepEqual([result.active, result.perLevel[6]], [false, 0]);
});

test("fields that divide the lines come first, then numbers as a range; ids, constants and rare fields are of little use", () => {
  const { facets, add } = counted(1_000);
  for (let n = 0; n < 1_000; n += 1) {
    add({ msg: "m", user: `u${n % 7}`, status: n % 10 ? 200 : 500, duration_ms: n % 100, trace: `t${n}`, seq_id: n, host: "web-1", ...(n === 5 && { ctx: { a: { b: 1 } } }) });
  }

  const { first, more } = rankFields(facets.summaries());

  assert.deepEqual(first.map(({ name }) => name), ["status", "user", "duration_ms"]);
  assert.deepEqual(more.map(({ name }) => name).toSorted(), ["ctx.a.b", "host", "seq_id", "trace"]);
  assert.deepEqual([first[2].numbers, isRange(first[2]), isRange(first[0])], [{ least: 0, middle: 49, most: 99 }, true, false]);
  assert.equal(rankFields(facets.summaries(), new Set(["host"])).first[0].name, "host");
});

test("the range of a number with more values than are counted is that of its newest lines", () => {
  const { facets, add } = counted(5_000);
  for (let n = 0; n < 3_000; n += 1) add({ took: n });

  const [took] = facets.summaries();

  assert.deepEqual([took.many, took.numbers.most, took.numbers.least >= 2_400, took.numbers.middle > took.numbers.least], [true, 2_999, true, true]);
});
