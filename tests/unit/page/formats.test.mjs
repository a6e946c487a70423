// Every line of tests/fixtures/formats.json becomes the record noted beside it: its time, level, message, logger … Times without a zone
// are read as UTC. What a row leaves out is not asked for; null is none, and for the time, the time when the line came.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { normalise } from "../../../web/js/normalise/index.js";
import { LEVELS, NONE } from "../../../web/js/normalise/levels.js";
import { cpuMs } from "./cpu.mjs";

const CAME = Date.UTC(2026, 10, 21, 3, 50, 20);
const FORMATS = JSON.parse(readFileSync(new URL("../../fixtures/formats.json", import.meta.url)));
const GIVEN = {
  time: (record) => (record.tsFrom === "recv" ? null : new Date(Math.floor(record.ts)).toISOString()),
  level: (record) => (record.lvl === NONE ? null : LEVELS[record.lvl]),
  levelRaw: (record) => record.lvlRaw,
  message: (record) => record.msg,
  logger: (record) => record.logger,
  error: (record) => record.err?.type ?? null,
  trace: (record) => record.trace,
  span: (record) => record.span,
  pid: (record) => record.pid,
  host: (record) => record.host,
  thread: (record) => record.thread,
  file: (record) => record.src.file,
};

for (const { name, line, fields, records, undated, ...expected } of FORMATS) {
  test(name, () => {
    const record = normalise(line, CAME, { zone: "UTC" });

    const found = Object.fromEntries(Object.keys(expected).map((key) => [key, GIVEN[key](record)]));
    assert.deepEqual(found, expected);
    for (const [key, value] of Object.entries(fields ?? {})) assert.deepEqual(record.fields[key], value, key);
    assert.equal(record.raw, line);
    if (expected.time === null) assert.equal(record.ts, CAME);
  });
}

test("there are at least sixty formats", () => {
  assert.ok(FORMATS.length >= 60);
});

// A pattern that tries every way to split a run of blanks takes a second on the 20 kB of them.
test("the beginning of a format with any text after it is read fast", () => {
  const heads = FORMATS.map(({ line }) => JSON.parse(line.startsWith('{"info":"') ? line : "{}").info ?? line);
  const starts = new Set(heads.flatMap((text) => [19, 24, 40, text.length].map((end) => text.slice(0, end))));
  for (const start of starts) {
    for (const fill of [" ", "\n", "a ", "a=", "[a] ", '\\"', "\n  at x(", "\t"]) {
      const begun = cpuMs();
      normalise(start + fill.repeat(20_000 / fill.length) + "!", 1);
      assert.ok(cpuMs() - begun < 400, JSON.stringify([start, fill]));
    }
  }
});
