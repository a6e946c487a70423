// From the wire into the ring: what is held already is dropped by (channel, id), a gap or a closed publisher becomes a
// note, and each line's level is found once, here.
//
//     stream --> Intake.lines() / .gap() --> ring, view list, series
//     older  --> Intake.older()          --> ring, view list

import { arrange } from "./reindex.js";
import { MARKERS, markerOf, noteOf } from "../protocol/channels.js";
import { Gaps, MAX_KNOWN } from "./gap-notes.js";
import { Groups } from "./multiline.js";
import { gapPosition, isAfter, parseId } from "../protocol/ids.js";
import { SeenLineIds } from "../protocol/line-ids.js";
import { MergeOrder, Places, disorder } from "./reorder-buffer.js";
import { measurementOf, normalise } from "../normalise/index.js";

// Older than this on arrival, and a line was replayed: the fence in its id says better when it was published.
const REPLAYED_MS = 2_500;
const REPLAY_RESTS_MS = 1_000;
// Among so many of the last lines, or of the first where older ones come, a line is put in its place.
const FARTHEST = 10_000;
const MAX_CHANNELS_KNOWN = 50_000;

export class Intake {
  #ring;
  #view;
  #series;
  #last = new Map();
  #lineIds = new SeenLineIds();
  #order = new MergeOrder({ windowMs: 0 });
  #places = new Places();
  #newest = -Infinity;
  #mixed = false;
  #groups = new Groups();
  #markersHeld = new Set();
  #reading = { zone: null };

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
    /** Called with "channel@id" of each line that came late. */
    this.onLate = null;
    /** Called when lines are in another order: with the part, see Ring.reorder(), and `moved(seq)`, the new seq of each. */
    this.onMoved = null;
  }

  /** Take one batch `[[id, channel, line], …]`. Returns the channel whose publisher's "closed" ended it, or null. */
  lines(batch, now) {
    let closed = null;
    for (const [id, channel, line] of batch) {
      const parsed = parseId(id);
      if (parsed && (this.#held(channel, parsed) || this.#repeated(channel, id, line))) continue;
      if (channel === MARKERS && !this.watches(MARKERS)) {
        this.#marker(parsed, line, now - this.ahead);
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
    this.release();
    this.#order.windowMs = windowMs;
  }

  /** Let go of what has been held back long enough; all of it without `now`. */
  release(now = Infinity) {
    for (const { line, late } of this.#order.release(now)) {
      const seq = this.#append(line, late);
      if (late) this.onLate?.(`${line.channel}@${this.#ring.id(seq)}`);
    }
    if (this.#mixed) this.#sort(Math.max(this.#ring.first, this.#ring.end - FARTHEST), this.#ring.end);
    this.#mixed = false;
  }

  get waiting() {
    return this.#order.waiting;
  }

  /** Take a `gap` event: lines of a channel that will not come. One that is told again is dropped. */
  gap(gap, now) {
    if (gap.channel === MARKERS && !this.watches(MARKERS)) return;
    const note = this.told.noteOf(gap);
    if (note) this.note(gap.channel ?? "", note, now);
  }

  /**
   * Take one page of the log, `{lines, gaps}`, oldest first: put it above what is held, as far as there is room, each gap
   * at its place. Returns how many of its rows are shown.
   */
  older({ lines, gaps }) {
    const oldest = this.#ring.oldestIds();
    const told = gaps.map((gap) => [gapPosition(gap), gap]).sort(([one], [other]) => (isAfter(one, other) ? 1 : -1));
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
        this.#olderMarker(added, id, parsed, line);
        continue;
      }
      if (this.#repeated(channel, id, line)) continue;
      if (this.#ring.room === 0) return this.#offerOlder(added);
      oldest.set(channel, parsed);
      // The stream may yet bring it, when it had brought no line of this channel so far.
      if (!this.#last.has(channel)) this.#last.set(channel, parsed);
      this.received += 1;
      added.push(this.#olderLine(channel, parsed, line));
    }
    while (told.length > 0) this.#olderGap(added, ...told.pop());
    return this.#offerOlder(added);
  }

  /** Note that a channel is watched from here on, among lines of others that are held. */
  joined(channel, now) {
    if (this.#ring.held + this.waiting > 0) this.note(channel, { kind: "joined", channel }, now);
  }

  /** Put a word of the page's own among the lines: any object with a `kind`. */
  note(channel, note, now) {
    this.release();
    this.#note(channel, null, note, now - this.ahead);
  }

  /** Forget the lines of every channel that `keep(channel)` refuses. */
  forget(keep) {
    this.release();
    this.#ring.retain(keep);
    this.#series.retain(keep);
    this.told.forget();
    this.#groups.clear();
    this.#markersHeld.clear();
    this.#order = new MergeOrder(this.#order);
    this.#newest = -Infinity;
    for (const channel of [...this.#last.keys()]) if (!keep(channel) && channel !== MARKERS) this.#last.delete(channel);
  }

  /** Read times that name no zone in this one; null: see normalise(). Then all that counts moments has to begin anew. */
  readIn(zone) {
    this.release();
    this.#reading = { zone };
    arrange(this.#ring, this.#ring.end, this.#reading);
    this.#sort(this.#ring.first, this.#ring.end);
  }

  // A marker names the channel it is for; without a name it is for all.
  #marker(id, line, came) {
    const time = this.#timeOf(id, came);
    const marker = this.#markerIn(line, time);
    if (marker === null) return;
    this.release();
    if (id) this.#remember(`${id.fence}-${id.count}`);
    this.#note(marker.channel, null, marker, time);
  }

  #note(...note) {
    this.#view.offer(this.#ring.appendNote(...note, this.#newest));
  }

  #olderMarker(added, name, { fence }, line) {
    const marker = this.#ring.room > 0 && !this.#markersHeld.has(name) ? this.#markerIn(line, fence) : null;
    if (marker === null) return;
    this.#remember(name);
    added.push(this.#ring.prependNote(marker.channel, null, marker, fence));
  }

  #remember(marker) {
    if (this.#markersHeld.size >= MAX_KNOWN) this.#markersHeld.clear();
    this.#markersHeld.add(marker);
  }

  #markerIn(line, time) {
    const record = normalise(line, time, this.#reading);
    const target = typeof record.fields.channel === "string" ? record.fields.channel : "";
    return record.event === "marker" && (!target || this.watches(target)) ? markerOf(target, record, line) : null;
  }

  #held(channel, id) {
    const last = this.#last.get(channel);
    if (last && !isAfter(id, last)) {
      this.dupes += 1;
      return true;
    }
    if (this.#last.size >= MAX_CHANNELS_KNOWN) this.#last.delete(this.#last.keys().next().value);
    this.#last.set(channel, id);
    return false;
  }

  #repeated(channel, id, line) {
    const repeated = this.#lineIds.repeats(channel, id, line);
    if (repeated) this.dupes += 1;
    return repeated;
  }

  #line(channel, id, line, now) {
    const came = now - this.ahead;
    const time = this.#timeOf(id, came);
    const record = normalise(line, time, this.#reading);
    const live = time >= came;
    if (live) {
      this.live += 1;
      this.onNew?.(line);
      this.lag = record.tsFrom === "line" ? came - record.ts : null;
    } else this.replay = { since: now - (this.replay?.at ?? 0) < REPLAY_RESTS_MS ? this.replay.since : now, at: now, to: time };
    const note = noteOf(channel, record, line);
    if (note) {
      this.release();
      this.#note(channel, id, note, time);
      return note.kind === "closed";
    }
    const entry = { channel, id, line, record, time, at: this.#places.of(channel, record.ts, time) };
    if (this.#order.windowMs > 0 && live) this.#order.push(entry, now);
    else this.#append(entry);
    const numbers = measurementOf(record) ?? this.#series.chosenIn(record);
    if (numbers) this.#series.add(channel, record.ts, numbers);
    return false;
  }

  // By the hub's clock, as the ids are: the reader's may be off, and never before the fence, where older lines of its channel stand.
  #timeOf(id, came) {
    return id ? Math.max(id.fence, came - id.fence > REPLAYED_MS ? 0 : came) : came;
  }

  #append({ channel, id, line, record, time, at }, late = false) {
    const seq = this.#ring.append(channel, id, line, record.lvl, time, record.ts, at);
    if (at < this.#newest) this.#mixed = true;
    else this.#newest = at;
    const head = late ? null : this.#groups.take(channel, record, time, seq);
    if (head !== null) this.#ring.join(seq, head);
    this.onLine?.(seq, record);
    this.#view.offer(seq);
    return seq;
  }

  // Lines of several channels come into the order of their times.
  #sort(from, to) {
    const part = this.#order.windowMs > 0 && disorder(this.#ring, from, to);
    if (!part) return;
    const moved = this.#ring.reorder(part);
    this.#groups.shift(moved);
    this.onMoved?.(part, moved);
    this.#view.reorder(part, moved);
  }

  #olderLine(channel, id, line) {
    const record = normalise(line, id.fence, this.#reading);
    const note = noteOf(channel, record, line);
    if (note) return this.#ring.prependNote(channel, id, note, id.fence);
    const seq = this.#ring.prepend(channel, id, line, record.lvl, id.fence, record.ts);
    this.onLine?.(seq, record);
    return seq;
  }

  #olderGap(added, edge, gap) {
    const note = this.#ring.room > 0 && this.told.noteOf(gap);
    if (note) added.push(this.#ring.prependNote(gap.channel ?? "", null, note, edge.fence));
  }

  #offerOlder(added) {
    arrange(this.#ring, this.#ring.first + added.length, this.#reading);
    const shown = added.filter((seq) => this.#view.offerOlder(seq)).length;
    this.#sort(this.#ring.first, Math.min(this.#ring.end, this.#ring.first + added.length + FARTHEST));
    return shown;
  }
}
