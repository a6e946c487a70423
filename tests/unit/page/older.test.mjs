// Older lines: put above the lines held, each once, in order, as far as there is room.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { isAfter, parseId, positionOf } from "../../../web/js/protocol/ids.js";
import { Ingest } from "../../../web/js/store/ingest.js";
import { HistoryLoader } from "../../../web/js/connection/history-loader.js";
import { Ring } from "../../../web/js/store/ring.js";
import { useLanguage } from "../../../web/js/i18n/translate.js";
import { Series } from "../../../web/js/store/series.js";
import { FilteredList } from "../../../web/js/store/filtered-list.js";
import { noteText, historyText } from "../../../web/js/format/messages.js";

useLanguage("en", JSON.parse(readFileSync(new URL("../../../web/lang/en.json", import.meta.url))));

function page(capacity = 10) {
  const ring = new Ring(capacity);
  const list = new FilteredList(ring);
  return { ring, list, ingest: new Ingest(ring, list, new Series()) };
}

const line = (channel, fence, count) => [`${fence}-${count}`, channel, `{"level":"info","message":"${channel} ${fence}-${count}"}`];
const lines = (channel, fence, from, to) => Array.from({ length: to - from + 1 }, (_, at) => line(channel, fence, from + at));
const seqs = (ring) => Array.from({ length: ring.end - ring.first }, (_, at) => ring.first + at);
const rows = (ring) => seqs(ring).map((seq) => (ring.isNote(seq) ? ring.text(seq).kind : `${ring.channel(seq)} ${ring.id(seq)}`));
const idsOf = (ring) => seqs(ring).map((seq) => ring.id(seq));
const gap = (after, before, more) => ({ channel: "a", after, before, lost: null, reason: "trimmed", ...more });

test("older lines come before the first and count by level, but not as new", () => {
  const { ring, list, ingest } = page();
  ingest.addLines(lines("a", 5, 8, 10), 0);

  const shown = ingest.addOlder({ lines: lines("a", 5, 4, 7), gaps: [] });

  assert.deepEqual(idsOf(ring), ["5-4", "5-5", "5-6", "5-7", "5-8", "5-9", "5-10"]);
  assert.deepEqual([shown, ring.first, ring.held, ring.room, ring.perLevel[3]], [4, -4, 7, 3, 7]);
  assert.deepEqual([list.first, list.end, list.shown, list.lines], [-4, 3, 7, 3]);
  assert.deepEqual([ingest.received, ingest.lastId], [7, "5-10"]);
  assert.deepEqual([list.seqAt(-4), list.seqAt(0), list.firstRowFrom(-2)], [-4, 0, -2]);
});

test("the newest of the older lines fill the room, and new lines push them out again", () => {
  const { ring, list, ingest } = page();
  ingest.addLines(lines("a", 5, 21, 25), 0);

  ingest.addOlder({ lines: lines("a", 5, 1, 20), gaps: [gap(null, "5-1")] });
  assert.deepEqual([idsOf(ring)[0], ring.held, ring.room, ingest.received, ingest.gaps.count], ["5-16", 10, 0, 10, 0]);
  ingest.addLines(lines("a", 5, 26, 38), 0);

  assert.deepEqual(idsOf(ring), lines("a", 5, 29, 38).map(([id]) => id));
  assert.deepEqual([list.shown, ring.perLevel[3]], [10, 10]);
});

test("duplicates of older lines are dropped by channel and id, from the log and from the stream", () => {
  const { ring, ingest } = page();
  ingest.addLines(lines("a", 5, 3, 4), 0);

  ingest.addOlder({ lines: [...lines("b", 4, 1, 2), ...lines("a", 5, 2, 4)], gaps: [] });
  ingest.addLines([...lines("b", 4, 1, 3)], 0);

  assert.deepEqual(rows(ring), ["b 4-1", "b 4-2", "a 5-2", "a 5-3", "a 5-4", "b 4-3"]);
  assert.equal(ingest.duplicates, 4);
});

test("a closed channel makes room, and its lines can be loaded again", async () => {
  const { ring, list, ingest } = page();
  ingest.addLines([...lines("a", 5, 1, 6), ...lines("b", 6, 1, 6)], 0);
  assert.equal(ring.room, 0);

  ingest.forget((channel) => channel === "b");
  await new Promise((done) => list.refilter(null, done));
  ingest.addOlder({ lines: lines("a", 5, 1, 6), gaps: [] });

  assert.deepEqual([rows(ring)[0], rows(ring)[3], rows(ring).length], ["a 5-3", "a 5-6", 10]);
  assert.equal(list.shown, 10);
});

