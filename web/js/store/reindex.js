// Lines that are in the ring, once all of them are there: what goes on with what, when each was, and by what it is ordered.

import { Groups } from "./multiline.js";
import { Places } from "./reorder-buffer.js";
import { normalise } from "../normalise/index.js";

/** The first lines, up to the seq `to`, in the order in which they were told; `reading`: see normalise(). */
export function arrange(ring, to, reading) {
  const groups = new Groups();
  const places = new Places();
  let newest = -Infinity;
  for (let seq = ring.first; seq < to; seq += 1) {
    const time = ring.time(seq);
    const channel = ring.channel(seq);
    const record = ring.isNote(seq) ? null : normalise(ring.text(seq), time, reading);
    const moment = record?.ts ?? time;
    // A note stays behind what it was behind.
    const at = record ? places.of(channel, moment, time) : newest;
    newest = Math.max(newest, at);
    ring.setTimes(seq, moment, at);
    const head = record && groups.take(channel, record, time, seq);
    if (head !== null) ring.join(seq, head);
  }
}
