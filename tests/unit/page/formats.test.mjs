// Every line of tests/fixtures/formats.json becomes the record noted beside it: its time, level, message, logger … Times without a zone
// are read as UTC. What a row leaves out is not asked for; null is none, and for the time, the time when the line came.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { normalise } from "../../../web/js/normalise/index.js";
import { LEVELS, NONE } from "../../../web/js/normalise/levels.js";
import { TABLE, compile } from "../../../web/js/normalise/table.js";
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

const FILLS = [
  " ", "\t", "\n", "\r", "\u2028", "\n\r", "\n ", "a", "A", "1", ".", ",", ":", ";", "/", "-", "_", "=", "|", "#", "\"", "'", "\\", "\\\"", "[", "]", "(", ")", "{", "}",
  "<", ">", "a ", "A ", "1 ", "a.", "a/", "a: ", "a=", "a=1 ", "::", " -", " |", "[a] ", "[a]", "(a)", "\n  at x(", "\n#1 a(", "\x1b", "\x1b[", "\x1b]", '{"a":', " {", "%s", "12345678901234567,",
  "Traceback (most recent call last):\n", "---> a\n", "a:b\t", "goroutine 1 [\n",
];

test("C1: no pattern takes longer for what stands in the line", () => {
  const starts = [
    "", "[", "<1>", " INFO ", "INFO ", "[INFO] ", " [a] INFO ", " a INFO ", " - a - ", " 1 ", " a[1]: ", "[: INFO/", ' "GET / HTTP" ', "\t", "{", "a:", "a - - [",
    "2026-11-21 03:50:18 ", 'a - - [21/Nov/2026:03:50:18 +0000] "', "Nov 21 03:50:18 ",
  ];
  for (const row of [...TABLE.times, ...TABLE.lines, ...TABLE.heads]) {
    const { pattern } = compile(row.pattern);
    const begun = cpuMs();
    for (const start of starts) for (const fill of FILLS) pattern.exec((start + fill.repeat(4_096 / fill.length)).slice(0, 4_096));
    assert.ok(cpuMs() - begun < 1_000, row.pattern);
  }
});

test("C1: a megabyte of anything is read at once", () => {
  for (const fill of FILLS) {
    for (const start of ["", "x\n", "2026-11-21 03:50:18 INFO "]) {
      const line = start + fill.repeat(1e6 / fill.length);
      const begun = cpuMs();
      normalise(line, CAME);
      assert.ok(cpuMs() - begun < 400, JSON.stringify([start, fill]));
    }
  }
});

test("C1: the beginning of a format with any text after it is read fast", () => {
  const heads = FORMATS.map(({ line }) => (line.startsWith('{"info":"') ? JSON.parse(line).info : line));
  const starts = new Set(heads.flatMap((text) => [24, 40, text.length].map((end) => text.slice(0, end))));
  for (const start of starts) {
    for (const fill of [" ", "\n", "a ", "a=", "[a] ", '\\"', "\n  at x(", "\t"]) {
      const begun = cpuMs();
      normalise(`${start}${fill.repeat(8_000 / fill.length)}!`, 1);
      assert.ok(cpuMs() - begun < 400, JSON.stringify([start, fill]));
    }
  }
});
