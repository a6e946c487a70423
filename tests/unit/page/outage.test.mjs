// When the page says that nothing can arrive.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Outage } from "../../../web/js/connection/outage.js";
import { outageText, retryText } from "../../../web/js/format/messages.js";
import { useLanguage } from "../../../web/js/i18n/translate.js";

useLanguage("en", JSON.parse(readFileSync(new URL("../../../web/lang/en.json", import.meta.url))));

const T = Date.UTC(2026, 10, 30, 6, 50, 16);

test("an outage is told from 3 s on, with the time at which it began, through all attempts", () => {
  const outage = new Outage();
  outage.note({ name: "connecting" }, true, T - 20_000);
  outage.note({ name: "live" }, true, T - 10_000);
  assert.equal(outage.at(T), null);

  outage.note({ name: "reconnecting" }, true, T);
  assert.equal(outage.at(T + 2_999), null);
  for (const name of ["connecting", "reconnecting", "stale", "offline", "connecting"]) outage.note({ name }, true, T + 2_000);
  assert.deepEqual(outage.at(T + 3_000), { kind: "offline", since: T });
  outage.note({ name: "reconnecting" }, true, T + 4_000);
  assert.deepEqual(outage.at(T + 4_000), { kind: "hub", since: T });
  outage.note({ name: "live" }, true, T + 5_000);
  assert.equal(outage.at(T + 60_000), null);
});

test("a hub without Redis is an outage of its own, and a stop by the reader is none", () => {
  const outage = new Outage();
  outage.note({ name: "live" }, false, T);
  outage.note({ name: "live" }, false, T + 2_000);
  assert.deepEqual(outage.at(T + 3_000), { kind: "redis", since: T });
  outage.note({ name: "reconnecting" }, false, T + 4_000);
  assert.deepEqual([outage.at(T + 6_000), outage.at(T + 7_000)], [null, { kind: "hub", since: T + 4_000 }]);
  outage.note({ name: "stopped" }, false, T + 8_000);
  assert.equal(outage.at(T + 60_000), null);
  outage.note({ name: "error", detail: "Signed out." }, true, T + 9_000);
  assert.deepEqual(outage.at(T + 12_000), { kind: "refused", since: T + 9_000 });
});

test("the words of an outage say since when, and when the next attempt is", () => {
  const words = (kind, state, now = T + 6_000) => `${outageText({ kind, since: T }, state, "UTC")} ${retryText({ kind }, state, now)}`;
  assert.equal(words("hub", { retryAt: T + 9_100 }), "No connection since 06:50:16. The lines shown are old. Trying again in 4 s.");
  assert.equal(words("hub", {}), "No connection since 06:50:16. The lines shown are old. Trying again…");
  assert.equal(words("redis", {}).trim(), "Redis has been away since 06:50:16. The hub is up, but nothing can arrive.");
  assert.equal(words("refused", { detail: "Signed out." }).trim(), "The hub ended the stream at 06:50:16. Signed out.");
});
