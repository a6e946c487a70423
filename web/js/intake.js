// From the wire into the ring: what is held already is dropped by (channel, id), a gap or a closed publisher becomes a
// note, and each line's level is found once, here.
//
//     stream --> Intake.lines() / .gap() --> ring, view list, series
//     older  --> Intake.older()          --> ring, view list

import { MARKERS } from "./channels.js";
import { firstLine } from "./format.js";
import { Gaps, MOST_KNOWN } from "./gaps.js";
import { Groups } from "./groups.js";
import { edgeOf, isAfter, parseId } from "./ids.js";
import { LineIds } from "./line-ids.js";
import { MergeOrder } from "./merge-order.js";
import { measurementOf, normalise } from "./normalise/index.js";

// Older than this on arrival, and a line was replayed: the fence in its id says better when it was published.
const REPLAYED_MS = 2_500;
const REPLAY_RESTS_MS = 1_000;
const FARTHEST_LATE = 5_000;
const MOST_CHANNELS_KNOWN = 50_000;

export class Intake {
  #ring;
  #view;
  #series;
  #last = new Map();
  #lineIds = new LineIds();
  #order = new MergeOrder({ windowMs: 0 });
  #groups = new Groups();
  #markersHeld = new Set();

  constructor(ring, view, series) {
    this.#ring = ring;
    this.#view = view;
    this.#series = series;
    this.received = 0;
    this.live = 0;
    this.dupes = 0;
    /** The gaps among the lines, and how many lines they were. */
    this.told = new Gaps();
    this.lastId = null;
    this.lastLineAt = null;
    /** How long the newest live line had been on its way by its own clock, in ms; below 0 where that is ahead. */
    this.lag = null;
    /** While lines of before come: `{since, at, to}`, when they began to, the last one came, and that one's time; else null. */
    this.replay = null;
    /** By how many ms the clock of `now` is ahead of the one in the ids. */
    this.ahead = 0;
    /** True for a channel whose lines are wanted; what is told of others is not shown. */
    this.watches = () => true;
    /** Called with the seq and the record of each line, not of a note, that is taken in. */
    this.onLine = null;
    /** Called with the text of each line that is new. */
    this.onNew = null;
    /** Called with the seq and the record of a late line that was put before others, whose seqs are one higher now. */
    this.onInsert = null;
  }

