// Lines in, records out: one test line per rule of the normaliser.

import assert from "node:assert/strict";
import { test } from "node:test";

import { keyValues } from "../../../web/js/format/text.js";
import { failureOf, hiddenSummary, measurementOf, normalise } from "../../../web/js/normalise/index.js";
import { LEVELS, levelInText, levelOfNumber, levelOfWord } from "../../../web/js/normalise/levels.js";
import { timeOf } from "../../../web/js/normalise/time.js";
import { cpuMs } from "./cpu.mjs";

const info = (text) => JSON.stringify({ info: text });
const levelName = (record) => LEVELS[record.lvl];
const STACK = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    g()\n  File "b.py", line 2, in g\nValueError: x';

test("a loguru line in an envelope gives time, level, logger, source and its whole message", () => {
  const line = info("2026-11-21 03:50:18.780 | WARNING  | shop.db:<lambda>:41 - Slow - query | took 812 ms: Visit 新增\n");

  const record = normalise(line);

  assert.equal(record.fmt, "loguru");
  assert.equal(record.ts, new Date(2026, 10, 21, 3, 50, 18, 780).getTime());
  assert.equal(record.zone, false);
  assert.equal(levelName(record), "warn");
  assert.equal(record.logger, "shop.db");
  assert.deepEqual(record.src, { file: null, line: "41", fn: "<lambda>" });
  assert.equal(record.msg, "Slow - query | took 812 ms: Visit 新增");
  assert.equal(record.raw, line);
});

test("a loguru level may be a number, a custom name, or contain colour codes", () => {
  const line = (level) => normalise(info(`2026-11-21 03:50:18.780 | ${level} | a:b:1 - m`));

  assert.equal(levelName(line("Level 30")), "warn");
  assert.deepEqual([levelName(line("AUDIT   ")), line("AUDIT").lvlRaw], ["none", "AUDIT"]);
  assert.equal(levelName(line("\x1b[33m\x1b[1mWARNING \x1b[0m")), "warn");
});

test("a loguru line in JSON takes its stack from the text", () => {
  const record = normalise(
    JSON.stringify({
      text: `boom\n${STACK}`,
      record: {
        level: { name: "ERROR", no: 40 }, message: "boom", name: "a", function: "f", line: 3, file: { path: "/a.py" },
        time: { timestamp: 1795233018.78 }, exception: { type: "ValueError" }, extra: { user: 7 },
      },
    }),
  );

  assert.deepEqual([record.fmt, levelName(record), record.msg, record.fields.user], ["loguru-json", "error", "boom", 7]);
  assert.equal(record.err.type, "ValueError");
});

test("Python's own formats are read", () => {
  const cases = [
    ["WARNING:root.db:watch out: now", "python-basic", "warn", "root.db", "watch out: now"],
    ["2026-11-21 03:50:18,119 - my.app - ERROR - a - b", "python-dashed", "error", "my.app", "a - b"],
    ["2026-11-21 03:50:18,119 INFO my.app:12: started", "level-logger", "info", "my.app", "started"],
    ["2026-11-21 03:50:18,119 ERROR Failed: x", "level", "error", null, "Failed: x"],
    ["[2026-11-21T03:50:18Z] [crit] disk full", "level", "fatal", null, "disk full"],
  ];
  for (const [text, fmt, level, logger, message] of cases) {
    const record = normalise(info(text));
    assert.deepEqual([record.fmt, levelName(record), record.logger, record.msg], [fmt, level, logger, message]);
  }
});

test("a JSON record is read by the names most loggers use, and keeps the rest as fields", () => {
  const record = normalise(
    JSON.stringify({
      time: "2026-11-21T03:50:18.5+02:00", level: "error", logger: "shop.api", message: "no", trace_id: "t1", user: "u7",
      exception: STACK,
    }),
  );

  assert.equal(record.ts, Date.UTC(2026, 10, 21, 1, 50, 18, 500));
  assert.deepEqual([levelName(record), record.logger, record.msg, record.trace], ["error", "shop.api", "no", "t1"]);
  assert.deepEqual(Object.keys(record.fields), ["trace_id", "user"]);
  assert.deepEqual([record.err.type, record.err.msg], ["ValueError", "x"]);
  assert.deepEqual([failureOf(record), hiddenSummary(record)], ["ValueError: x", "· 2 frames"]);
});

