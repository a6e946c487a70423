// The page in the long run: two tabs, different clocks, channels that change while something else is going on.

import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";

import { Ingest } from "../../../web/js/store/ingest.js";
import { isBlank, rowText, shownLine, visible } from "../../../web/js/format/text.js";
import { misplaced } from "../../../web/js/store/reorder-buffer.js";
import { hiddenSummary, normalise } from "../../../web/js/normalise/index.js";
import { HistoryLoader } from "../../../web/js/connection/history-loader.js";
import { Pattern } from "../../../web/js/query/pattern.js";
import { Ring } from "../../../web/js/store/ring.js";
import { Series } from "../../../web/js/store/series.js";
import { DEFAULTS, Settings } from "../../../web/js/app/settings.js";
import { FilteredList } from "../../../web/js/store/filtered-list.js";
import { cpuMs } from "./cpu.mjs";

function page(capacity = 1_000) {
  const ring = new Ring(capacity);
  const list = new FilteredList(ring);
  return { ring, list, ingest: new Ingest(ring, list, new Series()) };
}

function storage() {
  const kept = new Map();
  return { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, value) };
}

test("a tab keeps what another tab has added to a list", () => {
  const store = storage();
  const [one, other] = [new Settings(() => store), new Settings(() => store)];

  one.set("views", [{ name: "a", query: "?a" }]);
  other.set("views", [...other.get("views"), { name: "b", query: "?b" }]);
  one.set("theme", "dark");

  assert.deepEqual(one.get("views").map(({ name }) => name), ["a", "b"]);
  assert.equal(other.get("theme"), "auto");
});

test("without storage, lists last as long as the page", () => {
  const full = { ...storage(), setItem: () => { throw new Error("QuotaExceededError"); } };
  const settings = new Settings(() => full);

  settings.set("views", [{ name: "a", query: "?a" }]);

  assert.deepEqual([settings.get("views").length, settings.persistent], [1, false]);
});

test("R13: of what the browser has kept, only values that a setting may have are used", () => {
  const hostile = [
    "1e12", "-1", "0", "1.5", "NaN", "Infinity", "1e400", "null", "true", '"x"', "[]", "{}", "[[]]", '{"a":1}', "", " ", "{", "x".repeat(20_000),
    '[null,1,"x",[],{}]', '[{"name":1,"query":"?a"}]', '[{"name":"a","query":"//elsewhere"}]', '[{"text":"x","colour":"red"}]', '[{"text":7,"colour":"#ffffff"}]',
    '[{"text":"x","colour":["#ffffff"]}]', '{"__proto__":{"a":true}}', '{"a b":true,"c":"true"}', '{"constructor":1}', "Mars/Base", "DARK", "auto ", "__proto__",
  ];
  const may = {
    theme: [], density: [], lang: [], time: [], order: [], zone: [], publisherZone: [], size: [], drawer: [], held: [],
    details: [], drawerHeight: [], railWidth: [], channelsHeight: [], channelWidth: [], loggerWidth: [],
    holdBack: [0], guard: [0], hints: [0],
    wrap: [true], rail: [true], hist: [true], facets: [true], repeats: [true], tokens: [true], keys: [true], announce: [true],
    rules: [[]], views: [[]], recent: [[]], alarms: [{}],
  };
  assert.deepEqual(Object.keys(may).sort(), Object.keys(DEFAULTS).sort());
  for (const [name, allowed] of Object.entries(may)) {
    for (const text of hostile) {
      const store = storage();
      store.setItem(`sse-hub.${name}`, text);
      const value = new Settings(() => store).get(name);
      assert.ok([DEFAULTS[name], ...allowed].some((each) => isDeepStrictEqual(each, value)), `${name}: ${text.slice(0, 50)} -> ${JSON.stringify(value)}`);
    }
  }
});

