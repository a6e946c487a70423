// Filters written for other tools: recognised, translated, and texts left alone.

import assert from "node:assert/strict";
import { test } from "node:test";

import { translate } from "../../../web/js/query/foreign.js";

const FIELDS = ["user", "status", "app", "req.path"];
const of = (text) => translate(text, FIELDS)?.text ?? null;

test("fields, negations and conjunctions of other tools are translated", () => {
  const cases = {
    "level:error": "level=error",
    "level:ERROR user:u7": "level=error user=u7",
    "logger:shop.web": "logger=shop.web",
    "@level:error": "level=error",
    "severity:error": "level=error",
    "-level:debug": "-level=debug",
    "!level:debug": "-level=debug",
    "NOT level:debug": "-level=debug",
    'message:"time out"': 'message="time out"',
    "status:>=500": "status>=500",
    "user:u*": "user~^u.*$",
    "!error": "-error",
    "NOT x": "-x",
    "a AND b": "a b",
    "a AND": "a",
    "a && b || c": "a b OR c",
    "level:error and not user:u7": "level=error -user=u7",
    "(level:error OR level:fatal) AND user:u7": "(level=error OR level=fatal) user=u7",
    "level = error": "level=error",
    'level == "error"': "level=error",
    "@Level = 'Error'": "level=error",
    '.level=="error"': "level=error",
    '.level == "error" and .status >= 500': "level=error status>=500",
    'select(.req.path == "/a b")': 'req.path="/a b"',
  };

  for (const [typed, meant] of Object.entries(cases)) assert.equal(of(typed), meant, typed);
});

test("selectors, statements and pipes are translated as far as a filter goes, and the rest is named", () => {
  const found = (text) => {
    const { text: meant, hint } = translate(text, FIELDS);
    return [meant, hint];
  };

  assert.deepEqual(found('{app="x"} |= "y"'), ["app=x y", null]);
  assert.deepEqual(found('{app="x", env!~"dev.*"} != "a b" |~ "t(ime)?" | json | level="error"'), ['app=x -env~dev.* -"a b" /t(ime)?/ level=error', null]);
  assert.deepEqual(found("error | count"), ["error", "count"]);
  assert.deepEqual(found("level:error | stats count() by user"), ["level=error", "count"]);
  assert.deepEqual(found("error | grep -v health | grep 'time out'"), ['error -health "time out"', null]);
  assert.deepEqual(found("SELECT * FROM log"), ["", "query"]);
  assert.deepEqual(found("select * from log where level = 'error' AND user != 'u7' limit 10"), ["level=error -user=u7", null]);
  assert.deepEqual(found("SELECT count(*) FROM log WHERE status >= 500 GROUP BY user"), ["status>=500", "count"]);
  assert.deepEqual(found("select * from log where message like '%time out%' and status in (500,502)"), ['message~"time out" (status=500 OR status=502)', null]);
});

test("only what names a field that there is may replace a filter unasked", () => {
  const sure = (text) => translate(text, FIELDS)?.sure ?? null;

  assert.deepEqual(["level:error", "user:u7 x", "level:error AND x", 'level == "error"', '{app="x"} |= "y"'].map(sure), [true, true, true, true, true]);
  assert.deepEqual(["user==u1", "foo:bar", "a AND b", "NOT FOUND", "!error", "x | count", '{job="x"}'].map(sure), [false, false, false, false, false, false, false]);
});

test("texts of logs and filters of this page are left alone", () => {
  const texts = [
    "GET http://a/b", "12:30", "at 12:30:15", "std::vector", "C:\\Windows", "a b OR c", '-"text"', "level>=warn user=u7 -health", "user:* -status:*", "/a|b/",
    '"a | b"', '"level:error"', "error: timeout", "x = 3", "a|b", "()", "{", "[main] x", 'msg~"a b"', "", "(level=error OR fatal) x",
  ];

  for (const text of texts) assert.equal(of(text), null, text);
  assert.equal(translate("x:y ".repeat(500), FIELDS), null);
});