test("nested and dotted names are read as well", () => {
  assert.equal(levelName(normalise('{"log":{"level":"warn","logger":"a"},"message":"m"}')), "warn");
  assert.equal(levelName(normalise('{"log.level":"fatal","message":"m"}')), "fatal");
  assert.equal(normalise('{"fields":{"message":"inner"},"target":"crate"}').msg, "inner");
});

test("the scale of a number depends on its key and its neighbours", () => {
  assert.equal(levelName(normalise('{"level":30,"time":1795233018780,"pid":1,"msg":"pino"}')), "info");
  assert.equal(levelName(normalise('{"levelno":30,"msg":"python"}')), "warn");
  assert.equal(levelName(normalise('{"level":30,"levelname":"ERROR","msg":"a word beats a number"}')), "error");
  assert.equal(levelName(normalise('{"level":3,"short_message":"gelf","host":"h"}')), "error");
  assert.equal(levelName(normalise('{"severityNumber":17,"body":"otel"}')), "error");
  assert.deepEqual([normalise('{"level":4}').lvl, normalise('{"level":4}').lvlRaw], [0, "4"]);
  assert.equal(LEVELS[levelOfNumber(25, "python")], "success");
});

test("info names the slot of the envelope, not a level", () => {
  assert.equal(levelName(normalise(info("hello"))), "none");
  assert.equal(levelName(normalise(info("ERROR in text"))), "error");
  assert.equal(levelName(normalise('{"info":{"level":"error","msg":"held"}}')), "error");
  assert.equal(levelName(normalise(info('{"level":30,"msg":"JSON in JSON"}'))), "info");
});

test("the hub's own keys are not fields", () => {
  const cut = normalise('{"info":"long","truncated":true,"size":5000000}');
  const named = normalise('{"@channel":"a","@event":"deploy","message":"m","level":"info"}');

  assert.deepEqual([cut.msg, cut.truncatedFrom], ["long", 5_000_000]);
  assert.deepEqual([named.event, Object.keys(named.fields)], ["deploy", []]);
});

test("plain text has a level only if it names exactly one near its start", () => {
  assert.equal(LEVELS[levelInText("[error] x").level], "error");
  assert.equal(LEVELS[levelInText("ERROR: no warning here").level], "error");
  assert.equal(LEVELS[levelInText("ERROR or WARNING").level], "none");
  assert.equal(LEVELS[levelInText("an error in lower case").level], "none");
  assert.equal(LEVELS[levelInText("HTTP LOG DEFAULT").level], "none");
  assert.equal(LEVELS[levelOfWord("INFO+2")], "info");
});

test("times are recognised by size and form, and nonsense is no time", () => {
  const at = Date.UTC(2026, 10, 21, 3, 50, 18);
  for (const value of [at, at / 1e3, at * 1e3, String(at), "2026-11-21T03:50:18Z", "2026-11-21 05:50:18+0200"]) {
    assert.equal(timeOf(value).ms, at, String(value));
  }
  assert.equal(timeOf("2026-11-21 03:50:18,119 UTC").ms, at + 119);
  assert.equal(timeOf(at * 1e6).ms, at);
  for (const value of [0, 1, "yesterday", "1970-01-01T00:00:00Z", "2096-01-01", "2026-13-40", null, {}, NaN]) {
    assert.equal(timeOf(value), null, String(value));
  }
});

test("a line without a time has its time of arrival", () => {
  assert.deepEqual([normalise(info("x"), 5).ts, normalise(info("x"), 5).tsFrom], [5, "recv"]);
  assert.equal(normalise('{"time":"2038-01-01T00:00:00Z","msg":"m"}', 5).fields.time, "2038-01-01T00:00:00Z");
});

test("a message of many lines is folded, and a stack trace in it is its error", () => {
  const record = normalise(info(`2026-11-21 03:50:18.780 | ERROR | a:b:1 - boom\n${STACK}`));

  assert.deepEqual([record.msg, failureOf(record), hiddenSummary(record)], ["boom", "ValueError: x", "· 2 frames"]);
  assert.equal(hiddenSummary(normalise(info("one\ntwo\nthree"))), "+ 2 lines");
  assert.equal(hiddenSummary(normalise(info("one"))), "");
  assert.equal(failureOf({ msg: "no", err: { type: "shop.pay.Refused", msg: "card" } }), "Refused: card");
});

test("a line with nothing but numbers is a measurement, and no other line is", () => {
  assert.deepEqual(measurementOf(normalise('{"cpu":12.5,"per_core":[1,2],"memory":41}')), [["cpu", 12.5], ["memory", 41]]);
  assert.equal(measurementOf(normalise('{"status":200,"message":"GET /"}')), null);
  assert.equal(measurementOf(normalise('{"level":"info","n":1}')), null);
});