  /** Take one batch `[[id, channel, line], …]`. Returns the channel whose publisher's "closed" ended it, or null. */
  lines(batch, now) {
    let closed = null;
    for (const [id, channel, line] of batch) {
      const parsed = parseId(id);
      if (parsed && (this.#held(channel, parsed) || this.#repeated(channel, id, line))) continue;
      if (channel === MARKERS && !this.watches(MARKERS)) {
        this.#marker(parsed, line, now);
        continue;
      }
      this.received += 1;
      this.lastId = id;
      closed = this.#line(channel, parsed, line, now) ? channel : null;
    }
    if (batch.length > 0) this.lastLineAt = now;
    this.release(now);
    return closed;
  }

  /** Hold lines of several channels back for so many ms and let them go in the order of their times; 0: in that of arrival. */
  holdBack(windowMs) {
    this.#take(this.#order.flush());
    this.#order.windowMs = windowMs;
  }

  /** Let go of what has been held back long enough; all of it without `now`. Returns ms until there is more, or null. */
  release(now = null) {
    this.#take(now === null ? this.#order.flush() : this.#order.release(now));
    return now === null ? null : this.#order.dueIn(now);
  }

  get waiting() {
    return this.#order.waiting;
  }

  /** Take a `gap` event: lines of a channel that will not come. One that is told again is dropped. */
  gap(gap, now) {
    if (gap.channel === MARKERS && !this.watches(MARKERS)) return;
    this.release();
    const note = this.told.noteOf(gap);
    if (note) this.#note(gap.channel ?? "", null, note, now);
  }

  /**
   * Take one page of the log, `{lines, gaps}`, oldest first: put it above what is held, as far as there is room, each gap
   * at its place. Returns how many of its rows are shown.
   */
  older({ lines, gaps }, now) {
    const oldest = this.#ring.oldestIds();
    const told = gaps.map((gap) => [edgeOf(gap), gap]).sort(([one], [other]) => (isAfter(one, other) ? 1 : -1));
    const added = [];
    for (const [id, channel, line] of lines.toReversed()) {
      const parsed = parseId(id);
      if (!parsed) continue;
      while (told.length > 0 && isAfter(told.at(-1)[0], parsed)) this.#olderGap(added, ...told.pop());
      const known = oldest.get(channel);
      if (known && !isAfter(known, parsed)) {
        this.dupes += 1;
        continue;
      }
      if (channel === MARKERS && !this.watches(MARKERS)) {
        this.#olderMarker(added, id, parsed, line, now);
        continue;
      }
      if (this.#repeated(channel, id, line)) continue;
      if (this.#ring.room === 0) return this.#offerOlder(added);
      oldest.set(channel, parsed);
      // The stream may yet bring it, when it had brought no line of this channel so far.
      if (!this.#last.has(channel)) this.#last.set(channel, parsed);
      this.received += 1;
      added.push(this.#olderLine(channel, parsed, line, now));
    }
    while (told.length > 0) this.#olderGap(added, ...told.pop());
    return this.#offerOlder(added);
  }

  /** Note that a channel is watched from here on, among lines of others that are held. */
  joined(channel, now) {
    this.release();
    if (this.#ring.held > 0) this.#note(channel, null, { kind: "joined", channel }, now);
  }

  /** Put a word of the page's own among the lines: any object with a `kind`. */
  note(channel, note, now) {
    this.release();
    this.#note(channel, null, note, now);
  }

  /** Forget the lines of every channel that `keep(channel)` refuses. */
  forget(keep) {
    this.release();
    this.#ring.retain(keep);
    this.#series.retain(keep);
    this.told.forget();
    this.#groups.clear();
    this.#markersHeld.clear();
    for (const channel of [...this.#last.keys()]) if (!keep(channel) && channel !== MARKERS) this.#last.delete(channel);
  }

  // A marker names the channel it is for; without a name it is for all.
  #marker(id, line, now) {
    const time = this.#timeOf(id, now);
    const marker = this.#markerIn(line, time);
    if (marker === null) return;
    this.release();
    if (id) this.#remember(`${id.fence}-${id.count}`);
    this.#note(marker.channel, null, marker, time);
  }

  #note(...note) {
    this.#view.offer(this.#ring.appendNote(...note));
  }

  #olderMarker(added, name, id, line, now) {
    const time = this.#timeOf(id, now);
    const marker = this.#ring.room > 0 && !this.#markersHeld.has(name) ? this.#markerIn(line, time) : null;
    if (marker === null) return;
    this.#remember(name);
    added.push(this.#ring.prependNote(marker.channel, null, marker, time));
  }

  #remember(marker) {
    if (this.#markersHeld.size >= MOST_KNOWN) this.#markersHeld.clear();
    this.#markersHeld.add(marker);
  }

  #markerIn(line, time) {
    const record = normalise(line, time);
    const target = typeof record.fields.channel === "string" ? record.fields.channel : "";
    return record.event === "marker" && (!target || this.watches(target)) ? markerOf(target, record, line) : null;
  }

  #held(channel, id) {
    const last = this.#last.get(channel);
    if (last && !isAfter(id, last)) {
      this.dupes += 1;
      return true;
    }
    if (this.#last.size >= MOST_CHANNELS_KNOWN) this.#last.delete(this.#last.keys().next().value);
    this.#last.set(channel, id);
    return false;
  }

  #repeated(channel, id, line) {
    const repeated = this.#lineIds.repeats(channel, id, line);
    if (repeated) this.dupes += 1;
    return repeated;
  }

  #line(channel, id, line, now) {
    const time = this.#timeOf(id, now);
    const record = normalise(line, time);
    if (time === now) {
      this.live += 1;
      this.onNew?.(line);
      this.lag = record.tsFrom === "line" ? now - record.ts : null;
    } else this.replay = { since: now - (this.replay?.at ?? 0) < REPLAY_RESTS_MS ? this.replay.since : now, at: now, to: time };
    if (record.event === "closed" || record.event === "marker") this.release();
    if (record.event === "closed") {
      this.#note(channel, id, { kind: "closed", channel, raw: line }, time);
      return true;
    }
    if (record.event === "marker") {
      this.#note(channel, id, markerOf(channel, record, line), time);
      return false;
    }
    const entry = { channel, id, line, record, time, moment: record.ts };
    if (this.#order.windowMs > 0 && time === now) this.#order.push(entry, now);
    else this.#append(entry);
    const numbers = measurementOf(record) ?? this.#series.chosenIn(record);
    if (numbers) this.#series.add(channel, record.ts, numbers);
    return false;
  }

  #timeOf(id, now) {
    return id && now - this.ahead - id.fence > REPLAYED_MS ? id.fence : now;
  }

  #take(entries) {
    for (const { line, late, at } of entries) {
      if (late) this.#insert(line, at);
      else this.#append(line);
    }
  }

  #append({ channel, id, line, record, time, moment }) {
    const seq = this.#ring.append(channel, id, line, record.lvl, time, moment);
    const head = this.#groups.take(channel, record, time, seq);
    if (head !== null) this.#ring.join(seq, head);
    this.onLine?.(seq, record);
    this.#view.offer(seq);
  }

  // A straggler is put where its time belongs, if that is not far back.
  #insert(entry, at) {
    const ring = this.#ring;
    const { channel, id, line, record, time, moment } = entry;
    let seq = ring.end;
    const last = Math.max(ring.first + 1, ring.end - FARTHEST_LATE);
    while (seq > last && (ring.isNote(seq - 1) ? ring.time(seq - 1) : ring.moment(seq - 1)) > at) seq -= 1;
    if (seq === ring.end || ring.room === 0) return this.#append(entry);
    ring.insert(seq, channel, id, line, record.lvl, time, moment);
    this.#groups.shift(seq);
    this.onInsert?.(seq, record);
    this.#view.insert(seq);
    return undefined;
  }

  #olderLine(channel, id, line, now) {
    const time = this.#timeOf(id, now);
    const record = normalise(line, time);
    const { lvl, ts, event } = record;
    if (event === "marker") return this.#ring.prependNote(channel, id, markerOf(channel, record, line), time);
    if (event === "closed") return this.#ring.prependNote(channel, id, { kind: "closed", channel, raw: line }, time);
    const seq = this.#ring.prepend(channel, id, line, lvl, time, ts);
    this.onLine?.(seq, record);
    return seq;
  }

  #olderGap(added, edge, gap) {
    const note = this.#ring.room > 0 && this.told.noteOf(gap);
    if (note) added.push(this.#ring.prependNote(gap.channel ?? "", null, note, edge.fence));
  }

  // What goes on with what is known only when the whole page is there. `added` are seqs, the newest first.
  #offerOlder(added) {
    const groups = new Groups();
    for (const seq of added.toReversed()) {
      if (this.#ring.isNote(seq)) continue;
      const time = this.#ring.time(seq);
      const head = groups.take(this.#ring.channel(seq), normalise(this.#ring.text(seq), time), time, seq);
      if (head !== null) this.#ring.join(seq, head);
    }
    return added.filter((seq) => this.#view.offerOlder(seq)).length;
  }
}

const markerOf = (channel, { msg, raw }, line) => ({ kind: "marker", channel, text: firstLine(msg ?? raw).slice(0, 200), raw: line });
