// The search of the log: hits above the lines held, apart from them, and what the bar says of it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { LogSearch } from "../../../web/js/connection/log-search.js";
import { olderBar } from "../../../web/js/format/older-text.js";
import { useLanguage } from "../../../web/js/i18n/translate.js";
import { FilteredList } from "../../../web/js/store/filtered-list.js";
import { Ingest } from "../../../web/js/store/ingest.js";
import { Ring } from "../../../web/js/store/ring.js";
import { Series } from "../../../web/js/store/series.js";

useLanguage("en", JSON.parse(readFileSync(new URL("../../../web/lang/en.json", import.meta.url))));

const T = 1_795_233_018_000;
const QUESTION = { channels: ["a", "b"], q: "user=u7", zone: "+00:00" };

const row = (fence, channel = "a") => [`${fence}-1`, channel, `{"message":"${channel} ${fence}"}`, fence];
const answer = (fences, more) => ({ lines: fences.map((fence) => row(fence)), gaps: [], looked_at: 20_000, reached: more ? `${fences[0]}-1` : null, more });

function page(capacity = 100) {
  const ring = new Ring(capacity);
  const list = new FilteredList(ring);
  const ingest = new Ingest(ring, list, new Series());
  const rows = () => Array.from({ length: ring.end - ring.first }, (_, at) => ring.first + at).map((seq) => (ring.isNote(seq) ? ring.text(seq).kind : `${ring.channel(seq)} ${ring.id(seq)}`));
  return { ring, list, ingest, rows };
}