test("R13: what settings may be is kept, up to the ends of the ranges, and of lists what can be used", () => {
  const kept = {
    theme: "contrast", density: "compact", lang: "zh", time: "gap", order: "arrival", zone: "Asia/Kolkata", publisherZone: "UTC", size: 18, drawer: 4_000, held: 10_000,
    holdBack: 5_000, guard: 100_000, hints: 0, wrap: true, rail: false, hist: false, facets: false, repeats: true, tokens: false, keys: false, announce: false,
    rules: [{ text: "boom", colour: "#FF9f43", row: true, sound: false, title: true }],
    views: [{ name: "a", query: "?channel=a&q=%22" }],
    recent: [{ kind: "channel", label: "a" }],
    alarms: { "shop.api": true },
  };
  const store = storage();
  for (const [name, value] of Object.entries(kept)) store.setItem(`sse-hub.${name}`, typeof value === "string" ? value : JSON.stringify(value));
  const settings = new Settings(() => store);
  for (const [name, value] of Object.entries(kept)) assert.deepEqual(settings.get(name), value, name);

  store.setItem("sse-hub.views", JSON.stringify([null, ...kept.views, { name: "b" }]));
  store.setItem("sse-hub.rules", JSON.stringify([{ text: "x" }, ...kept.rules]));
  store.setItem("sse-hub.alarms", JSON.stringify({ "a b": true, ...kept.alarms, other: false }));
  assert.deepEqual([settings.get("views"), settings.get("rules"), settings.get("alarms")], [kept.views, kept.rules, kept.alarms]);

  store.setItem("sse-hub.views", JSON.stringify(Array.from({ length: 100_000 }, () => kept.views[0])));
  assert.equal(settings.get("views").length, 500);
});

test("an unknown zone is neither used nor remembered", () => {
  const store = storage();
  store.setItem("sse-hub.zone", "Mars/Base");
  const settings = new Settings(() => store);

  settings.override("zone", "Mars/Base");
  assert.equal(settings.get("zone"), "local");
  settings.override("zone", "Asia/Kolkata");
  assert.equal(settings.get("zone"), "Asia/Kolkata");
});

test("with a clock that is ahead of or behind the hub's, live and replayed lines are told apart", () => {
  const now = 1_795_233_018_000;
  for (const ahead of [60_000, -60_000]) {
    const { ring, ingest } = page();
    const heard = [];
    ingest.clockSkew = ahead;
    ingest.onLiveLine = (line) => heard.push(line);

    const [old, fresh] = [now - ahead - 20_000, now - ahead - 500];
    ingest.addLines([[`${old}-1`, "a", "before", old + 70], [`${fresh}-1`, "a", "new", fresh + 470]], now);

    assert.deepEqual([ingest.live, heard, ring.arrivedAt(0), ring.arrivedAt(1)], [1, ["new"], old + 70, fresh + 470]);
  }
});

test("a request for older lines ends when other channels are opened", async () => {
  const { ring, ingest } = page(100_000);
  let asked = 0;
  globalThis.fetch = async (url) => {
    const channel = new URLSearchParams(url.split("?")[1]).get("channel");
    if (channel === "sse-hub.markers") return Response.json({ lines: [] });
    asked += 1;
    await new Promise((done) => setTimeout(done));
    return Response.json({ lines: [[`${100_000 - asked}-1`, channel, "x"]], more: asked < 100, gaps: [] });
  };
  const older = new HistoryLoader(ring, ingest, () => {});
  older.reset(["a"]);

  const going = older.loadUntil(() => false);
  await new Promise((done) => setTimeout(done, 5));
  older.reset(["b"]);
  await going;

  assert.ok(asked < 50, `${asked} questions`);
});

/** Applies a filter so slowly that it takes many slices; `meanwhile` happens after the first. */
async function refiltered(list, test, meanwhile) {
  const slow = (seq) => {
    for (const until = performance.now() + 0.05; performance.now() < until; );
    return test(seq);
  };
  const done = new Promise((resolve) => list.refilter(slow, resolve));
  meanwhile();
  await done;
  list.trim();
  return Array.from({ length: list.end - list.first }, (_, at) => list.seqAt(list.first + at));
}

test("a line that is moved while a filter is applied pushes no line out of the list", async () => {
  const { ring, list } = page();
  for (let n = 0; n < 900; n += 1) list.offer(ring.append("a", { fence: 1, count: n + 1 }, n % 2 ? "odd" : "even", 0, n));

  const seqs = await refiltered(list, (seq) => ring.text(seq).includes("odd"), () => {
    for (const text of ["late", "late odd"]) {
      const seq = ring.append("a", { fence: 2, count: 1 }, text, 0, 1, 1, 20);
      list.offer(seq);
      const part = misplaced(ring, ring.first, ring.end);
      list.reorder(part, ring.reorder(part));
    }
  });

  assert.deepEqual(seqs.filter((seq) => !ring.text(seq).includes("odd")), []);
  assert.equal(seqs.length, 451);
});

