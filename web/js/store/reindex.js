// Lines that are in the ring, once all of them are there: what goes on with what, when each was, and by what it is ordered.

import { MultilineJoiner } from "./multiline.js";
import { SortKeys } from "./reorder-buffer.js";
import { normalise } from "../normalise/index.js";

/** The first lines, up to the seq `to`, in the order in which they were told; `reading`: see normalise(). */
export function reindex(ring, to, reading) {
  const joiner = new MultilineJoiner();
  const sortKeys = new SortKeys();
  let newest = -Infinity;
  for (let seq = ring.first; seq < to; seq += 1) {
    const arrivedAt = ring.arrivedAt(seq);
    const channel = ring.channel(seq);
    const record = ring.isNote(seq) ? null : normalise(ring.text(seq), arrivedAt, reading);
    const ownTime = record?.ts ?? arrivedAt;
    // A note stays behind what it was behind.
    const sortKey = record ? sortKeys.keyOf(channel, ownTime, arrivedAt) : newest;
    newest = Math.max(newest, sortKey);
    ring.setTimes(seq, ownTime, sortKey);
    const head = record && joiner.add(channel, record, arrivedAt, seq);
    if (head !== null) ring.continueFrom(seq, head);
  }
}
