// Lines published twice are shown once.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Ingest } from "../../../web/js/store/ingest.js";
import { SeenLineIds } from "../../../web/js/protocol/line-ids.js";
import { Ring } from "../../../web/js/store/ring.js";
import { Series } from "../../../web/js/store/series.js";
import { FilteredList } from "../../../web/js/store/filtered-list.js";

const line = (n, id) => `{"message":"${n}","line_id":"${id}"}`;

test("a line id is valid only as the last member of the object, and within its channel", () => {
  const ids = new SeenLineIds();
  const seen = (channel, id, text) => ids.isRepeat(channel, id, text);

  assert.deepEqual([seen("a", "1-1", line(1, "w-1")), seen("a", "1-2", line(1, "w-1"))], [false, true]);
  assert.deepEqual([seen("b", "1-1", line(1, "w-1")), seen("a", "1-1", line(1, "w-1"))], [false, false]);
  assert.equal(seen("a", "1-3", '{"m": 1, "line_id" : "w-1" }'.trimEnd()), true);
  for (const text of ['{"line_id":"w-1","m":1}', '{"a":{"line_id":"w-1"}}', '{"m":"\\"line_id\\":\\"w-1\\"}"}', "plain", "}", '{"line_id":1}']) {
    assert.equal(seen("a", "1-9", text), false, text);
  }
});

test("a line that was published twice is held once, both live and from the log", () => {
  const ring = new Ring(100);
  const list = new FilteredList(ring);
  const ingest = new Ingest(ring, list, new Series());

  ingest.addLines([["5-1", "a", line(1, "w-1")], ["6-1", "a", line(1, "w-1")], ["6-2", "a", line(2, "w-2")]], 0);
  const shown = ingest.addOlder({ lines: [["1-1", "a", line(0, "w-0")], ["2-1", "a", line(2, "w-2")]], gaps: [] });

  assert.deepEqual([ring.held, shown, ingest.duplicates], [3, 1, 2]);
});

test("a forgotten line may be added again", () => {
  const ring = new Ring(100);
  const ingest = new Ingest(ring, new FilteredList(ring), new Series());
  const lines = [["5-1", "a", line(1, "w-1")]];

  ingest.addLines(lines, 0);
  ingest.forget(() => false);
  ingest.addLines(lines, 0);

  assert.equal(ring.held, 1);
});
