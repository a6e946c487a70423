// From the wire into the ring: what is held already is dropped by (channel, id), a gap or a closed publisher becomes a
// note, and each line's level is found once, here.
//
//     stream --> Intake.lines() / .gap() --> ring, view list, series
//     older  --> Intake.older()          --> ring, view list

import { isAfter, parseId, positionOf, timeOfId } from "./ids.js";
import { LineIds } from "./line-ids.js";
import { measurementOf, normalise } from "./normalise/index.js";

// Older than this on arrival, and a line was replayed: the fence in its id says better when it was published.
const REPLAYED_MS = 2_500;
const MOST_GAPS_KNOWN = 1_000;

export class Intake {
  #ring;
  #view;
  #series;
  #last = new Map();
  #gapsKnown = new Set();
  #lineIds = new LineIds();

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
      if (parsed && (this.#held(channel, parsed) || this.#repeated(channel, id, line))) continue;
      this.received += 1;
      this.lastId = id;
      closed = this.#line(channel, parsed, line, now) ? channel : null;
    }
    if (batch.length > 0) this.lastLineAt = now;
    return closed;
  }

  /** Take a `gap` event: lines of a channel that will not come. One that is told again is dropped. */
  gap(gap, now) {
    const note = this.#noteOf(gap);
    if (note) this.#view.offer(this.#ring.appendNote(gap.channel ?? "", null, note, now));
  }

  /**
   * Take one page of the log, `{lines, gaps}`, oldest first: put it above what is held, as far as there is room, each gap
   * at its place. Returns how many of its rows are shown.
   */
  older({ lines, gaps }, now) {
    const oldest = this.#ring.oldestIds();
    const told = gaps.map((gap) => [edgeOf(gap), gap]).sort(([one], [other]) => (isAfter(one, other) ? 1 : -1));
    let shown = 0;
    for (const [id, channel, line] of lines.toReversed()) {
      const parsed = parseId(id);
      if (!parsed) continue;
      while (told.length > 0 && isAfter(told.at(-1)[0], parsed)) shown += this.#olderGap(...told.pop());
      const known = oldest.get(channel);
      if (known && !isAfter(known, parsed)) {
        this.dupes += 1;
        continue;
      }
      if (this.#repeated(channel, id, line)) continue;
      if (this.#ring.room === 0) return shown;
      oldest.set(channel, parsed);
      // The stream may yet bring it, when it had brought no line of this channel so far.
      if (!this.#last.has(channel)) this.#last.set(channel, parsed);
      this.received += 1;
      shown += this.#view.offerOlder(this.#olderLine(channel, parsed, line, now));
    }
    while (told.length > 0) shown += this.#olderGap(...told.pop());
    return shown;
  }

  /** Note that a channel is watched from here on, among lines of others that are held. */
  joined(channel, now) {
    if (this.#ring.held > 0) this.#view.offer(this.#ring.appendNote(channel, null, { kind: "joined", channel }, now));
  }

  /** Forget the lines of every channel that `keep(channel)` refuses. */
  forget(keep) {
    this.#ring.retain(keep);
    this.#series.retain(keep);
    this.#gapsKnown.clear();
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

  #repeated(channel, id, line) {
    const repeated = this.#lineIds.repeats(channel, id, line);
    if (repeated) this.dupes += 1;
    return repeated;
  }

  #line(channel, id, line, now) {
    const time = timeOfLine(id, now);
    if (time === now) this.live += 1;
    const record = normalise(line, time);
    if (record.event === "closed") {
      this.#view.offer(this.#ring.appendNote(channel, id, { kind: "closed", channel, raw: line }, time));
      return true;
    }
    this.#view.offer(this.#ring.append(channel, id, line, record.lvl, time, record.ts));
    const numbers = measurementOf(record);
    if (numbers) this.#series.add(channel, record.ts, numbers);
    return false;
  }

  #olderLine(channel, id, line, now) {
    const time = timeOfLine(id, now);
    const { lvl, ts, event } = normalise(line, time);
    if (event === "closed") return this.#ring.prependNote(channel, id, { kind: "closed", channel, raw: line }, time);
    return this.#ring.prepend(channel, id, line, lvl, time, ts);
  }

  #olderGap(edge, gap) {
    const note = this.#ring.room > 0 && this.#noteOf(gap);
    return note ? this.#view.offerOlder(this.#ring.prependNote(gap.channel ?? "", null, note, edge.fence)) : false;
  }

  #noteOf({ channel, after, before, lost, reason }) {
    // Told again, it may begin later: after what the reader had then.
    const key = JSON.stringify([channel, before, reason]);
    if (before && this.#gapsKnown.has(key)) return null;
    if (this.#gapsKnown.size >= MOST_GAPS_KNOWN) this.#gapsKnown.clear();
    this.#gapsKnown.add(key);
    this.gaps += 1;
    this.dropped += Number.isFinite(lost) ? lost : 0;
    return { kind: "gap", channel, lost, reason, from: timeOfId(after), to: timeOfId(before) };
  }
}

const timeOfLine = (id, now) => (id && now - id.fence > REPLAYED_MS ? id.fence : now);

// A gap stands right above the first line after it.
function edgeOf({ after, before }) {
  const last = positionOf(after);
  return positionOf(before) ?? { fence: last?.fence ?? 0, count: (last?.count ?? -1) + 1 };
}
