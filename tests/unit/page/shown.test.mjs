// Text that is shown, copied, searched and ordered.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ansiSpans, stripAnsi } from "../../../web/js/format/ansi.js";
import { dividersBetween } from "../../../web/js/format/dividers.js";
import { COLUMNS, csvCell, exportParts, fileName } from "../../../web/js/store/export-file.js";
import { MatchIndex, compileMatcher } from "../../../web/js/store/matcher.js";
import { fieldText } from "../../../web/js/format/text.js";
import { Clocks, LineTimes } from "../../../web/js/store/line-times.js";
import { ReorderBuffer } from "../../../web/js/store/reorder-buffer.js";
import { normalise } from "../../../web/js/normalise/index.js";
import { formatClock, formatDay, formatEpoch, formatDelta, formatIso, formatSpan } from "../../../web/js/format/format-time.js";
import { chainOf, stackLines, stackParts } from "../../../web/js/format/stack-frames.js";
import { isLink, tokensOf } from "../../../web/js/format/tokens.js";
import { pathText, parseTree } from "../../../web/js/format/json-tree.js";
import { cpuMs } from "./cpu.mjs";

const T = Date.UTC(2026, 10, 21, 3, 50, 18, 780);

test("times and spans are formatted in any zone", () => {
  assert.deepEqual([formatClock(T, "UTC"), formatDay(T, "UTC"), formatEpoch(T)], ["03:50:18.780", "2026-11-21", "1795233018.780"]);
  assert.deepEqual([formatIso(T, "UTC"), formatIso(T, "Asia/Kolkata")], ["2026-11-21T03:50:18.780Z", "2026-11-21T09:20:18.780+05:30"]);
  assert.deepEqual([0, 12, 1_340, 59_999, 252_000, 3_600_000, 11_100_000, 176_400_000].map(formatSpan), [
    "0 ms", "12 ms", "1.3 s", "59.9 s", "4 min 12 s", "1 h", "3 h 5 min", "2 d 1 h",
  ]);
  assert.deepEqual([formatDelta(12), formatDelta(-1_300)], ["+12 ms", "−1.3 s"]);
});

test("a silence and a new day are dividers, the day in the zone of the page", () => {
  const midnight = Date.UTC(2026, 10, 21);

  assert.deepEqual(dividersBetween(null, T, "UTC"), []);
  assert.deepEqual(dividersBetween(T, T + 60_000, "UTC"), []);
  assert.deepEqual(dividersBetween(T, T + 252_000, "UTC"), [{ kind: "silence", from: T, to: T + 252_000, span: "4 min 12 s" }]);
  assert.deepEqual(dividersBetween(midnight - 1, midnight, "UTC"), [{ kind: "day", date: "2026-11-21", weekday: 6 }]);
  assert.deepEqual(dividersBetween(midnight - 1, midnight, "Asia/Tokyo"), []);
  assert.deepEqual(dividersBetween(midnight, midnight - 1, "UTC").map(({ date }) => date), ["2026-11-20"]);
});

