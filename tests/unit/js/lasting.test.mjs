// What must hold in the long run: two tabs, clocks that differ, channels that change while something is under way.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Intake } from "../../../web/js/intake.js";
import { Older } from "../../../web/js/older.js";
import { Ring } from "../../../web/js/ring.js";
import { Series } from "../../../web/js/series.js";
import { Settings } from "../../../web/js/settings.js";
import { ViewList } from "../../../web/js/view-list.js";

function page(capacity = 1_000) {
  const ring = new Ring(capacity);
  const view = new ViewList(ring);
  return { ring, view, intake: new Intake(ring, view, new Series()) };
}

function storage() {
  const kept = new Map();
  return { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, value) };
}

test("what one tab has added to a list another one does not take away", () => {
  const store = storage();
  const [one, other] = [new Settings(() => store), new Settings(() => store)];

  one.set("views", [{ name: "a", query: "?a" }]);
  other.set("views", [...other.get("views"), { name: "b", query: "?b" }]);
  one.set("theme", "dark");

  assert.deepEqual(one.get("views").map(({ name }) => name), ["a", "b"]);
  assert.equal(other.get("theme"), "auto");
});

test("where nothing can be kept, lists last as long as the page", () => {
  const full = { ...storage(), setItem: () => { throw new Error("QuotaExceededError"); } };
  const settings = new Settings(() => full);

  settings.set("views", [{ name: "a", query: "?a" }]);

  assert.deepEqual([settings.get("views").length, settings.kept], [1, false]);
});

test("a zone that there is not is neither lent nor remembered", () => {
  const store = storage();
  store.setItem("sse-hub.zone", "Mars/Base");
  const settings = new Settings(() => store);

  settings.lend("zone", "Mars/Base");
  assert.equal(settings.get("zone"), "local");
  settings.lend("zone", "Asia/Kolkata");
  assert.equal(settings.get("zone"), "Asia/Kolkata");
});

test("with a clock that is ahead of the hub's, new lines are new, and those of before are not", () => {
  const now = 1_795_233_018_000;
  for (const ahead of [60_000, -60_000]) {
    const { ring, intake } = page();
    const heard = [];
    intake.ahead = ahead;
    intake.onNew = (line) => heard.push(line);

    intake.lines([[`${now - ahead - 20_000}-1`, "a", "before"], [`${now - ahead - 500}-1`, "a", "new"]], now);

    assert.deepEqual([intake.live, heard, ring.time(0), ring.time(1)], [1, ["new"], now - ahead - 20_000, now]);
  }
});

test("a wish for older lines ends when other channels are watched", async () => {
  const { ring, intake } = page(100_000);
  let asked = 0;
  globalThis.fetch = async (url) => {
    const channel = new URLSearchParams(url.split("?")[1]).get("channel");
    if (channel === "sse-hub.markers") return Response.json({ lines: [] });
    asked += 1;
    await new Promise((done) => setTimeout(done));
    return Response.json({ lines: [[`${100_000 - asked}-1`, channel, "x"]], more: asked < 100, gaps: [] });
  };
  const older = new Older(ring, intake, () => {});
  older.reset(["a"]);

  const going = older.until(() => false);
  await new Promise((done) => setTimeout(done, 5));
  older.reset(["b"]);
  await going;

  assert.ok(asked < 50, `${asked} questions`);
});