test("big integers keep their digits, other numbers their value", () => {
  const { fields } = normalise('{"id":12345678901234567890,"f":0.12345678901234567,"s":"12345678901234567890"}');

  assert.deepEqual({ ...fields }, { id: "12345678901234567890", f: 0.12345678901234567, s: "12345678901234567890" });
});

test("no input throws, and the text of each is kept", () => {
  const wide = JSON.stringify(Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`key${n}`, n])));
  const deep = `${'{"info":'.repeat(500)}{}${"}".repeat(500)}`;
  const odd = [
    null, undefined, 42, [], {}, "", "{", "42", "null", "[]", "{}", '{"info":null}', '{"__proto__":{"x":1},"constructor":2}',
    '{"level":{},"time":[],"message":null,"logger":7,"err":true}', '{"err":{"stack":5}}', "\0\x1b[31m", "\u202e", wide, deep,
    '{"record":{"level":{}},"text":"t"}', '{"exception":[{"exc_type":"E"}]}', '{"@event":7}', '{"log":"x","stream":"stdout"}',
  ];
  for (const line of odd) {
    const record = normalise(line, 1);
    assert.equal(typeof record.raw, "string");
    assert.ok(record.ts > 0);
    assert.equal(typeof hiddenSummary(record) + typeof failureOf(record), "stringstring");
    measurementOf(record);
  }
  assert.equal({}.x, undefined);
  assert.deepEqual(Object.keys(normalise('{"__proto__":{"x":1},"a":2}').fields), ["__proto__", "a"]);
});

test("a line with a value that can't become text is its own message", () => {
  const odd = '{"toString":1,"valueOf":1}';
  const lines = [
    `{"ts":${odd}}`, `{"levelno":${odd},"msg":"m"}`, `{"priority":[${odd}]}`, `{"msg":"%s","args":[${odd}],"levelno":20}`, 
    `{"severity":"INFO","timestamp":{"seconds":${odd}}}`, `{"attributes":[{"key":"a","value":{"intValue":${odd}}}]}`, `{"error":[{"frames":[{"name":${odd}}]}]}`,
    `{"error":${"[".repeat(50_000)}${"]".repeat(50_000)}}`,
  ];
  for (const line of lines) {
    const record = normalise(line, 1e12);
    assert.deepEqual([record.raw, record.ts], [line, 1e12], line.slice(0, 60));
    assert.ok(record.msg !== null || record.err !== null || Object.keys(record.fields).length > 0, line.slice(0, 60));
  }
  const { src } = normalise(`{"record":{"level":{"name":"INFO"},"file":{"path":${odd}},"line":${odd},"function":"f"},"text":"m"}`);
  assert.deepEqual(src, { file: null, line: null, fn: "f" });
  assert.equal(keyValues(normalise(`{"a":${"[".repeat(50_000)}${"]".repeat(50_000)},"b":1e400}`).fields), "a=… b=Infinity");
  assert.equal(measurementOf(normalise('{"load":1e400}')), null);
});

test("hostile lines take no longer than ordinary lines of the same length", () => {
  const hostile = ["a ".repeat(15_000), "[".repeat(30_000), "2026-11-21 03:50:18 |".repeat(1_500), " ".repeat(30_000), "a.".repeat(15_000)];
  for (const text of hostile) {
    const start = cpuMs();
    normalise(info(text));
    assert.ok(cpuMs() - start < 100, text.slice(0, 20));
  }
  const long = [
    JSON.stringify({ msg: `%${"0".repeat(60_000)}`, args: [], levelno: 20 }),
    JSON.stringify({ "@t": "2026-11-21T03:50:18Z", "@mt": `{${"a".repeat(60_000)}` }),
    `<34>1 - - - - - [id ${"a".repeat(60_000)}] m`,
    `<34>1 - - - - - [id a="${"\\\\".repeat(60_000)}"] m`,
  ];
  for (const text of long) {
    const start = cpuMs();
    normalise(text);
    assert.ok(cpuMs() - start < 400, text.slice(0, 20));
  }
});