test("terminal colours become spans, in 16, 256 and true colours, and all other escapes are removed", () => {
  assert.deepEqual(ansiSpans("\x1b[1;31mno\x1b[0m way"), [{ text: "no", style: { bold: true, fg: 1 } }, { text: " way", style: null }]);
  assert.deepEqual(ansiSpans("\x1b[93;44ma\x1b[39mb\x1b[mc").map(({ style }) => style), [{ fg: 11, bg: 4 }, { bg: 4 }, null]);
  assert.deepEqual(ansiSpans("\x1b[38;5;9ma\x1b[38;5;196mb\x1b[48;5;244mc").map(({ style }) => style), [
    { fg: 9 }, { fg: "#ff0000" }, { fg: "#ff0000", bg: "#808080" },
  ]);
  assert.deepEqual(ansiSpans("\x1b[38;2;1;2;255;4ma")[0].style, { fg: "#0102ff", underline: true });
  assert.deepEqual(ansiSpans("\x1b[38;2;999;0;0ma\x1b[38;5;999mb\x1b[38mc"), [{ text: "abc", style: null }]);
  assert.deepEqual(ansiSpans("plain"), [{ text: "plain", style: null }]);
  const odd = "a\x1b[2Jb\x1b[?25lc\x1b]8;;http://x\x07d\x1b]0;title\x1b\\e\x1b(Bf\x1bMg\x9b31mh\x1b[";
  assert.equal(stripAnsi(odd), "abcdefgh");
  assert.equal(ansiSpans(odd).map(({ text }) => text).join(""), "abcdefgh");
  const start = cpuMs();
  for (const text of ["\x1b[".repeat(20_000), "\x1b]".repeat(20_000), `\x1b[${"1;".repeat(20_000)}`]) assert.equal(stripAnsi(text).includes("\x1b"), false);
  assert.ok(cpuMs() - start < 500);
});

test("tokens are recognised, in order, each with its text", () => {
  const kinds = (text) => tokensOf(text).map(({ start, end, kind }) => [kind, text.slice(start, end)]);

  assert.deepEqual(kinds("GET /orders?id=7 200 in 12ms"), [["method", "GET"], ["path", "/orders?id=7"], ["status", "200"], ["number", "12ms"]]);
  assert.deepEqual(kinds('"POST /x HTTP/1.1" 503 7'), [["quoted", '"POST /x HTTP/1.1"'], ["status", "503"], ["number", "7"]]);
  assert.deepEqual(kinds("12:30 a::b shop::db"), [["number", "12"], ["number", "30"], ["ip", "a::b"]]);
  assert.deepEqual(kinds("see https://a.b/c?d=e, and (http://x.y)."), [["url", "https://a.b/c?d=e"], ["url", "http://x.y"]]);
  assert.deepEqual(kinds("user=u7 took=812ms ok=true"), [["key", "user"], ["key", "took"], ["number", "812ms"], ["key", "ok"]]);
  assert.deepEqual(kinds("203.0.113.7:80 fe80::1 ::1 999.1.1.1.1"), [["ip", "203.0.113.7:80"], ["ip", "fe80::1"], ["ip", "::1"], ["number", "999.1.1.1.1"]]);
  assert.deepEqual(kinds("id 6f1c9a52-1111-2222-3333-444455556666"), [["uuid", "6f1c9a52-1111-2222-3333-444455556666"]]);
  assert.deepEqual(kinds("/var/log/app.log ./run C:\\tmp\\a"), [["path", "/var/log/app.log"], ["path", "./run"], ["path", "C:\\tmp\\a"]]);
  assert.deepEqual(kinds("-1.5e3 99% 2 MB x2 a1b"), [["number", "-1.5e3"], ["number", "99%"], ["number", "2 MB"]]);
  assert.deepEqual(kinds("it's 'so' and can't"), [["quoted", "'so'"]]);
  assert.deepEqual(kinds("Visit 新增 id 8348"), [["number", "8348"]]);
  assert.deepEqual(tokensOf("1 ".repeat(1_001)), []);
  assert.deepEqual([isLink("https://x"), isLink("javascript:alert(1)"), isLink("ws://x")], [true, false, false]);
});

test("no text of 2,000 characters takes long to split into tokens", () => {
  const fills = ["a", "1", "1.", "a.", "/a", "'", '"', "a=", "a:", "GET ", "GET x", "http://", "::", "0x", "-", "ab:", "C:\\", "status "];
  for (const fill of fills) {
    const start = cpuMs();
    tokensOf(fill.repeat(2_000 / fill.length));
    assert.ok(cpuMs() - start < 150, fill);
  }
});

