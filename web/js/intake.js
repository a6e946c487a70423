// From the wire into the ring: what is held already is dropped by (channel, id), a gap or a closed publisher becomes a
// note, and each line's level is found once, here.
//
//     stream --> Intake.lines() / .gap() --> ring, view list, series

import { isAfter, parseId, timeOfId } from "./ids.js";
import { measurementOf, normalise } from "./normalise/index.js";

// Older than this on arrival, and a line was replayed: the fence in its id says better when it was published.
const REPLAYED_MS = 2_500;

export class Intake {
  #ring;
  #view;
  #series;
  #last = new Map();

  constructor(ring, view, series) {
    this.#ring = ring;
    this.#view = view;
    this.#series = series;
    this.received = 0;
    this.live = 0;
    this.dupes = 0;
    this.gaps = 0;
    this.dropped = 0;
    this.lastId = null;
    this.lastLineAt = null;
  }

  /** Take one batch `[[id, channel, line], …]`. Returns the channel whose publisher's "closed" ended it, or null. */
  lines(batch, now) {
    let closed = null;
    for (const [id, channel, line] of batch) {
      const parsed = parseId(id);
      if (parsed && this.#held(channel, parsed)) continue;
      this.received += 1;
      this.lastId = id;
      closed = this.#line(channel, parsed, line, now) ? channel : null;
    }
    if (batch.length > 0) this.lastLineAt = now;
    return closed;
  }

  /** Take a `gap` event: lines of a channel that will not come. */
  gap(gap, now) {
    this.gaps += 1;
    this.dropped += Number.isFinite(gap.lost) ? gap.lost : 0;
    const note = { kind: "gap", channel: gap.channel, lost: gap.lost, reason: gap.reason };
    note.from = timeOfId(gap.after);
    note.to = timeOfId(gap.before);
    this.#view.offer(this.#ring.appendNote(gap.channel ?? "", null, note, now));
  }

  /** Forget the lines of every channel that `keep(channel)` refuses. */
  forget(keep) {
    this.#ring.retain(keep);
    this.#series.retain(keep);
    for (const channel of [...this.#last.keys()]) if (!keep(channel)) this.#last.delete(channel);
  }

  #held(channel, id) {
    const last = this.#last.get(channel);
    if (last && !isAfter(id, last)) {
      this.dupes += 1;
      return true;
    }
    this.#last.set(channel, id);
    return false;
  }

  #line(channel, id, line, now) {
    const replayed = id && now - id.fence > REPLAYED_MS;
    const time = replayed ? id.fence : now;
    if (!replayed) this.live += 1;
    const record = normalise(line, time);
    if (record.event === "closed") {
      this.#view.offer(this.#ring.appendNote(channel, id, { kind: "closed", channel, raw: line }, time));
      return true;
    }
    this.#view.offer(this.#ring.append(channel, id, line, record.lvl, time));
    const numbers = measurementOf(record);
    if (numbers) this.#series.add(channel, record.ts, numbers);
    return false;
  }
}
