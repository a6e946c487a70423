// Works out again, for lines in the ring, which lines continue others, their times and their sort keys.

import { LineTimes } from "./line-times.js";
import { MultilineJoiner } from "./multiline.js";
import { normalise } from "../normalise/index.js";

/** Reindex the lines before the seq `to`, which must be in the order of arrival; `zones`: see PublisherZones, `clocks`: see Clocks. */
export function reindex(ring, to, zones, clocks) {
  const joiner = new MultilineJoiner();
  const times = new LineTimes(clocks);
  for (let seq = ring.first; seq < to; seq += 1) {
    if (ring.isNote(seq)) continue;
    const record = place(ring, seq, zones, times);
    const head = joiner.add(ring.channel(seq), record, ring.arrivedAt(seq), seq);
    if (head !== null) ring.continueFrom(seq, head);
    for (const [earlier, its] of joiner.earlier) ring.continueFrom(earlier, its);
  }
  placeNotes(ring, to);
}

/** Read the times of all lines of these channels again; null: of every channel. */
export function rereadTimes(ring, channels, zones, clocks) {
  const seqs = [];
  for (let seq = ring.first; seq < ring.end; seq += 1) if (!ring.isNote(seq) && (channels === null || channels.has(ring.channel(seq)))) seqs.push(seq);
  // Lines that were sorted by other times are read in the order in which they came.
  seqs.sort((one, other) => ring.arrivedAt(one) - ring.arrivedAt(other));
  const times = new LineTimes(clocks);
  for (const seq of seqs) place(ring, seq, zones, times);
  placeNotes(ring, ring.end);
}

function place(ring, seq, zones, times) {
  const [channel, arrivedAt] = [ring.channel(seq), ring.arrivedAt(seq)];
  const record = normalise(ring.text(seq), arrivedAt, { zone: zones.of(channel) });
  const { shown, key } = times.of(channel, ownTimeOf(record), arrivedAt);
  ring.setTimes(seq, record.ts, shown, key);
  return record;
}

/** The time that a record names, or null. */
export const ownTimeOf = ({ ts, tsFrom }) => (tsFrom === "line" ? ts : null);

// A note stays behind the line before it; one without any stays before the next line.
function placeNotes(ring, to) {
  let key = null;
  for (let seq = to - 1; seq >= ring.first; seq -= 1) {
    if (ring.isNote(seq)) move(ring, seq, Math.min(ring.arrivedAt(seq), key ?? Infinity));
    else key = ring.sortKey(seq);
  }
  key = null;
  for (let seq = ring.first; seq < to; seq += 1) {
    if (!ring.isNote(seq)) key = ring.sortKey(seq);
    else if (key !== null) move(ring, seq, key);
  }
}

function move(ring, seq, key) {
  const at = ring.arrivedAt(seq);
  ring.setTimes(seq, at, at, key);
}