/** A search whose answers come when the test says so. */
function searching(ingest, ring) {
  const asked = [];
  const waiting = [];
  globalThis.fetch = (url, { signal }) => {
    asked.push(new URLSearchParams(url.split("?")[1]));
    return new Promise((resolve, reject) => {
      waiting.push((body, status = 200) => resolve(Response.json(body, { status })));
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  };
  const search = new LogSearch({ found: (found) => (ingest.addOlder(found), ring.room > 0), changed() {} });
  const reply = async (...body) => {
    waiting.shift()(...body);
    await new Promise((done) => setTimeout(done));
    await new Promise((done) => setTimeout(done));
  };
  return { search, asked, reply };
}

test("hits come answer by answer above the lines held, and go without a trace", async () => {
  const { ring, ingest, rows } = page();
  ingest.addLines([row(T + 100), row(T + 101)], T + 101);
  const { search, asked, reply } = searching(ingest, ring);

  ingest.beginFound({ kind: "found" });
  const run = search.begin(QUESTION, `${T + 100}-1`);
  await reply(answer([T + 50, T + 60], true));
  assert.deepEqual(rows(), [`a ${T + 50}-1`, `a ${T + 60}-1`, "found", `a ${T + 100}-1`, `a ${T + 101}-1`]);
  assert.deepEqual([search.state.name, search.state.back], ["searching", T + 50]);
  assert.deepEqual([ingest.isFound(ring.first), ingest.isFound(ring.end - 1)], [true, false]);
  await reply({ ...answer([T + 10], false), lines: [row(T + 10), row(T + 20, "b")] });
  await run;

  assert.deepEqual([search.state.name, asked.map((query) => query.get("before"))], ["done", [`${T + 100}-1`, `${T + 50}-1`]]);
  assert.deepEqual([asked[0].getAll("channel"), asked[0].get("q"), asked[0].get("zone")], [["a", "b"], "user=u7", "+00:00"]);
  assert.deepEqual(rows().slice(0, 3), [`a ${T + 10}-1`, `b ${T + 20}-1`, `a ${T + 50}-1`]);
  ingest.dropFound();
  assert.deepEqual(rows(), [`a ${T + 100}-1`, `a ${T + 101}-1`]);
  // All lines can be loaded now, those that were found among them.
  ingest.addOlder({ lines: [row(T + 50), row(T + 55), row(T + 60)], gaps: [] });
  assert.deepEqual([ring.held, rows()[1]], [5, `a ${T + 55}-1`]);
});

test("a search can be stopped and goes on where it was, and a failure says why", async () => {
  const { ring, ingest } = page();
  const { search, asked, reply } = searching(ingest, ring);

  search.begin(QUESTION, null);
  await reply(answer([T + 50], true));
  search.stop();
  assert.equal(search.state.name, "stopped");
  const more = search.goOn();
  // The request that was given up is not answered.
  await reply({}).catch(() => {});
  await reply({ error: "Too Many Requests", detail: "Slow down." }, 429);
  await more;
  assert.deepEqual([search.state.name, search.state.detail, asked[2].get("before")], ["failed", "Slow down.", `${T + 50}-1`]);
  search.reset();
  assert.deepEqual([search.state, search.goOn()], [{ name: "idle", back: null }, undefined]);
});

test("a search ends where the page has no more room", async () => {
  const { ring, ingest } = page(4);
  ingest.addLines([row(T + 100)], T + 100);
  const { search, reply } = searching(ingest, ring);
  ingest.beginFound({ kind: "found" });

  const run = search.begin(QUESTION, `${T + 100}-1`);
  await reply(answer([T + 1, T + 2, T + 3], true));
  await run;

  assert.deepEqual([search.state.name, ring.held], ["full", 3]);
});

test("lines of several channels are sorted on both sides of the note, and none crosses it", () => {
  const { ring, ingest, rows } = page();
  ingest.holdBack(250);
  ingest.addLines([row(T + 100), row(T + 90, "b")], T + 10_000);
  ingest.beginFound({ kind: "found" });
  const named = (fence, channel, time) => [`${fence}-1`, channel, JSON.stringify({ time: new Date(time).toISOString(), message: "x" }), fence];
  ingest.addOlder({ lines: [named(T + 40, "a", T + 99), named(T + 50, "b", T + 45)], gaps: [] });

  assert.deepEqual(rows(), [`b ${T + 50}-1`, `a ${T + 40}-1`, "found", `b ${T + 90}-1`, `a ${T + 100}-1`]);
  ingest.dropFound();
  assert.equal(ring.held, 2);
});

test("the bar never says that nothing is there while the log is not searched", () => {
  const idle = { name: "idle", back: null };
  const bar = (more) => olderBar({ search: idle, history: { name: "idle" }, complete: false, filtered: true, channels: ["a"], held: 500, shown: 5, zone: "UTC", now: T, ...more });
  const says = (more) => [bar(more).text, bar(more).action];

  assert.deepEqual(says(), ["5 hits in the 500 newest lines", "search"]);
  assert.deepEqual(says({ shown: 1 }), ["1 hit in the 500 newest lines", "search"]);
  assert.deepEqual(says({ search: { name: "searching", back: null } }), ["Searching the log…, 5 hits", "stop"]);
  assert.deepEqual(says({ search: { name: "searching", back: T - 1_000 } }), ["Searching… back to 03:50:17, 5 hits", "stop"]);
  assert.deepEqual(says({ search: { name: "stopped", back: T - 86_400_000 } }), ["Searched back to 2026-11-20 03:50:18, 5 hits", "goOn"]);
  assert.deepEqual(says({ search: { name: "failed", back: T, detail: "no" } }), ["The search has failed: no", "goOn"]);
  assert.deepEqual(says({ search: { name: "done", back: T } }), ["All of the log searched, 5 hits", null]);
  assert.deepEqual(says({ history: { name: "begin" } }), ["All of the log searched, 5 hits", null]);
  assert.deepEqual(says({ complete: true }), ["All of the log searched, 5 hits", null]);
  // Without a filter it is about older lines, which are not offered where there are none.
  assert.deepEqual(says({ filtered: false }), ["", "load"]);
  assert.deepEqual(says({ filtered: false, complete: true }), ["No older lines: the log of a begins here", null]);
  assert.deepEqual(says({ filtered: false, held: 0 }), ["", null]);
});