test("F1: a time without a zone is local, however late the line came, unless its publisher's zone is known", () => {
  const written = Date.UTC(2026, 5, 1, 12, 0, 0);
  const textAt = (offset) => new Date(written + offset * 60_000).toISOString().slice(0, 23).replace("T", " ");
  const local = -new Date(written).getTimezoneOffset();

  for (const late of [5, 9, 11, 20, 47, 180, 600, 830, 900, 4_320]) {
    const came = written + late * 60_000;
    for (const line of [info(`${textAt(local)} | INFO | a:b:1 - m`), `${textAt(local).replace(".", ",")} INFO m`, JSON.stringify({ asctime: textAt(local), message: "m" })]) {
      const record = normalise(line, came);
      assert.deepEqual([record.ts, record.offset, record.zone], [written, null, false], `${late} ${line}`);
    }
  }
  for (const [zone, offset] of [[-840, -840], [345, 345], ["Asia/Kolkata", 330], [(wall, came) => (wall - came) / 60_000, 90]]) {
    const record = normalise(info(`${textAt(offset)} | INFO | a:b:1 - m`), written, { zone });
    assert.deepEqual([record.ts, record.offset], [written, offset]);
  }
  assert.equal(normalise(`${textAt(0)}Z INFO zoned`, written, { zone: "Asia/Kolkata" }).offset, null);
});

// A line that came at 03:50:20, read in UTC: [time, level, logger, message].
const readAt = (line) => {
  const { ts, tsFrom, lvl, logger, msg } = normalise(line, Date.UTC(2026, 10, 21, 3, 50, 20), { zone: "UTC" });
  return [tsFrom === "line" ? new Date(Math.floor(ts)).toISOString().slice(0, 23) : null, LEVELS[lvl], logger, msg];
};

test("F2: the recipes of the manual have level, logger and message", () => {
  const serilog = { Timestamp: "2026-11-21T03:50:18.780Z", Level: "Warning", MessageTemplate: "Disk {Name} full", Properties: { Name: "sda", SourceContext: "Shop.Order" } };
  const logback = { sequenceNumber: 0, timestamp: 1795233018780, level: "WARN", loggerName: "shop.Order", message: "paid {} of {}", arguments: ["o1", "u7"] };
  const monolog = { message: "m", context: { a: 1 }, level: 400, level_name: "ERROR", channel: "shop", datetime: "2026-11-21T03:50:18.780+00:00", extra: {} };
  const at = "2026-11-21T03:50:18.780";

  assert.deepEqual(readAt(JSON.stringify(serilog)), [at, "warn", "Shop.Order", "Disk sda full"]);
  assert.deepEqual(readAt(JSON.stringify({ ...serilog, RenderedMessage: "as rendered" }))[3], "as rendered");
  assert.deepEqual(readAt(JSON.stringify(logback)), [at, "warn", "shop.Order", "paid o1 of u7"]);
  assert.deepEqual(readAt(JSON.stringify({ ...logback, formattedMessage: "as formatted" }))[3], "as formatted");
  assert.deepEqual(readAt(JSON.stringify(monolog)), [at, "error", "shop", "m"]);
  assert.equal(normalise(JSON.stringify(monolog)).fields.a, 1);
});

test("F4: of a progress bar the last state counts, as on a terminal", () => {
  assert.deepEqual(readAt("10%\r50%\r2026-11-21 03:50:18 WARN slow\r"), ["2026-11-21T03:50:18.000", "warn", null, "slow"]);
});

test("F5: a date and a clock in two fields are one time, and when a thing was created is none", () => {
  assert.equal(readAt('{"date":"2026-11-21","time":"03:50:18","msg":"m"}')[0], "2026-11-21T03:50:18.000");
  assert.equal(readAt('{"msg":"user loaded","created_at":"2019-05-02T10:00:00Z"}')[0], null);
  assert.equal(readAt('{"msg":"m","date":"2026-11-20"}')[0], null);
  assert.equal(readAt('{"msg":"m","created_at":"2026-11-21T03:50:17Z"}')[0], "2026-11-21T03:50:17.000");
  assert.equal(readAt('{"msg":"m","created_at":"2026-11-21T03:50:17Z","ts":"2026-11-21T03:50:18Z"}')[0], "2026-11-21T03:50:18.000");
});