test("gaps of the log appear where lines are missing, each once", () => {
  const { ring, list, ingest } = page(20);
  const told = gap("4-2", "5-1", { lost: 3, reason: "slow" });
  ingest.addGap(told, 0);
  ingest.addGap(told, 0);
  ingest.addLines(lines("a", 5, 1, 1), 0);

  const gaps = [gap(null, "3-1"), gap("3-2", "4-1"), gap("4-1", null, { reason: "late" }), told];
  ingest.addOlder({ lines: [...lines("a", 3, 1, 2), ...lines("a", 4, 1, 2)], gaps });

  assert.deepEqual(rows(ring), ["gap", "a 3-1", "a 3-2", "gap", "a 4-1", "gap", "a 4-2", "gap", "a 5-1"]);
  assert.deepEqual([ring.text(ring.first).to, ring.arrivedAt(ring.first)], [3, 3]);
  list.trim();
  assert.deepEqual([ring.held, list.shown, ring.notes, ingest.gaps.count, ingest.gaps.lost], [5, 5, 4, 4, 3]);
});

test("older lines that arrive while a filter is applied are filtered too", async () => {
  const { ring, list, ingest } = page(200_000);
  ingest.addLines(lines("a", 5, 1_001, 40_000), 0);

  const done = new Promise((resolve) => list.refilter((seq) => ring.text(seq).includes("00\""), resolve));
  ingest.addOlder({ lines: lines("a", 5, 1, 1_000), gaps: [] });
  await done;

  assert.deepEqual([list.shown, ring.id(list.seqAt(list.first))], [400, "5-100"]);
});

test("a position is an id or the fence of a cursor", () => {
  assert.deepEqual([positionOf("5-2"), positionOf("5-2.3"), positionOf(null)], [{ fence: 5, count: 2 }, { fence: 5, count: 0 }, null]);
});

/** A hub's answers out of a list of lines, in the hub's order. */
function log(all, markers = []) {
  const asked = [];
  const ordered = all.toSorted(([one], [other]) => (one === other ? 0 : isAfter(parseId(one), parseId(other)) ? 1 : -1));
  globalThis.fetch = async (url) => {
    const query = new URLSearchParams(url.split("?")[1]);
    const before = query.get("before");
    if (query.get("channel") === "sse-hub.markers") {
      const after = parseId(query.get("after"));
      return Response.json({ lines: markers.filter(([id]) => isAfter(parseId(id), after) && (before === null || isAfter(parseId(before), parseId(id)))), more: false, gaps: [] });
    }
    asked.push(before);
    const older = ordered.filter(([id, channel]) => query.getAll("channel").includes(channel) && (before === null || isAfter(parseId(before), parseId(id))));
    const limit = Number(query.get("limit"));
    return Response.json({ lines: older.slice(-limit), more: older.length > limit, gaps: [] });
  };
  return asked;
}

async function loadAll(older, changes) {
  while (older.state.name === "idle") {
    const settled = changes.next();
    older.load();
    await settled;
  }
}

/** `HistoryLoader` with a way to wait until it has done what was asked for. */
function asking(ring, ingest) {
  let resolve = () => {};
  const changes = { next: () => new Promise((done) => (resolve = done)) };
  const older = new HistoryLoader(ring, ingest, () => older?.state.name !== "loading" && resolve());
  return { older, changes };
}

test("pages follow one another to the beginning of the log", async () => {
  const { ring, ingest } = page(5_000);
  const all = [...lines("a", 3, 1, 700), ...lines("a", 4, 1, 600), ...lines("a", 5, 1, 20)];
  const asked = log(all);
  ingest.addLines(lines("a", 5, 11, 20), 0);
  const { older, changes } = asking(ring, ingest);
  older.reset(["a"]);

  await loadAll(older, changes);

  assert.deepEqual(idsOf(ring), all.map(([id]) => id));
  assert.deepEqual([older.state.name, asked, ingest.duplicates], ["begin", ["5-11", "4-111", "3-311"], 0]);
});

