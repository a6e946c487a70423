// From the stream into the ring. Lines that are held already are dropped by channel and id, gaps and closed publishers become
// notes, and the level of each line is found once, here.
//
//     event stream   --> Ingest.addLines() / .addGap() --> ring, lists, series
//     history loader --> Ingest.addOlder()             --> ring, lists

import { ALERTS, MARKERS, OWN, covers, markerOf, noteOf } from "../protocol/channels.js";
import { gapPosition, isAfter, parseId } from "../protocol/ids.js";
import { SeenLineIds } from "../protocol/line-ids.js";
import { measurementOf, normalise } from "../normalise/index.js";
import { GapNotes, MAX_KNOWN } from "./gap-notes.js";
import { Clocks, LineTimes, TRUSTED_MS } from "./line-times.js";
import { MultilineJoiner } from "./multiline.js";
import { PublisherZones } from "./publisher-zones.js";
import { ownTimeOf, reindex, rereadTimes } from "./reindex.js";
import { ReorderBuffer, misplaced } from "./reorder-buffer.js";

// A line that came to the hub longer ago than this was replayed.
const REPLAYED_MS = 2_500;
const REPLAY_RESTS_MS = 1_000;
// A misplaced line is moved at once among this many of the last lines, and further up when that was not done for so long.
const MAX_SORTED = 10_000;
const SORT_ALL_MS = 1_000;
const MAX_CHANNELS_KNOWN = 50_000;

export class Ingest {
  #ring;
  #lists;
  #series;
  #last = new Map();
  #lineIds = new SeenLineIds();
  #buffer = new ReorderBuffer({ windowMs: 0 });
  #clocks = new Clocks();
  #times = new LineTimes(this.#clocks);
  #newest = -Infinity;
  #unsorted = false;
  #unsortedAbove = false;
  #sortedAllAt = -Infinity;
  #joiner = new MultilineJoiner();
  #markersHeld = new Set();
  #zones = new PublisherZones();
  // The seq of the first line that no search has found, while there are some.
  #edge = null;

  constructor(ring, lists, series) {
    this.#ring = ring;
    this.#lists = lists;
    this.#series = series;
    this.received = 0;
    this.live = 0;
    this.duplicates = 0;
    /** The gaps among the lines, and how many lines are missing. */
    this.gaps = new GapNotes();
    this.lastId = null;
    this.lastLineAt = null;
    /** How old the newest live line was when it arrived, by its own clock, in ms; negative when that clock is ahead. */
    this.lag = null;
    /** While old lines arrive: `{since, at, to}`, when the replay began, when its last line arrived, and the time of that line; else null. */
    this.replay = null;
    /** How far the clock of `now` is ahead of the clock in the ids, in ms. */
    this.clockSkew = 0;
    /** True for a channel whose lines are shown; gaps and markers of other channels are ignored. */
    this.accepts = () => true;
    /** Called with the seq and the record of each line, not of a note, that enters the ring. */
    this.onLine = null;
    /** Called with the text of each line that has just been published. */
    this.onLiveLine = null;
    /** Called with the id and the text of each line of the channel of alerts. */
    this.onAlert = null;
    /** Called with "channel@id" of each line that arrived after the reorder window. */
    this.onLateLine = null;
    /** Called when the times of lines held have changed, because the zone of their channel is known now. */
    this.onReread = null;
    /** Called when lines have changed places: with the part, see Ring.reorder(), and `moved(seq)`, the new seq of each. */
    this.onReorder = null;
  }