test("F5: times are read in all forms", () => {
  const forms = [
    "Sat, 21 Nov 2026 03:50:18 GMT", "11/21/2026 03:50:18 AM", "11/21/2026, 3:50:18 AM", "2026-11-21T04:50:18+01:00[Europe/Berlin]", "2026-11-21 03:50:18 +0000 UTC",
    "2026-11-21T03:50:18.000000000000Z", "2026-11-21 3:50:18", "21/Nov/2026:03:50:18 +0000", "21.11.2026 03:50:18", "20261121T035018Z", "Sat Nov 21 03:50:18 UTC 2026",
    "/Date(1795233018000)/", "2026/11/21 03:50:18", "Nov 21, 2026 3:50:18 AM", "2026-11-21 04:50:18 CET",
  ];
  for (const form of forms) {
    assert.equal(timeOf(form)?.ms, Date.UTC(2026, 10, 21, 3, 50, 18), form);
    if (form[0] !== "/") assert.deepEqual(readAt(`${form} WARN slow`), ["2026-11-21T03:50:18.000", "warn", null, "slow"], form);
  }
  assert.equal(readAt('{"time":"2026-11-20 03:50:18 PM","msg":"C12"}')[0], "2026-11-20T15:50:18.000");
});

test("F7, C3: a time at the beginning is the time of the line, whatever follows", () => {
  for (const time of ["2026-11-21 03:50:18", "[2026-11-21 03:50:18]", "2026-11-21T03:50:18Z", "2026-11-21\t03:50:18", "(2026-11-21 03:50:18.000)", "[2026-11-21T03:50:18,000+00:00]"]) {
    assert.deepEqual(readAt(`${time} what nobody knows (7) [x] a=b`), ["2026-11-21T03:50:18.000", "none", null, "what nobody knows (7) [x] a=b"], time);
    assert.deepEqual(readAt(`${time} [ERROR] shop.db: no`), ["2026-11-21T03:50:18.000", "error", "shop.db", "no"], time);
  }
});

test("F8: a level that begins the line wins, and escapes do not hide it", () => {
  const levels = (lines) => lines.map((line) => readAt(line)[1]);

  assert.deepEqual(levels(["INFO Job finished: ERROR count 0", "[INFO] retry after ERROR", "DEBUG set level to ERROR", "[error] upstream said WARN"]), ["info", "info", "debug", "error"]);
  assert.deepEqual(levels(['{"level":"\\u001b[31merror\\u001b[39m","msg":"m"}', "fail: Shop.Order[0]", "E: Unable", "[E] no", "<3>no", "fatal: no", "panic: no"]), ["error", "error", "error", "error", "error", "fatal", "fatal"]);
  assert.deepEqual(levels(["done: 0 ERROR, 12 passed", "GET /api/INFO 200"]), ["none", "none"]);
});

test("C4: the end of a line in braces costs neither its time nor its message", () => {
  assert.deepEqual(readAt('2026-11-21 03:50:18 INFO paid {"user":"u7"}').slice(1), ["info", null, "paid"]);
  assert.deepEqual(readAt("2026-11-21 03:50:18 INFO paid {}").slice(1), ["info", null, "paid {}"]);
  assert.deepEqual(readAt('2026-11-21 03:50:18 INFO paid {"message":"x","level":"error"}').slice(1), ["info", null, "paid"]);
});

test("C5: a word in brackets is a level only if it is one, and a sentence is not cut at a=b", () => {
  for (const word of ["main", "7", "shop"]) assert.equal(readAt(`2026-11-21 03:50:18 [${word}] no`)[1], "none", word);
  assert.equal(readAt("2026-11-21 03:50:18 [ERROR] login failed for user=ana")[3], "login failed for user=ana");
  assert.equal(readAt("2026-11-21 03:50:18 [error] login failed for user=ana")[3], "login failed for user=ana");
});

test("C6, M4: the line in an envelope is read, and the envelope is fields", () => {
  const inner = "2026-11-21 03:50:18,780 ERROR shop.db: no";
  for (const key of ["message", "log"]) {
    const line = JSON.stringify({ [key]: `${inner}\n`, stream: "stderr", kubernetes: { pod: "a" }, time: "2026-11-21T03:50:19Z" });
    assert.deepEqual(readAt(line), ["2026-11-21T03:50:18.780", "error", "shop.db", "no"], key);
    assert.deepEqual(normalise(line).fields.kubernetes, { pod: "a" });
  }
  assert.deepEqual(readAt('{"message":"2026-11-21 03:50:18,780 ERROR no","level":"info"}').slice(1), ["info", null, "2026-11-21 03:50:18,780 ERROR no"]);
});

test("C9: syslog may leave out the host", () => {
  assert.deepEqual(readAt("Nov 21 03:50:18 sshd[7]: no").slice(2), ["sshd", "no"]);
  assert.deepEqual(readAt("Nov 21 03:50:18 h1 sshd[7]: no").slice(2), ["sshd", "no"]);
});
