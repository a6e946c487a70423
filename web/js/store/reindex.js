// Works out again, for lines in the ring, which lines continue others, their own times and their sort keys.

import { MultilineJoiner } from "./multiline.js";
import { SortKeys } from "./reorder-buffer.js";
import { normalise } from "../normalise/index.js";

/** Reindex the lines before the seq `to`, which must be in the order of arrival; `zones`: see PublisherZones. */
export function reindex(ring, to, zones) {
  const joiner = new MultilineJoiner();
  const sortKeys = new SortKeys();
  let newest = -Infinity;
  for (let seq = ring.first; seq < to; seq += 1) {
    const arrivedAt = ring.arrivedAt(seq);
    const channel = ring.channel(seq);
    const record = ring.isNote(seq) ? null : normalise(ring.text(seq), arrivedAt, { zone: zones.of(channel) });
    const ownTime = record?.ts ?? arrivedAt;
    // A note stays behind the line before it.
    const sortKey = record ? sortKeys.keyOf(channel, ownTime, arrivedAt) : newest;
    newest = Math.max(newest, sortKey);
    ring.setTimes(seq, ownTime, sortKey);
    const head = record && joiner.add(channel, record, arrivedAt, seq);
    if (head !== null) ring.continueFrom(seq, head);
    if (record) for (const [earlier, its] of joiner.earlier) ring.continueFrom(earlier, its);
  }
}

/** Read the times of the lines of these channels again. */
export function rereadTimes(ring, channels, zones) {
  const sortKeys = new SortKeys();
  for (let seq = ring.first; seq < ring.end; seq += 1) {
    const channel = ring.channel(seq);
    if (!channels.has(channel) || ring.isNote(seq)) continue;
    const arrivedAt = ring.arrivedAt(seq);
    const { ts } = normalise(ring.text(seq), arrivedAt, { zone: zones.of(channel) });
    ring.setTimes(seq, ts, sortKeys.keyOf(channel, ts, arrivedAt));
  }
}
