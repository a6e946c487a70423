// Times without a zone: a channel has one, found from lines that came live. F1 and C2 of issue 15.

import assert from "node:assert/strict";
import { test } from "node:test";

import { clockAt } from "../../../web/js/format/zones.js";
import { Ingest } from "../../../web/js/store/ingest.js";
import { Lists } from "../../../web/js/store/lists.js";
import { PublisherZones } from "../../../web/js/store/publisher-zones.js";
import { Ring } from "../../../web/js/store/ring.js";
import { Series } from "../../../web/js/store/series.js";

const HOUR = 3_600_000;
const MINUTE = 60_000;
// Midday, so that the day lies within one day of no zone.
const START = Date.UTC(2026, 10, 21, 12, 0, 0);
const ZONES = { utc: "UTC", tokyo: "Asia/Tokyo", york: "America/New_York" };
const READERS = ["UTC", "Europe/Berlin"];

/** Calls `run()` with the reader in each of some zones. */
function forReaders(run) {
  const zone = process.env.TZ;
  try {
    for (const reader of READERS) {
      process.env.TZ = reader;
      run(reader);
    }
  } finally {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  }
}

// The same numbers in each run.
let seed = 1;
const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;

function page() {
  const ring = new Ring(20_000);
  const lists = new Lists(ring);
  return { ring, lists, ingest: new Ingest(ring, lists, new Series()) };
}

const FORMS = [
  (text) => `${text.replace(".", ",")} - my.app - INFO - m`,
  (text) => JSON.stringify({ asctime: text.replace(".", ","), levelname: "INFO", message: "m" }),
  (text) => `{"info":"${text} | INFO | a:b:1 - m"}`,
];

/** What the clock of a zone shows at `ms`, as ISO text. */
function wallText(zone, ms) {
  const { year, month, day, hour, minute, second, ms: rest } = clockAt(zone, ms);
  return new Date(Date.UTC(year, month - 1, day, hour, minute, second, rest)).toISOString().slice(0, 23).replace("T", " ");
}

/** One line a minute for a day, `{channel, zone, written}`. */
const dayOf = (channel, zone) => Array.from({ length: 24 * 60 }, (_, n) => ({ channel, zone, written: START + n * MINUTE + Math.floor(random() * MINUTE) }));
const live = (line) => ({ ...line, came: line.written + Math.floor(random() * 900) });
/** All of them shipped at once, in two seconds. */
const shippedAt = (lines, at) => lines.map((line, n) => ({ ...line, came: at + Math.floor((2_000 * n) / lines.length) }));

/** The rows of lines in the order they came, as the hub sends them, and the time of each by id. */
function rowsOf(lines) {
  const sorted = lines.toSorted((one, other) => one.came - other.came);
  const counts = new Map();
  const truth = new Map();
  const rows = sorted.map(({ channel, zone, written, came }, n) => {
    const fence = Math.floor(came / 1_000) * 1_000;
    const count = (counts.get(`${channel} ${fence}`) ?? 0) + 1;
    counts.set(`${channel} ${fence}`, count);
    truth.set(`${channel}@${fence}-${count}`, written);
    return [`${fence}-${count}`, channel, FORMS[n % FORMS.length](wallText(zone, written)), came];
  });
  return { rows, truth };
}

/** How the page shows these rows: live as they come, and after a reload with the rest loaded from the log. */
function* shownPages(rows) {
  const streamed = page();
  for (let n = 0; n < rows.length; n += 1) streamed.ingest.addLines([rows[n]], rows[n][3] + 20);
  yield ["live", streamed];
  const reloaded = page();
  reloaded.ingest.addLines(rows.slice(-500), rows.at(-1)[3] + HOUR);
  for (let to = rows.length - 500; to > 0; to -= 500) reloaded.ingest.addOlder({ lines: rows.slice(Math.max(0, to - 500), to), gaps: [] });
  yield ["reloaded", reloaded];
}

/** Every line is shown with its time, and in the order of its channel. */
function assertTrue(lines, what, besides = 0) {
  const { rows, truth } = rowsOf(lines);
  for (const [how, { ring }] of shownPages(rows)) {
    assert.equal(ring.held, rows.length);
    const wrong = [];
    for (let seq = ring.first; seq < ring.end; seq += 1) {
      const error = ring.ownTime(seq) - truth.get(`${ring.channel(seq)}@${ring.id(seq)}`);
      if (Math.abs(error) > 1_000) wrong.push(`${ring.channel(seq)} ${new Date(ring.arrivedAt(seq)).toISOString()} ${error / HOUR} h`);
    }
    assert.ok(wrong.length <= besides, `${what}, ${how}: ${wrong.length} wrong: ${wrong.slice(0, 5).join("; ")}`);
  }
}

const everyDay = (change) => Object.entries(ZONES).flatMap(([channel, zone]) => change(dayOf(channel, zone)));

test("F1: a day of live lines of publishers in three zones has their times", () => {
  forReaders((reader) => assertTrue(everyDay((lines) => lines.map(live)), reader));
});