test("a file has one line for each line, in their order, and is safe in a spreadsheet", () => {
  const published = [
    { text: '{"info":"2026-11-21 03:50:18.780 | ERROR | a:b:1 - =1+1, \\"x\\""}', channel: "a", time: T, publisherZone: "UTC" },
    { text: '{"message":"-2\\nmore","level":"info","user":"@me","n":-5,"@x":1}', channel: "新", time: T, publisherZone: "UTC" },
    { text: "\x1b[31mplain\x1b[0m", channel: "a", time: T, publisherZone: "UTC" },
  ];
  const whole = (format, options) => [...exportParts(published, format, { zone: "UTC", ...options })].join("");

  assert.equal(whole("ndjson"), published.map(({ text }) => `${text}\n`).join(""));
  assert.deepEqual(whole("txt").split("\n"), [
    '2026-11-21 03:50:18.780Z a ERROR a =1+1, "x"',
    "2026-11-21 03:50:18.780Z 新 INFO -2 ⏎ more user=@me n=-5 @x=1",
    "2026-11-21 03:50:18.780Z a plain",
    "",
  ]);
  assert.equal(
    whole("csv", { columns: ["time", "level", "message", "user", "n"] }),
    'time,level,message,user,n\r\n2026-11-21 03:50:18.780Z,ERROR,"\'=1+1, ""x""",,\r\n' +
      '2026-11-21 03:50:18.780Z,INFO,"\'-2\nmore",\'@me,\'-5\r\n2026-11-21 03:50:18.780Z,,plain,,\r\n',
  );
  // As the row: the chosen columns at the end, and not once more among the fields.
  const chosen = { columns: [...COLUMNS, "user"] };
  assert.equal(whole("txt", chosen).split("\n")[1], "2026-11-21 03:50:18.780Z 新 INFO -2 ⏎ more n=-5 @x=1 @me");
  assert.match(whole("csv", chosen), /,n=-5 @x=1,'@me\r\n/);
  assert.match(whole("txt", { zone: "Asia/Kolkata" }), /^2026-11-21 09:20:18.780\+05:30 /);
  for (const text of ["=1", "+1", "-1", "@a", "\ta", "＝1"]) assert.equal(csvCell(text).replace(/^"/, "")[0], "'");
  // Excel splits rows at semicolons where the comma is the decimal sign.
  for (const text of ["x;=1;y", "x; =1", "x\t@a", "x;;-1"]) assert.ok(!csvCell(text).split(/[;\t]/).some((part) => /^"? *[=@-]/.test(part)), text);
  assert.equal(fileName("csv", ["a/b", "c"], T), "a_b+c-2026-11-21T03-50-18Z.csv");
});

test("neither files nor copies contain terminal colours", () => {
  const coloured = "\x1b[31mred\x1b[0m";
  const text = JSON.stringify({ message: coloured, logger: coloured, level: coloured, user: coloured, said: `${coloured} and blue` });
  const file = (format) => [...exportParts([{ text, channel: "a", time: T }], format, { zone: "UTC", columns: ["level", "logger", "message", "user", "fields"] })].join("");

  assert.equal(file("csv").split("\r\n")[1], 'red,red,red,red,"user=red said=""red and blue"""');
  assert.ok(!/\x1b|\[31m/.test(file("txt")));
  assert.equal(fieldText("said", `${coloured} and blue`), 'said="red and blue"');
});

test("100,000 lines are exported, each once, in parts", () => {
  const lines = Array.from({ length: 100_000 }, (_, n) => ({ text: `{"message":"line ${n}","n":${n}}`, channel: "a", time: T }));
  let count = 0;
  let largest = 0;
  for (const part of exportParts(lines, "txt", { zone: "UTC" })) {
    largest = Math.max(largest, part.length);
    for (const line of part.trimEnd().split("\n")) assert.ok(line.includes(` line ${count} n=${(count += 1) - 1}`), line);
  }
  assert.equal(count, 100_000);
  assert.ok(largest < 70_000);
});

function listOf(texts) {
  return { first: 0, end: texts.length, seqAt: (row) => row };
}

test("find counts every match, goes round the ends, and follows added and removed lines", () => {
  const texts = Array.from({ length: 1_000 }, (_, n) => (n % 100 === 7 ? `a Time OUT ${n}` : `line ${n}`));
  const list = listOf(texts);
  const wanted = compileMatcher("time out");
  const find = new MatchIndex((seq) => wanted.test(texts[seq] ?? "time out"), list);

  assert.equal(find.search(1_000), true);
  assert.deepEqual([find.count, find.numberOf(207), find.numberOf(208)], [10, 3, 0]);
  assert.deepEqual([find.next(207, 1), find.next(208, -1), find.next(907, 1), find.next(7, -1), find.next(0, -1)], [307, 207, 7, 907, 907]);
  assert.deepEqual([...find.ticks(10)], new Array(10).fill(1));
  list.first = 208;
  list.end = 1_001;
  assert.equal(find.done, false);
  find.search(1_000);
  assert.deepEqual([find.count, find.numberOf(307)], [8, 1]);
  list.first = -2;
  find.search(1_000);
  assert.deepEqual([find.count, find.next(-1, -1)], [13, -2]);
});

test("find works in slices and marks its matches", () => {
  const texts = Array.from({ length: 100_000 }, (_, n) => `line ${n}`);
  const wanted = compileMatcher("/9{3}/");
  const find = new MatchIndex((seq) => wanted.test(texts[seq]), listOf(texts));

  let slices = 1;
  while (!find.search(1)) slices += 1;
  assert.ok(slices > 1);
  assert.equal(find.count, texts.filter((text) => text.includes("999")).length);
  assert.deepEqual(compileMatcher("ab").marks("abAB b"), [{ start: 0, end: 2 }, { start: 2, end: 4 }]);
  assert.deepEqual(compileMatcher("a.b (").marks("a.b ( axb"), [{ start: 0, end: 5 }]);
  assert.deepEqual(compileMatcher("/x*/").marks("axxb"), [{ start: 1, end: 3 }]);
  assert.match(compileMatcher("/(/").fault, /a \( is never closed/);
  assert.equal(compileMatcher(""), null);
  assert.equal(new MatchIndex(() => true, listOf([])).next(0, 1), null);
});

test("two channels published up to 200 ms late are released in the order of their times", () => {
  const order = new ReorderBuffer({ windowMs: 250 });
  const lines = Array.from({ length: 400 }, (_, n) => ({ sortKey: T + n * 10, channel: n % 2 ? "a" : "b", comes: T + n * 10 + ((n * 37) % 200) }));
  const out = [];

  for (let now = T; now < T + 5_000; now += 10) {
    for (const line of lines) if (line.comes >= now && line.comes < now + 10) order.push(line, line.comes);
    out.push(...order.release(now + 10));
  }

  assert.deepEqual(out.map(({ line }) => line.sortKey), lines.map(({ sortKey }) => sortKey));
  assert.ok(out.every(({ late }) => !late));
  assert.equal(order.waiting, 0);
});

test("a late line is flagged, never dropped", () => {
  const order = new ReorderBuffer({ windowMs: 250 });
  order.push({ sortKey: T + 100 }, T + 100);
  assert.deepEqual(order.release(T + 349), []);
  assert.equal(order.release(T + 350).length, 1);
  order.push({ sortKey: T }, T + 400);
  const [late] = order.release();

  assert.deepEqual([late.late, late.line.sortKey, order.waiting], [true, T, 0]);
});

/** The times shown and the keys of lines `[channel, ownTime, arrivedAt]`, from T on, and the channels that came late. */
function timesOf(lines, order = "auto") {
  const clocks = new Clocks();
  clocks.order = order;
  const times = new LineTimes(clocks);
  const found = lines.map(([channel, own, came]) => ({ ...times.of(channel, own === null ? null : T + own, T + came) }));
  return [found.map(({ shown }) => shown - T), found.map(({ key }) => key - T), clocks.settle()];
}

test("a line shows its own time if that can be right, and stands where it says", () => {
  const lines = [["a", -5_000, 0], ["b", 3_600_000, 2], ["b", -3_600_000, 3], ["b", -3_600_100, 4], ["c", 2_000, 10], ["c", null, 11], ["c", 1_900, 14]];

  const [shown, keys, late] = timesOf(lines);
  assert.deepEqual([shown, keys, late], [[-5_000, 2, 3, 4, 2_000, 11, 1_900], [-5_000, 2, 3, 4, 2_000, 2_000, 1_900], []]);
  assert.deepEqual(timesOf(lines, "line")[0], [-5_000, 3_600_000, -3_600_000, -3_600_100, 2_000, 11, 1_900]);
  assert.deepEqual(timesOf(lines, "arrival")[0], lines.map(([, , came]) => came));
});

test("a clock that is wrong by the same span is not believed, and lines that come late are", () => {
  const hour = 3_600_000;
  const wrong = Array.from({ length: 100 }, (_, n) => ["slow", n * 1_000 - hour, n * 1_000]);
  const file = Array.from({ length: 10 }, (_, n) => ["file", n * 1_000 - 26 * hour, n]);

  assert.deepEqual(timesOf(wrong), [wrong.map(([, , came]) => came), wrong.map(([, , came]) => came), []]);
  const [shown, , late] = timesOf(file);
  assert.deepEqual([shown.slice(6), late], [file.slice(6).map(([, own]) => own), ["file"]]);
  // A line without a time goes on where the line before it stands, if it comes with it.
  const mixed = [...file, ["file", null, 12], ["file", null, 13], ["file", null, 20_000]];
  assert.deepEqual(timesOf(mixed)[0].slice(-4), [9_000 - 26 * hour, 9_000 - 26 * hour, 9_000 - 26 * hour, 20_000]);
});

test("a tree keeps digits, order, duplicate keys and unusual names", () => {
  const text = '{"id":12345678901234567890, "f":1.50e+3,"a.b":{"c":[1,null,{"d":true}]},"id":"x\\u0041\\n","":""}';
  const tree = parseTree(text);

  const flat = [];
  const walk = (entries) => entries.forEach(({ name, path, node }) => (node.entries ? walk(node.entries) : flat.push([name, pathText(path), node.kind, node.text])));
  walk(tree.entries);
  assert.deepEqual(flat, [
    ["id", "id", "number", "12345678901234567890"],
    ["f", "f", "number", "1.50e+3"],
    ["a.b.c", '["a.b"].c[0]', "number", "1"],
    ["a.b.c", '["a.b"].c[1]', "null", "null"],
    ["a.b.c.d", '["a.b"].c[2].d', "boolean", "true"],
    ["id", "id", "string", '"x\\u0041\\n"'],
    ["", '[""]', "string", '""'],
  ]);
  assert.equal(tree.entries[3].node.value, "xA\n");
  assert.equal(tree.text, text);
});

test("JSON within a string is a tree of its own, and other text has no tree", () => {
  const inner = parseTree(JSON.stringify({ info: JSON.stringify({ level: 30 }) })).entries[0].node.inner;

  assert.deepEqual(inner.entries[0].node, { kind: "number", text: "30" });
  for (const text of ["", "x", "42", "{", '{"a":}', "[1,]", '{"a":1}}', '{"a" 1}', "{a:1}", "[01]", '["\n"]', '{"a":nul}', "[1 2]"]) assert.equal(parseTree(text), null, text);
  assert.deepEqual([parseTree("{}").entries, parseTree(" [ ] ").size], [[], 0]);
});

test("large and deep JSON is parsed fast", () => {
  const start = cpuMs();
  const deep = parseTree(`${'{"a":'.repeat(500)}"}{"${"}".repeat(500)}`);
  let node = deep;
  let levels = 0;
  for (; node.entries; levels += 1) node = node.entries[0].node;
  assert.deepEqual([levels, node.kind, node.text.startsWith('{"a":')], [50, "deep", true]);
  assert.equal(parseTree(JSON.stringify(Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`k${n}`, n])))).size, 10_000);
  const wide = parseTree(JSON.stringify({ list: Array.from({ length: 10_002 }, (_, n) => [n]), after: 1 }));
  assert.deepEqual([wide.entries[0].node.size, wide.entries[0].node.more, wide.entries[1].name], [10_000, "[10000],[10001]", "after"]);
  const many = parseTree(`[${new Array(50).fill(`[${new Array(5_000).fill(1).join()}]`).join()}]`);
  assert.deepEqual([many.size, many.entries[9].node.size, many.entries.at(-1).node.size < 5_000], [10, 4_990, true]);
  for (const char of ["x", "\\n", "新"]) assert.equal(parseTree(`{"a":"${char.repeat(1_000_000)}"}`).entries[0].node.value.length, 1_000_000);
  assert.equal(parseTree(`${"[".repeat(1_000_000)}`), null);
  assert.ok(cpuMs() - start < 3_000);
});

test("frames of libraries and of the application are told apart", () => {
  const kinds = (stack) => stackLines(stack).map(({ kind }) => kind);

  assert.deepEqual(
    kinds('Traceback (most recent call last):\n  File "/srv/a.py", line 1, in f\n    g()\n  File "/v/site-packages/x.py", line 2, in g\n    h()\nValueError: x'),
    ["text", "frame", "code", "library", "library", "text"],
  );
  assert.deepEqual(kinds("TypeError: x\n    at pay (/srv/a.js:4:7)\n    at node:internal/main:1:1\n    at q (/srv/node_modules/b.js:1:1)"), ["text", "frame", "library", "library"]);
  assert.deepEqual(kinds("java.lang.X: no\n\tat shop.A.b(A.java:1)\n\tat java.base/java.lang.T.run(T.java:1)\nCaused by: y"), ["text", "frame", "library", "text"]);
});

test("of a stack, frames of libraries in a row are folded under their name, and its errors are a chain", () => {
  const spring = Array.from({ length: 5 }, (_, n) => `\tat org.springframework.web.A${n}.b(A.java:${n})`);
  const java = ["java.lang.IllegalStateException: no stock", "\tat shop.Cart.pay(Cart.java:12)", ...spring, "\tat org.apache.x.Y.z(Y.java:1)", "\tat shop.Main.main(Main.java:3)",
    ...spring, "Caused by: java.net.SocketTimeoutException: gone", "\tat java.base/java.net.Socket.read(Socket.java:1)", "\t... 40 more"];
  const parts = stackParts(java.join("\n"));
  assert.deepEqual(parts.map(({ lines, frames, library }) => [lines.length, frames, library]), [
    [2, 0, null], [6, 6, null], [1, 0, null], [5, 5, "org.springframework"], [1, 0, null], [1, 0, null], [1, 0, null],
  ]);
  assert.deepEqual(chainOf(parts).map(({ name, part, line }) => [name, part, line]), [["IllegalStateException", 0, 0], ["SocketTimeoutException", 4, 0]]);
  assert.equal(parts.flatMap(({ lines }) => lines.map(({ text }) => text)).join("\n"), java.join("\n"));

  const frame = (path) => [`  File "${path}", line 1, in f`, "    f()"];
  const python = ["Traceback (most recent call last):", ...frame("/srv/app.py"), ...["a", "b", "c"].flatMap((name) => frame(`/x/site-packages/django/${name}.py`)), "KeyError: 'id'", "",
    "During handling of the above exception, another exception occurred:", "", "Traceback (most recent call last):", ...frame("/srv/app.py"), "shop.errors.CartError: no cart"];
  const found = stackParts(python.join("\n"));
  assert.deepEqual(found.map(({ frames, library }) => [frames, library]).filter(([frames]) => frames > 0), [[3, "django"]]);
  assert.deepEqual(chainOf(found).map(({ name }) => name), ["KeyError", "CartError"]);
});
