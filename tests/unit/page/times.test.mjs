// Times as people type them, zones, and units.

import assert from "node:assert/strict";
import { test } from "node:test";

import { parseMoment } from "../../../web/js/format/parse-time.js";
import { formatNamed, parseDuration, parseQuantity, parseSize, unitOfName } from "../../../web/js/format/units.js";
import { clockAt, momentOf, offsetAt, zoneFault, zoneText } from "../../../web/js/format/zones.js";

const NOW = Date.UTC(2026, 10, 21, 12, 0, 0);
const iso = (text, zone = "UTC") => {
  const moment = parseMoment(text, { now: NOW, zone });
  return moment === null ? null : new Date(moment).toISOString();
};

test("a time is parsed in every form", () => {
  const cases = {
    "03:50": "2026-11-21T03:50:00.000Z",
    "3:50": "2026-11-21T03:50:00.000Z",
    "03:50:18.78": "2026-11-21T03:50:18.780Z",
    "17:30": "2026-11-20T17:30:00.000Z",
    "-15m": "2026-11-21T11:45:00.000Z",
    "-1h30m": "2026-11-21T10:30:00.000Z",
    "- 2d": "2026-11-19T12:00:00.000Z",
    "yesterday 17:30": "2026-11-20T17:30:00.000Z",
    Yesterday: "2026-11-20T00:00:00.000Z",
    "today 17:30": "2026-11-21T17:30:00.000Z",
    now: "2026-11-21T12:00:00.000Z",
    "2026-11-21": "2026-11-21T00:00:00.000Z",
    "2026-11-21T03:50:18.789123Z": "2026-11-21T03:50:18.789Z",
    "2026-11-21 03:50": "2026-11-21T03:50:00.000Z",
    "2026-11-21T03:50:18+02:00": "2026-11-21T01:50:18.000Z",
    "2026-11-21T03:50:18 +0530": "2026-11-20T22:20:18.000Z",
    1795233018: "2026-11-21T03:50:18.000Z",
    1795233018.78: "2026-11-21T03:50:18.780Z",
    1795233018780: "2026-11-21T03:50:18.780Z",
    1795233018780000: "2026-11-21T03:50:18.780Z",
    1795233018780000000: "2026-11-21T03:50:18.780Z",
  };
  for (const [typed, expected] of Object.entries(cases)) assert.equal(iso(typed), expected, typed);
  for (const typed of ["", "soon", "25:00", "03:60", "-", "-15", "2026-02-30", "2026-13-01", "tomorrow"]) assert.equal(iso(typed), null, typed);
});

test("a time of day is in the requested zone", () => {
  assert.equal(iso("03:50", "Asia/Kolkata"), "2026-11-20T22:20:00.000Z");
  assert.equal(iso("yesterday 17:30", "America/New_York"), "2026-11-20T22:30:00.000Z");
  assert.equal(iso("2026-07-01 12:00", "Europe/Berlin"), "2026-07-01T10:00:00.000Z");
  assert.equal(iso("2026-07-01 12:00Z", "Europe/Berlin"), "2026-07-01T12:00:00.000Z");
});

test("zones have the right offsets, even when their clocks jump", () => {
  assert.equal(offsetAt("Asia/Kolkata", NOW), 330);
  assert.equal(offsetAt("Europe/Berlin", Date.UTC(2026, 6, 1)), 120);
  assert.equal(offsetAt(-210, NOW), -210);
  assert.equal(offsetAt("local", NOW), -new Date(NOW).getTimezoneOffset());
  // 02:30 does not exist in the night of the jump, and comes twice in that of the jump back.
  const spring = momentOf({ year: 2026, month: 3, day: 29, hour: 2, minute: 30 }, "Europe/Berlin");
  const autumn = momentOf({ year: 2026, month: 10, day: 25, hour: 2, minute: 30 }, "Europe/Berlin");
  assert.equal(new Date(spring).toISOString(), "2026-03-29T01:30:00.000Z");
  assert.equal(new Date(autumn).toISOString(), "2026-10-25T00:30:00.000Z");
  assert.deepEqual(clockAt("Asia/Shanghai", Date.UTC(2026, 11, 31, 20, 1, 2, 3)), {
    year: 2027, month: 1, day: 1, weekday: 5, hour: 4, minute: 1, second: 2, ms: 3,
  });
  for (const zone of ["local", "UTC", "Pacific/Chatham", "America/St_Johns", 345]) {
    for (let at = Date.UTC(2026, 0, 1, 0, 7); at < Date.UTC(2027, 0, 1); at += 5.3e7) {
      const again = momentOf(clockAt(zone, at), zone);
      assert.ok(again === at || at - again === 3_600_000, `${zone} ${at}`);
    }
  }
  assert.deepEqual([zoneFault("Asia/Tokyo"), zoneFault("UTC"), zoneFault("Mars/Base")], [null, null, "There is no time zone “Mars/Base”."]);
  assert.deepEqual([zoneText("UTC", NOW), zoneText("Asia/Kolkata", NOW), zoneText(-210, NOW)], ["UTC", "Asia/Kolkata (UTC+05:30)", "UTC-03:30"]);
});

test("numbers with units are durations in ms and sizes in bytes", () => {
  assert.deepEqual([parseDuration("10ms"), parseDuration("1m30.5s"), parseDuration("2 h"), parseDuration("5µs")], [10, 90_500, 7_200_000, 0.005]);
  assert.deepEqual([parseSize("2MB"), parseSize("1 KiB"), parseSize("7B"), parseSize("1.5G")], [2_000_000, 1_024, 7, 1.5e9]);
  assert.deepEqual(parseQuantity("1e3"), { kind: "number", value: 1_000 });
  for (const text of ["", "ms", "10 parrots", "1,5s", "0x10", "1 2"]) assert.equal(parseQuantity(text), null, text);
  assert.deepEqual([unitOfName("took_us").factor, unitOfName("durationMs").factor, unitOfName("body_bytes").kind], [0.001, 1, "size"]);
  assert.deepEqual([formatNamed("took_us", 90_500), formatNamed("took", 90_500), formatNamed("body_bytes", 2_500), formatNamed("load", 0.12345)], ["90.5 ms", "90500", "2.5 kB", "0.123"]);
  assert.deepEqual([unitOfName("took"), unitOfName("items"), unitOfName("status")], [null, null, null]);
});
