// What an export takes, what it asks the hub for, and what it says of that.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { logPages } from "../../../web/js/connection/log-pages.js";
import { useLanguage } from "../../../web/js/i18n/translate.js";
import { hubFilter, logFilter } from "../../../web/js/query/hub-filter.js";
import { compileQuery, HeldLine } from "../../../web/js/query/index.js";
import { columnsToOffer, exportText, spanOf } from "../../../web/js/store/export-choice.js";
import { COLUMNS, exportParts } from "../../../web/js/store/export-file.js";

useLanguage("en", JSON.parse(readFileSync(new URL("../../../web/lang/en.json", import.meta.url))));

const NOW = Date.UTC(2026, 10, 21, 12, 0, 0);
async function all(pages) {
  const found = [];
  for await (const page of pages) found.push(page);
  return found;
}

const UTC = { now: NOW, zone: "UTC" };

test("times are read as in go-to-time, and what is wrong is said at its field", () => {
  assert.deepEqual(spanOf({ since: "yesterday 17:30", until: " -1h " }, UTC), { since: NOW - 66_600_000, until: NOW - 3_600_000, fault: null });
  assert.deepEqual(spanOf({ since: "", until: "" }, UTC), { since: null, until: null, fault: null });
  assert.equal(spanOf({ since: "last tuesday", until: "" }, UTC).fault.name, "since");
  assert.match(spanOf({ since: "last tuesday", until: "" }, UTC).fault.message, /“last tuesday” is not a valid time/);
  assert.equal(spanOf({ since: "-1h", until: "-2h" }, UTC).fault.name, "until");
});

test("the log is asked for what the page shows: filter, hidden levels, range and pinned filter", () => {
  const filter = { text: "a OR b", hidden: new Set([2]), range: [NOW, NOW + 1_000] };
  const q = logFilter(filter, { ...UTC, pinned: "c OR d" });

  assert.equal(q, "(c OR d) ((a OR b) -level=debug) after=2026-11-21T12:00:00.000Z before=2026-11-21T12:00:01.001Z");
  const { test: fits } = compileQuery(q, UTC);
  const line = (level, ownTime) => new HeldLine().of(`{"level":"${level}","message":"a c"}`, { ownTime });
  assert.deepEqual([fits(line("info", NOW)), fits(line("info", NOW + 1_000)), fits(line("info", NOW + 1_001)), fits(line("debug", NOW))], [true, true, false, false]);
  assert.equal(logFilter({ text: "", range: null }, UTC), "");
  // A quote that is still open may not take what follows into it.
  assert.equal(hubFilter({ text: 'user=u7 "time out', hidden: new Set([2]) }, UTC), 'user=u7 "time out" -level=debug');
  assert.equal(hubFilter({ text: '/"/', hidden: new Set([2]) }, UTC), '/"/ -level=debug');
});

test("the dialog says in a sentence what the file will have", () => {
  const choice = { zone: "UTC", channels: ["svc.alpha", "svc.beta"], filter: "level>=error", span: { since: NOW, until: null }, columns: ["time", "user"] };

  assert.equal(
    exportText({ ...choice, scope: "log", format: "csv", count: { n: 180 } }),
    "Lines that match level>=error, from 2026-11-21 12:00:00, about 180 lines, from svc.alpha, svc.beta, as CSV, columns: time, user.",
  );
  assert.equal(exportText({ ...choice, scope: "logAll", format: "ndjson", columns: null, count: { n: 50_000, atLeast: true } }), "All lines, from 2026-11-21 12:00:00, more than 50,000 lines, from svc.alpha, svc.beta, as NDJSON.");
  assert.equal(exportText({ ...choice, scope: "held", format: "txt", columns: null, count: { n: 1 } }), "All lines, 1 line, from svc.alpha, svc.beta, as text.");
});

test("the columns of the page are chosen, and the most frequent fields are offered", () => {
  const fields = ["user", "status", "logger"].map((name) => ({ name }));

  assert.deepEqual(columnsToOffer(["user", "time"], fields), { chosen: [...COLUMNS, "user"], others: ["status"] });
});

test("a line that says what is missing stands in text and CSV files", () => {
  const note = { note: "a: 3 lines not delivered", channel: "a", time: NOW };

  assert.deepEqual([...exportParts([note], "csv", { zone: "UTC", columns: ["time", "channel", "message", "user"] })].join("").split("\r\n")[1], "2026-11-21 12:00:00.000Z,a,# a: 3 lines not delivered,");
});

test("the log is read page by page, exactly between its bounds, until there is no more", async () => {
  const asked = [];
  const rows = Array.from({ length: 5 }, (_, at) => [`${NOW + at * 1_000}-1`, "a", `{"n":${at}}`, NOW + at * 1_000]);
  const answers = [
    { lines: rows.slice(0, 2), gaps: [], more: true, reached: null },
    { lines: [], gaps: [{ channel: "a", after: "0-0", before: "1-0", lost: null, reason: "recorder-down" }], more: true, reached: `${NOW + 2_500}-0` },
    { lines: rows.slice(3), gaps: [], more: false, reached: null },
  ];
  globalThis.fetch = async (url) => {
    asked.push(new URLSearchParams(url.split("?")[1]));
    return Response.json(answers[asked.length - 1]);
  };
  const question = { channels: ["a"], q: "user=u7", zone: "+00:00", since: NOW + 1_000, until: NOW + 4_000 };

  const pages = await all(logPages(question, new AbortController().signal));

  assert.deepEqual(pages.flatMap(({ lines }) => lines.map(([, , text]) => text)), ['{"n":1}', '{"n":3}']);
  assert.deepEqual(pages.flatMap(({ gaps }) => gaps), []);
  assert.deepEqual(asked.map((query) => query.get("after")), ["2026-11-21T12:00:01.000Z", `${NOW + 1_000}-1`, `${NOW + 2_500}-0`]);
  assert.deepEqual([asked[0].get("before"), asked[0].get("q"), asked[0].get("zone")], ["2026-11-21T12:00:04.000Z", "user=u7", "+00:00"]);
  globalThis.fetch = async () => Response.json({ error: "Bad Request", detail: "q= is no filter" }, { status: 400 });
  assert.deepEqual(await all(logPages(question, new AbortController().signal)), [{ fault: "q= is no filter" }]);
});