test("with several channels that share ids, every line is loaded once", async () => {
  const { ring, ingest } = page(20_000);
  const all = [3, 4, 5, 6].flatMap((fence) => ["a", "b", "c"].flatMap((channel, at) => lines(channel, fence, 1, 400 + 250 * at)));
  // Held in the order of their coming: of the last fence, all of "c" and the end of "a".
  ingest.addLines([...lines("c", 6, 1, 900), ...lines("a", 6, 390, 400)], 0);
  log(all);
  const { older, changes } = asking(ring, ingest);
  older.reset(["a", "b", "c"]);

  await loadAll(older, changes);

  assert.deepEqual(rows(ring).toSorted(), all.map(([id, channel]) => `${channel} ${id}`).toSorted());
  for (const channel of ["a", "b", "c"]) {
    const ids = seqs(ring).filter((seq) => ring.channel(seq) === channel).map((seq) => parseId(ring.id(seq)));
    assert.ok(ids.every((id, at) => at === 0 || isAfter(id, ids[at - 1])));
  }
});

test("loading ends when the ring is full", async () => {
  const { ring, ingest } = page(800);
  const asked = log(lines("a", 5, 1, 2_000));
  ingest.addLines(lines("a", 5, 1_991, 2_000), 0);
  const { older, changes } = asking(ring, ingest);
  older.reset(["a"]);

  await loadAll(older, changes);
  older.load();
  older.retry();

  assert.deepEqual([older.state.name, ring.held, asked.length, rows(ring)[0]], ["full", 800, 2, "a 5-1201"]);
});

test("a failure is shown, and only a retry sends the request again", async () => {
  const { ring, ingest } = page();
  let asked = 0;
  globalThis.fetch = async () => {
    asked += 1;
    return Response.json({ error: "Service Unavailable", detail: "Redis is away." }, { status: 503 });
  };
  const { older, changes } = asking(ring, ingest);
  older.reset(["a"]);

  await loadAll(older, changes);
  older.load();
  assert.deepEqual([older.state, asked], [{ name: "failed", detail: "Redis is away." }, 1]);
  log(lines("a", 5, 1, 2));
  const settled = changes.next();
  older.retry();
  await settled;

  assert.deepEqual([older.state.name, ring.held], ["begin", 2]);
});

test("the state of the history and gaps have messages", () => {
  assert.equal(historyText({ name: "idle" }, ["a"], 5), "");
  assert.equal(historyText({ name: "loading" }, ["a"], 5), "Loading older lines…");
  assert.equal(historyText({ name: "begin" }, ["a"], 5), "No older lines: the log of a begins here");
  assert.equal(historyText({ name: "begin" }, ["a", "b.*", "c"], 5), "No older lines: the log of a, b.* and c begins here");
  assert.equal(historyText({ name: "begin" }, ["a", "b", "c", "d"], 5), "No older lines: the log of 4 channels begins here");
  const begin = Date.UTC(2026, 10, 21, 23, 50, 18);
  assert.match(historyText({ name: "begin" }, ["a"], 5, begin, "UTC"), / 2026-11-21 23:50:18$/);
  assert.match(historyText({ name: "begin" }, ["a"], 5, begin, "Asia/Kolkata"), / 2026-11-22 05:20:18$/);
  assert.equal(historyText({ name: "failed", detail: "x" }, ["a"], 5), "Older lines could not be loaded: x");
  assert.match(historyText({ name: "full" }, ["a"], 100_000), /^The page holds 100,000 lines, /);
  const days = noteText({ kind: "gap", channel: "a", lost: null, reason: "log-lost", from: 1e12, to: 1e12 + 3 * 86_400_000 });
  assert.match(days, /, \d{4}-\d\d-\d\d ..:..:..–\d{4}-\d\d-\d\d ..:..:.. · Redis lost its log$/);
});

test("every reason of a gap has a message, with the number of lines and the time", () => {
  const said = ["trimmed", "unknown-id", "recorder-down", "failover", "bus", "forked", "log-lost", "slow", "late", "guard", "rate"].map((reason) =>
    noteText({ kind: "gap", channel: "a", lost: 1_500, reason, from: 1e12, to: 1e12 + 2_000 }),
  );

  for (const words of said) assert.match(words, /^a: 1,500 lines not delivered, \d\d:\d\d:\d\d–\d\d:\d\d:\d\d · [A-Za-z]+([ ;]+[A-Za-z]+)+$/);
  assert.equal(new Set(said).size, 11);
});

