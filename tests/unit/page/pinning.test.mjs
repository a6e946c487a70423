// The rows that say where a filter was pinned, and where no more.

import assert from "node:assert/strict";
import { test } from "node:test";

import { PinNotes } from "../../../web/js/store/pin-notes.js";

const pinned = (filter) => ({ kind: "pinned", filter });
const unpinned = (filter) => ({ kind: "unpinned", filter });

function told(...steps) {
  const notes = new PinNotes();
  let now = 0;
  for (const step of steps) {
    now += 1;
    if (step === "live") notes.accept(now);
    else if (step === "error") notes.refuse();
    else notes.ask(step);
  }
  return notes.take().map(([{ kind, filter }, at]) => `${kind} ${filter} at ${at}`);
}

test("a filter that is pinned and unpinned again and again, without a line between, is told once", () => {
  const again = [pinned("a"), "live", unpinned("a"), "live"];
  assert.deepEqual(told(...again), ["pinned a at 2", "unpinned a at 4"]);
  assert.deepEqual(told(...again, ...again, ...again), ["pinned a at 2", "unpinned a at 12"]);
  assert.deepEqual(told(...again, pinned("a"), "live"), ["pinned a at 2"]);
  assert.deepEqual(told(...again, pinned("b"), "live"), ["pinned a at 2", "unpinned a at 4", "pinned b at 6"]);
});

test("what the hub has not accepted is not told", () => {
  assert.deepEqual(told(pinned("a")), []);
  assert.deepEqual(told(pinned("a"), unpinned("a"), "live", "live"), []);
  assert.deepEqual(told(pinned("a"), "error", unpinned("a"), "live"), []);
  assert.deepEqual(told(pinned("a"), "live", unpinned("a"), pinned("a"), "live"), ["pinned a at 2"]);
  assert.deepEqual(told(pinned("a"), "error", unpinned("a"), "live", pinned("a"), "live", unpinned("a"), "live"), ["pinned a at 6", "unpinned a at 8"]);
});