  /** Add one batch `[[id, channel, line, moment], …]`; `moment` is when a line came to the hub, in ms. Returns the channel if the batch ends with its publisher's "closed", else null. */
  addLines(batch, now) {
    let closed = null;
    for (const [id, channel, line, moment] of batch) {
      const parsed = parseId(id);
      const arrivedAt = arrivalTime(parsed, moment, now - this.clockSkew);
      if (parsed && (this.#isHeld(channel, parsed) || this.#isRepeated(channel, id, line))) continue;
      if (channel === MARKERS && !this.accepts(MARKERS)) {
        this.#addMarker(parsed, line, arrivedAt);
        continue;
      }
      if (channel === ALERTS && this.#isOnlyAlert(id, line)) continue;
      this.received += 1;
      this.lastId = id;
      closed = this.#addLine(channel, parsed, line, arrivedAt, now) ? channel : null;
    }
    if (batch.length > 0) this.lastLineAt = now;
    this.release(now);
    this.#settleTimes();
    return closed;
  }

  /** Count the lines of a batch without holding them: they wait in the hub's log. Returns how many of the open channels came after `since`, in ms. */
  passBy(batch, now, since) {
    let count = 0;
    for (const [id, channel, line, moment] of batch) {
      if (!this.accepts(channel)) continue;
      this.received += 1;
      if (arrivalTime(parseId(id), moment, now - this.clockSkew) <= since) continue;
      count += 1;
      this.onLiveLine?.(line);
    }
    this.live += count;
    if (batch.length > 0) this.lastLineAt = now;
    return count;
  }

  /** Hold lines of several channels back for this many ms and release them in the order of their times; 0 keeps the order of arrival. */
  holdBack(windowMs) {
    this.release();
    this.#buffer.windowMs = windowMs;
  }

  /** Release the lines that have been held back long enough; without `now`, all of them. */
  release(now = Infinity) {
    for (const { line, late } of this.#buffer.release(now)) {
      const seq = this.#append(line);
      if (late) this.onLateLine?.(`${line.channel}@${this.#ring.id(seq)}`);
    }
    if (this.#unsorted) this.#sortEnd();
    if (this.#unsortedAbove && now - this.#sortedAllAt >= SORT_ALL_MS) {
      this.#sortAll();
      if (now < Infinity) this.#sortedAllAt = now;
    }
  }

  /** How many lines are held back. */
  get heldBack() {
    return this.#buffer.waiting;
  }

  /** True while release() has something to do later. */
  get unsettled() {
    return this.heldBack > 0 || this.#unsortedAbove;
  }

  /** Add a `gap` event: lines of a channel that will not come. A gap that was reported before is dropped. */
  addGap(gap, now) {
    if (OWN.includes(gap.channel) && !this.accepts(gap.channel)) return;
    const note = this.gaps.noteOf(gap);
    if (note) this.addNote(gap.channel ?? "", note, now);
  }

  /**
   * Add one page of the log, `{lines, gaps}`, oldest first: it is put above the lines held, as far as there is room, with each gap
   * at its place. Returns how many of its rows are shown.
   */
  addOlder({ lines, gaps }) {
    // What is held back counts as held.
    this.release();
    const oldest = this.#ring.oldestIds();
    const gapsLeft = gaps.map((gap) => [gapPosition(gap), gap]).sort(([one], [other]) => (isAfter(one, other) ? 1 : -1));
    const added = [];
    for (const [id, channel, line, moment] of lines.toReversed()) {
      const parsed = parseId(id);
      if (!parsed) continue;
      while (gapsLeft.length > 0 && isAfter(gapsLeft.at(-1)[0], parsed)) this.#addOlderGap(added, ...gapsLeft.pop());
      const known = oldest.get(channel);
      if (known && !isAfter(known, parsed)) {
        this.duplicates += 1;
        continue;
      }
      if (channel === MARKERS && !this.accepts(MARKERS)) {
        this.#addOlderMarker(added, id, line, arrivalTime(parsed, moment));
        continue;
      }
      if (channel === ALERTS && this.#isOnlyAlert(id, line)) continue;
      if (this.#isRepeated(channel, id, line)) continue;
      if (this.#ring.room === 0) return this.#offerOlder(added);
      oldest.set(channel, parsed);
      // The stream may still bring this line if it has brought none of this channel so far.
      if (!this.#last.has(channel)) this.#last.set(channel, parsed);
      this.received += 1;
      added.push(this.#addOlderLine(channel, parsed, line, arrivalTime(parsed, moment)));
    }
    while (gapsLeft.length > 0) this.#addOlderGap(added, ...gapsLeft.pop());
    return this.#offerOlder(added);
  }

  /** Note that a channel was opened at this point, among lines of the other channels. */
  noteJoined(channel, now) {
    if (this.#ring.held + this.heldBack > 0) this.addNote(channel, { kind: this.#ring.room > 0 ? "joined" : "joinedFull", channel }, now);
  }

  /** Add a note of the page's own among the lines: any object with a `kind`. */
  addNote(channel, note, now) {
    this.release();
    this.#appendNote(channel, null, note, now - this.clockSkew);
  }

  /** Add a note of the page's own above the lines held, if there is room. */
  addOlderNote(note) {
    const { first, held, room } = this.#ring;
    if (held > 0 && room > 0) this.#offerOlder([this.#ring.prependNote("", null, note, this.#ring.arrivedAt(first))]);
  }

  /** Say in a row above the oldest line of a channel that those before it are not loaded yet, or take that row away. */
  noteNotLoaded(channel, more) {
    const { first, end } = this.#ring;
    const isTold = (seq) => this.#ring.isNote(seq) && this.#ring.text(seq).kind === "notLoaded" && this.#ring.text(seq).channel === channel;
    for (let seq = first; seq < end; seq += 1) {
      if (!isTold(seq)) continue;
      // It goes to the beginning, and falls off.
      this.#ring.setTimes(seq, 0, 0, -Infinity);
      this.#sortAll();
      this.#ring.dropFirst();
      break;
    }
    if (!more || this.#ring.room === 0) return;
    for (let seq = this.#ring.first; seq < this.#ring.end; seq += 1) {
      if (this.#ring.isNote(seq) || !covers([channel], this.#ring.channel(seq))) continue;
      const at = this.#ring.shownTime(seq);
      const note = this.#ring.prependNote(channel, null, { kind: "notLoaded", channel }, at);
      this.#ring.setTimes(note, at, at, this.#ring.sortKey(seq));
      this.#lists.offerOlder(note);
      this.#sortAll();
      return;
    }
  }

  /** From here on, older lines are those that a search finds. They stay apart from the lines held, behind this note, until dropFound(). */
  beginFound(note) {
    const { first, held, room } = this.#ring;
    if (this.#edge !== null || room === 0) return;
    this.release();
    this.#edge = this.#ring.first;
    this.#offerOlder([this.#ring.prependNote("", null, note, held > 0 ? this.#ring.arrivedAt(first) : Date.now() - this.clockSkew)]);
  }

  /** True for a line that a search has found: the lines around it are not held. */
  isFound(seq) {
    return this.#edge !== null && seq < this.#edge;
  }

  /** Remove the lines that a search has found. */
  dropFound() {
    const edge = this.#edge;
    this.#edge = null;
    if (edge === null) return;
    this.release();
    while (this.#ring.first < edge) this.#ring.dropFirst();
  }

  /** Forget the lines of every channel that `keep(channel)` rejects, and what a search has found. */
  forget(keep) {
    this.release();
    this.dropFound();
    this.#ring.retain(keep);
    this.#series.retain(keep);
    this.#zones.retain(keep);
    this.gaps.forget();
    this.#joiner.clear();
    this.#markersHeld.clear();
    this.#clocks.retain(keep);
    this.#buffer = new ReorderBuffer(this.#buffer);
    this.#findNewest();
    for (const channel of [...this.#last.keys()]) if (!keep(channel) && channel !== MARKERS) this.#last.delete(channel);
  }

  /** Read times that name no zone in this zone; null: see PublisherZones. Whoever counts by time must count again afterwards. */
  readTimesIn(zone) {
    this.release();
    this.#zones.choose(zone);
    this.#reread(null);
  }

  /** Order lines by this time, one of ORDERS. Whoever counts by time must count again afterwards. */
  orderBy(order) {
    this.release();
    this.#clocks.order = order;
    this.#reread(null);
  }

  /** The zone of times that name none on a channel, for normalise(). */
  zoneOf(channel) {
    return this.#zones.of(channel);
  }

  // An alert marks a line, and is one itself only if its channel is open.
  #isOnlyAlert(id, line) {
    this.onAlert?.(id, line);
    return !this.accepts(ALERTS);
  }

  // A marker names the channel it is for; without a name it is for all channels.
  #addMarker(id, line, arrivedAt) {
    const marker = this.#parseMarker(line, arrivedAt);
    if (marker === null) return;
    this.release();
    if (id) this.#rememberMarker(`${id.fence}-${id.count}`);
    this.#appendNote(marker.channel, null, marker, arrivedAt);
  }

  // It stays behind the newest line.
  #appendNote(channel, id, note, arrivedAt) {
    this.#lists.offer(this.#ring.appendNote(channel, id, note, arrivedAt, this.#newest > -Infinity ? this.#newest : arrivedAt));
  }

  #addOlderMarker(added, name, line, arrivedAt) {
    const marker = this.#ring.room > 0 && !this.#markersHeld.has(name) ? this.#parseMarker(line, arrivedAt) : null;
    if (marker === null) return;
    this.#rememberMarker(name);
    added.push(this.#ring.prependNote(marker.channel, null, marker, arrivedAt));
  }

  #rememberMarker(name) {
    if (this.#markersHeld.size >= MAX_KNOWN) this.#markersHeld.clear();
    this.#markersHeld.add(name);
  }

  #parseMarker(line, arrivedAt) {
    const record = normalise(line, arrivedAt);
    const target = typeof record.fields.channel === "string" ? record.fields.channel : "";
    return record.event === "marker" && (!target || this.accepts(target)) ? markerOf(target, record, line) : null;
  }

  #isHeld(channel, id) {
    const last = this.#last.get(channel);
    if (last && !isAfter(id, last)) {
      this.duplicates += 1;
      return true;
    }
    if (this.#last.size >= MAX_CHANNELS_KNOWN) this.#last.delete(this.#last.keys().next().value);
    this.#last.set(channel, id);
    return false;
  }

  #isRepeated(channel, id, line) {
    const repeated = this.#lineIds.isRepeat(channel, id, line);
    if (repeated) this.duplicates += 1;
    return repeated;
  }

  // True when the line is the publisher's "closed".
  #addLine(channel, id, line, arrivedAt, now) {
    const receivedAt = now - this.clockSkew;
    const record = this.#read(channel, line, arrivedAt);
    const live = receivedAt - arrivedAt <= REPLAYED_MS;
    if (live) {
      this.live += 1;
      this.onLiveLine?.(line);
      this.lag = record.tsFrom === "line" ? receivedAt - record.ts : null;
    } else this.replay = { since: now - (this.replay?.at ?? 0) < REPLAY_RESTS_MS ? this.replay.since : now, at: now, to: arrivedAt };
    const note = noteOf(channel, record, line);
    if (note) {
      this.release();
      this.#appendNote(channel, id, note, arrivedAt);
      return note.kind === "closed";
    }
    const { shown, key } = this.#times.of(channel, ownTimeOf(record), arrivedAt);
    const entry = { channel, id, line, record, arrivedAt, shownTime: shown, sortKey: key, seq: null, head: null };
    // Lines belong together in the order in which they came, whatever their times are.
    entry.head = this.#joiner.add(channel, record, arrivedAt, entry);
    this.#fold(this.#joiner.earlier);
    if (this.#buffer.windowMs > 0 && live) this.#buffer.push(entry, now);
    else this.#append(entry);
    const numbers = measurementOf(record) ?? this.#series.chosenIn(record);
    if (numbers) this.#series.add(channel, shown, numbers);
    return false;
  }

  #read(channel, line, arrivedAt) {
    const record = normalise(line, arrivedAt, { zone: this.#zones.of(channel) });
    if (!record.zone && record.dated) this.#zones.observe(channel, record.wall, arrivedAt);
    return record;
  }

  // Reads lines held again of whose channel more is known now: its zone, or that its lines come late.
  #settleTimes() {
    let changed = false;
    for (let channels = this.#learned(); channels.size > 0; channels = this.#learned()) {
      if (!changed) this.release();
      changed = true;
      this.#reread(channels);
    }
    if (changed) this.onReread?.();
  }

  #learned() {
    const zoned = this.#zones.settle();
    // The distances of their clocks were others in the other zone.
    this.#clocks.retain((channel) => !zoned.includes(channel));
    return new Set([...zoned, ...this.#clocks.settle()]);
  }

  #reread(channels) {
    rereadTimes(this.#ring, channels, this.#zones, this.#clocks);
    this.#sortAll();
    this.#findNewest();
  }

  #findNewest() {
    this.#newest = -Infinity;
    for (let seq = this.#ring.first; seq < this.#ring.end; seq += 1) this.#newest = Math.max(this.#newest, this.#ring.sortKey(seq));
  }

  #append(entry) {
    const { channel, id, line, record, arrivedAt, shownTime, sortKey } = entry;
    const seq = this.#ring.append(channel, id, line, record.lvl, arrivedAt, record.ts, shownTime, sortKey);
    entry.seq = seq;
    if (sortKey < this.#newest - this.#tolerance) this.#unsorted = true;
    this.#newest = Math.max(this.#newest, sortKey);
    if (this.#continues(entry)) this.#ring.continueFrom(seq, entry.head.seq);
    this.onLine?.(seq, record);
    this.#lists.offer(seq);
    return seq;
  }

  #continues({ seq, head }) {
    return seq !== null && head !== null && head.seq !== null && head.seq < seq && this.#ring.has(head.seq);
  }

  // Lines that may have rows of their own continue others, as a later one has shown.
  #fold(earlier) {
    for (const [entry, head] of earlier) {
      entry.head = head;
      if (!this.#continues(entry)) continue;
      this.#ring.continueFrom(entry.seq, head.seq);
      this.#lists.fold(entry.seq, head.seq);
    }
  }

  // Lines that nobody holds back stay as they came, if their times are about right: nothing moves for a few ms.
  get #tolerance() {
    return this.#buffer.windowMs > 0 ? 0 : TRUSTED_MS;
  }

  #sortEnd() {
    const { first, end } = this.#ring;
    const from = Math.max(first, end - MAX_SORTED);
    this.#unsorted = false;
    this.#sort(from, end);
    if (from > first && this.#ring.sortKey(from) < this.#ring.sortKey(from - 1)) this.#unsortedAbove = true;
  }

  #sortAll() {
    this.#unsortedAbove = false;
    this.#sort(this.#ring.first, this.#ring.end);
  }

  // Puts lines into the order of their times; those that a search has found stay above the note that ends them.
  #sort(from, to) {
    const edge = this.#edge ?? -Infinity;
    if (from >= edge || to < edge) return this.#sortPart(from, to);
    this.#sortPart(from, edge - 1);
    return this.#sortPart(edge, to);
  }

  #sortPart(from, to) {
    const part = misplaced(this.#ring, from, to, this.#tolerance);
    if (!part) return;
    const moved = this.#ring.reorder(part);
    this.#moveEntries(moved);
    this.onReorder?.(part, moved);
    this.#lists.reorder(part, moved);
  }

  // Those that lines which are still to come may continue.
  #moveEntries(moved) {
    const done = new Set();
    const move = (entry) => {
      if (entry && entry.seq !== null && !done.has(entry)) entry.seq = moved(entry.seq);
      done.add(entry);
      return entry;
    };
    this.#joiner.shift(move);
    for (const { head } of this.#buffer.lines()) move(head);
  }

  #addOlderLine(channel, id, line, arrivedAt) {
    const record = this.#read(channel, line, arrivedAt);
    const note = noteOf(channel, record, line);
    if (note) return this.#ring.prependNote(channel, id, note, arrivedAt);
    const seq = this.#ring.prepend(channel, id, line, record.lvl, arrivedAt, record.ts);
    this.onLine?.(seq, record);
    return seq;
  }

  #addOlderGap(added, position, gap) {
    const note = this.#ring.room > 0 && this.gaps.noteOf(gap);
    if (note) added.push(this.#ring.prependNote(gap.channel ?? "", null, note, position.fence));
  }

  #offerOlder(added) {
    const { first, end } = this.#ring;
    let to = first + added.length;
    reindex(this.#ring, to, this.#zones, this.#clocks);
    const shown = added.filter((seq) => this.#lists.offerOlder(seq)).length;
    const newest = added.reduce((found, seq) => Math.max(found, this.#ring.sortKey(seq)), -Infinity);
    while (to < end && this.#ring.sortKey(to) <= newest + TRUSTED_MS) to += 1;
    this.#sort(first, to);
    this.#settleTimes();
    return shown;
  }
}

// By the hub's clock, as the ids are, because the reader's clock may be wrong. The fence is a little older than the line.
const arrivalTime = (id, moment, receivedAt) => (Number.isFinite(moment) ? moment : (id?.fence ?? receivedAt));