test("F1: a day shipped late, and what is written afterwards, has its times", () => {
  const ended = START + 24 * HOUR;
  forReaders((reader) => {
    for (const late of [47 * MINUTE, 3 * HOUR]) {
      const lines = everyDay((day) => {
        const later = day.slice(0, 30).map((line) => ({ ...line, written: line.written + 24 * HOUR + late }));
        return [...shippedAt(day, ended + late), ...later.map(live)];
      });
      assertTrue(lines, `${reader}, ${late / MINUTE} min late`);
    }
  });
});

test("F1: an outage of hours between live lines, caught up at once, changes no time", () => {
  forReaders((reader) => {
    const lines = everyDay((day) => [...day.slice(0, 400).map(live), ...shippedAt(day.slice(400, 700), day[700].written), ...day.slice(700).map(live)]);
    assertTrue(lines, reader);
  });
});

test("F1: live lines and lines that are late by any time, one by one, have their times", () => {
  forReaders((reader) => {
    const lines = everyDay((day) => day.map((line) => (random() < 0.5 ? live(line) : { ...line, came: line.written + Math.floor(random() * 14 * HOUR) })));
    assertTrue(lines, reader);
  });
});

test("F1: lines that are only late are local, and not in the future", () => {
  forReaders((reader) => {
    const day = dayOf("app", reader);
    assertTrue(day.map((line) => ({ ...line, came: line.written + Math.floor(random() * 14 * HOUR) })), `${reader}, one by one`);
    for (const late of [0, 47 * MINUTE, 9 * HOUR]) assertTrue(shippedAt(day, day.at(-1).written + late), `${reader}, at once`);
    // The file of somebody further east, up to its last line.
    assertTrue(shippedAt(dayOf("app", "Pacific/Auckland"), START + 24 * HOUR), `${reader}, from the east`);
  });
});

test("F1: publishers in three zones on one channel have their times while they are live", () => {
  forReaders((reader) => {
    const mixed = Object.values(ZONES).flatMap((zone) => dayOf("all", zone).map(live));
    assertTrue(mixed, reader);
    // The zone of a late line can't be known then: it is the most frequent one, for all of them.
    const late = shippedAt(dayOf("all", "Asia/Tokyo").slice(0, 100), START + 20 * HOUR);
    assertTrue([...mixed, ...late], `${reader}, with late lines`, 101);
  });
});

test("F1: one line shows the zone of its channel if it would lie hours in the future, several lines do else", () => {
  process.env.TZ = "UTC";
  const zones = new PublisherZones();
  const observe = (channel, hours, count, lateMs = 100) => {
    for (let n = 0; n < count; n += 1) zones.observe(channel, START + n * 7_000 - lateMs + hours * HOUR, START + n * 7_000);
    return zones.settle();
  };

  assert.deepEqual([observe("east", 5.5, 1), zones.of("east")], [["east"], 330]);
  assert.deepEqual([observe("west", -5, 1), zones.of("west")], [[], null]);
  assert.deepEqual([observe("west", -5, 3), zones.of("west")], [["west"], -300]);
  // A publisher whose clock is three minutes wrong.
  assert.deepEqual([observe("fast", -3, 3, -180_000), zones.of("fast")], [["fast"], -180]);
  // Another zone on the same channel, for a while: both are known from then on.
  assert.deepEqual([observe("east", 5.5, 20), observe("east", 0, 9), observe("east", 0, 8)], [[], [], ["east"]]);
  const of = zones.of("east");
  assert.deepEqual([of(START + 5.5 * HOUR, START), of(START, START), of(START - 7 * HOUR, START)], [330, 0, 330]);
  zones.choose("Asia/Tokyo");
  assert.deepEqual([zones.of("east"), zones.of("new"), observe("new", 2, 3)], ["Asia/Tokyo", "Asia/Tokyo", []]);
  zones.choose(null);
  assert.deepEqual([zones.of("new"), zones.of("unknown")], [120, null]);
  zones.retain((channel) => channel !== "new");
  assert.equal(zones.of("new"), null);
});

test("F1: when a publisher's clock changes to winter time, its lines before and after have their times", () => {
  forReaders((reader) => {
    const changed = Date.UTC(2026, 9, 25, 1, 0, 0);
    const lines = Array.from({ length: 600 }, (_, n) => live({ channel: "app", zone: "Europe/Lisbon", written: changed + (n - 300) * MINUTE }));
    assertTrue(lines, reader);
  });
});

test("F1: the zone is found in less than 2 µs of CPU a line", () => {
  const zones = new PublisherZones();
  const start = process.cpuUsage();
  for (let n = 0; n < 100_000; n += 1) zones.observe("app", START + n * 10 + 9 * HOUR, START + n * 10 + 50);
  zones.settle();
  const { user, system } = process.cpuUsage(start);

  assert.equal(zones.of("app"), 540);
  assert.ok(user + system < 200_000, `${(user + system) / 100_000} µs`);
});