test("lines that fall off while a filter is applied are not shown", async () => {
  const { ring, list } = page();
  const add = (n) => list.offer(ring.append("a", { fence: 1, count: n + 1 }, "x", 0, n));
  for (let n = 0; n < 1_000; n += 1) add(n);

  const seqs = await refiltered(list, () => true, () => {
    for (let n = 1_000; n < 1_300; n += 1) add(n);
  });

  assert.deepEqual(seqs, Array.from({ length: 1_000 }, (_, at) => ring.first + at));
});

test("an endless number of channels leaves room for others", () => {
  const { ring, ingest } = page(100);
  for (let n = 0; n < 1_000; n += 1) ingest.addLines([[`${1e12 + n}-1`, `job.${n}`, "x"], [`${1e12 + n}-1`, "steady", "x"]], 1e12 + n);

  assert.deepEqual([ring.channel(ring.end - 1), ring.channel(ring.end - 2), ring.channel(ring.first)], ["steady", "job.999", "job.950"]);
  assert.equal(ring.oldestIds().size, 51);
});

test("an expression whose automaton keeps growing is abandoned, and no other is", () => {
  let seed = 7;
  const chance = () => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648);
  const text = Array.from({ length: 20_000 }, () => (chance() & 0x1_0000 ? "a" : "b")).join("");
  const told = [];
  const greedy = new Pattern("(a|b)*a(a|b){490}c", "", (pattern) => told.push(pattern.source));
  const start = cpuMs();

  assert.deepEqual([greedy.test(text), greedy.test(text), told], [false, false, ["(a|b)*a(a|b){490}c"]]);
  assert.ok(cpuMs() - start < 800);
  assert.ok(new Pattern("(a|b)*abba(a|b)*c?$").test(text));
});

test("F4: a row shows the first line that is not blank, and of a progress bar its last state", () => {
  for (const [text, shown, ...hidden] of [
    ["one line", "one line"],
    ["\r10%\r50%\r100% done", "100% done", "10%", "50%"],
    // curl, pip, apt, git, tqdm: the cursor goes back before or after each state, and some erase the line.
    ["10%\r50%\r100%", "100%", "10%", "50%"],
    ["Receiving objects:  50% (1/2)\rReceiving objects: 100% (2/2), done.\n", "Receiving objects: 100% (2/2), done.", "Receiving objects:  50% (1/2)"],
    ["\x1b[2K\r 5%|#    |\x1b[0m\r\x1b[2K\r", " 5%|#    |\x1b[0m"],
    ["\x1b[1A\x1b[2K\rpulling\r\x1b[0m", "pulling"],
    ["a\r\nb\r\n", "a", "b"],
    ["a\r\r\nb", "a", "b"],
    ["\n\n  Traceback:\n  x", "  Traceback:", "  x"],
    ["head\n1%\r2%", "head", "1%", "2%"],
    ["\u200b\r\u00ad\r\ufe0fx", "\ufe0fx"],
    ["\r\r\r", ""],
    ["", ""],
  ]) {
    assert.deepEqual({ ...rowText(text), text }, { text, shown, hidden }, JSON.stringify(text));
    assert.equal(shownLine(text), shown);
  }
  // The message of a line is its last state; the line itself, in the details, has all of them.
  assert.deepEqual([normalise(JSON.stringify({ info: "1%\r2%\r3%" }))].map((record) => [record.msg, hiddenSummary(record)]), [["3%", ""]]);
  for (const blank of ["", " \t", "\x1b[0m", "\u200b\u2800\u3164\u00a0"]) assert.ok(isBlank(blank), JSON.stringify(blank));
  for (const seen of ["x", "\u0007", "\u202e", "\u2800."]) assert.ok(!isBlank(visible(seen)), JSON.stringify(seen));
});

test("very long names are cut, and bidi controls are made visible", () => {
  const long = "x".repeat(100_000);
  const { logger, event, lvlRaw } = normalise(JSON.stringify({ message: "m", logger: long, "@event": long, level: long }));
  assert.deepEqual([logger.length, event.length, lvlRaw.length], [1_000, 1_000, 1_000]);
  assert.equal(visible("a\u200fb\u061cc\u2028d\u0085"), "a⟨U+200F⟩b⟨U+61C⟩c⟨U+2028⟩d⟨U+85⟩");
});