test("opening a channel beside others adds a note, unless no line is held", () => {
  const { ring, ingest } = page();

  ingest.noteJoined("a", 0);
  ingest.addLines(lines("a", 5, 1, 1), 0);
  ingest.noteJoined("b", 0);

  assert.deepEqual(rows(ring), ["a 5-1", "joined"]);
  assert.equal(noteText(ring.text(1)), "b was added here");
});

/** The loader of a page in which `a` is open, and `b` is opened beside it; the log has both. */
function joining(capacity, held, all) {
  const { ring, list, ingest } = page(capacity);
  ingest.holdBack(250);
  ingest.addLines(held, 60_000);
  log(all);
  const older = new HistoryLoader(ring, ingest, () => {});
  older.reset(["a", "b"]);
  return { ring, list, ingest, older };
}

test("a channel that is opened beside others brings its lines since the oldest one held, each once and at its place", async () => {
  const a = [4, 5, 6, 7].flatMap((fence) => lines("a", fence * 1_000, 1, 2));
  const b = [3, 4, 5, 6, 7].flatMap((fence) => lines("b", fence * 1_000 + 500, 1, 2));
  const { ring, list, ingest, older } = joining(100, a.slice(2), [...a, ...b]);
  ingest.noteJoined("b", 60_000);
  // The stream goes on from the last line of "a": it brings the end of "b" again, before or after the log does.
  older.join(["b"]);
  ingest.addLines(b.slice(-1), 60_000);
  await older.loadUntil(() => true);
  ingest.addLines(b.slice(-2), 60_000);

  const expected = [5, 6, 7].flatMap((fence) => ["a", "b"].flatMap((name, at) => [1, 2].map((count) => `${name} ${fence * 1_000 + at * 500}-${count}`)));
  assert.deepEqual(rows(ring).filter((row) => row !== "joined"), expected);
  assert.deepEqual([list.shown, ring.held, ring.notes, older.state.name], [12, 12, 1, "idle"]);
  await older.loadUntil(() => older.state.name !== "idle");
  assert.deepEqual([ring.held, rows(ring)[0]], [18, "b 3500-1"]);
});

test("of a loud channel the newest lines come first, and a row says so until the others are loaded", async () => {
  const loud = [4, 5, 6].flatMap((fence) => lines("b", fence, 1, 2_000));
  const { ring, list, older } = joining(50_000, [...lines("a", 3, 1, 1), ...lines("a", 7, 1, 1)], [...lines("a", 3, 1, 1), ...loud, ...lines("a", 7, 1, 1)]);
  older.join(["b"]);
  await older.loadUntil(() => true);

  assert.deepEqual(rows(ring).slice(0, 3), ["a 3-1", "notLoaded", "b 4-1001"]);
  assert.deepEqual([ring.held, list.shown, ring.notes], [5_002, 5_002, 1]);
  assert.match(noteText(ring.text(ring.first + 1)), /^b: .* “Load older lines” /);
  older.load();
  await older.loadUntil(() => true);
  list.trim();
  assert.deepEqual([rows(ring).slice(0, 2), ring.held, ring.notes, list.shown], [["a 3-1", "b 4-1"], 6_002, 0, 6_002]);
});

test("markers of the open channels appear once, at their place among older lines", async () => {
  const { ring, ingest } = page(2_000);
  const marker = (id, channel) => [id, "sse-hub.markers", JSON.stringify({ "@event": "marker", channel, message: `at ${id}` })];
  log([...lines("a", 5, 1, 300), ...lines("a", 6, 1, 300)], [marker("5-50"), marker("5-60", "b"), marker("5-70", "a"), marker("6-400", "other")]);
  ingest.accepts = (name) => name === "a";
  const older = new HistoryLoader(ring, ingest, () => {});
  older.reset(["a"]);

  await older.loadUntil(() => false);

  assert.deepEqual([ring.held, ring.notes, older.state.name], [600, 2, "begin"]);
  const at = seqs(ring).filter((seq) => ring.isNote(seq));
  assert.deepEqual(at.map((seq) => [ring.text(seq).text, ring.id(seq + 1)]), [["at 5-50", "0-0"], ["at 5-70", "6-1"]]);
});
