// The last lines, in columns. `seq` grows without end for new lines and shrinks for older lines put before the first; the slot of a line is
// its seq modulo the capacity, so nothing is ever shifted. Lines are kept as the text that arrived, and normalised again for the few that
// are drawn. Notes (a gap, a closed publisher) stand among the lines but do not count as lines.

import { isAfter } from "../protocol/ids.js";
import { LEVELS, NONE } from "../normalise/levels.js";

/** The slot of a number that grows without end, negative numbers included. */
export function slotOf(number, capacity) {
  const slot = number % capacity;
  return slot < 0 ? slot + capacity : slot;
}

export class Ring {
  #texts;
  #fences;
  #counts;
  #channels;
  #levels;
  #arrivalTimes;
  #ownTimes;
  #shownTimes;
  #sortKeys;
  #distances;
  #extents;
  #names = new Map();

  constructor(capacity) {
    this.capacity = capacity;
    this.first = 0;
    this.end = 0;
    this.notes = 0;
    this.perLevel = new Uint32Array(LEVELS.length);
    this.#texts = new Array(capacity).fill("");
    this.#fences = new Float64Array(capacity);
    this.#counts = new Float64Array(capacity);
    this.#channels = new Array(capacity).fill("");
    this.#levels = new Uint8Array(capacity);
    this.#arrivalTimes = new Float64Array(capacity);
    this.#ownTimes = new Float64Array(capacity);
    this.#shownTimes = new Float64Array(capacity);
    this.#sortKeys = new Float64Array(capacity);
    // How far the line is from the one that it continues, and how far at most from the last one that continues it.
    this.#distances = new Uint32Array(capacity);
    this.#extents = new Uint32Array(capacity);
    /** Called with the seq of a line, not of a note, right before it is removed for any reason. */
    this.onDrop = null;
    /** Called with the old and the new seq of a line that stays while others are forgotten. */
    this.onMove = null;
  }

  /** Lines held, notes not counted. */
  get held() {
    return this.end - this.first - this.notes;
  }

  /** How many more lines and notes fit before the oldest falls off. */
  get room() {
    return this.capacity - (this.end - this.first);
  }

  /** Add a line; the oldest falls off when the ring is full. Returns its seq. For the times see arrivedAt(), ownTime(), shownTime() and sortKey(). */
  append(channel, id, text, level, arrivedAt, ownTime = arrivedAt, shownTime = ownTime, sortKey = shownTime) {
    this.perLevel[level] += 1;
    return this.#put(this.#next(), channel, id, text, level, arrivedAt, ownTime, shownTime, sortKey);
  }

  /** Change the order of lines and notes: these seqs come in this order from `from` on. Returns a function from the old seq to the new one. */
  reorder({ from, seqs }) {
    const indexes = [];
    seqs.forEach((seq, index) => (indexes[seq - from] = from + index));
    const moved = (seq) => indexes[seq - from] ?? seq;
    const slots = seqs.map((seq) => this.#slotOf(seq));
    const heads = seqs.map((seq) => this.headOf(seq));
    const behind = this.#continuedBehind(from, seqs);
    for (const column of [this.#texts, this.#fences, this.#counts, this.#channels, this.#levels, this.#arrivalTimes, this.#ownTimes, this.#shownTimes, this.#sortKeys]) {
      slots.map((slot) => column[slot]).forEach((value, index) => (column[this.#slotOf(from + index)] = value));
    }
    for (const slot of slots) this.#extents[slot] = 0;
    heads.forEach((head, index) => this.continueFrom(from + index, head === null ? from + index : Math.min(moved(head), from + index)));
    for (const [seq, head] of behind) this.continueFrom(seq, moved(head));
    return moved;
  }

  /** Add a note, any object with a `kind`. Returns its seq. */
  appendNote(channel, id, note, arrivedAt, sortKey = arrivedAt) {
    this.notes += 1;
    return this.#put(this.#next(), channel, id, note, 0, arrivedAt, arrivedAt, arrivedAt, sortKey);
  }

  /** Add a line that is older than all others; there must be room. Returns its seq. */
  prepend(channel, id, text, level, arrivedAt, ownTime = arrivedAt) {
    this.perLevel[level] += 1;
    return this.#put((this.first -= 1), channel, id, text, level, arrivedAt, ownTime);
  }

  /** Add a note before all others; there must be room. Returns its seq. */
  prependNote(channel, id, note, arrivedAt) {
    this.notes += 1;
    return this.#put((this.first -= 1), channel, id, note, 0, arrivedAt);
  }

  has(seq) {
    return seq >= this.first && seq < this.end;
  }

  /** The text of a line, or the note object. */
  text(seq) {
    return this.#texts[this.#slotOf(seq)];
  }

  isNote(seq) {
    return typeof this.text(seq) !== "string";
  }

  level(seq) {
    return this.#levels[this.#slotOf(seq)];
  }

  channel(seq) {
    return this.#channels[this.#slotOf(seq)];
  }

  /** When a line arrived, in ms. */
  arrivedAt(seq) {
    return this.#arrivalTimes[this.#slotOf(seq)];
  }

  /** The time that a line names, in ms, or if it names none when it arrived. */
  ownTime(seq) {
    return this.#ownTimes[this.#slotOf(seq)];
  }

  /** The least and the greatest time that rows show, of all lines held, `[from, to]` in ms; null if there is none. */
  timeExtent() {
    let [from, to] = [Infinity, -Infinity];
    for (let seq = this.first; seq < this.end; seq += 1) {
      const slot = this.#slotOf(seq);
      if (typeof this.#texts[slot] !== "string") continue;
      const time = this.#shownTimes[slot];
      if (time < from) from = time;
      if (time > to) to = time;
    }
    return from <= to ? [from, to] : null;
  }

  /** The time that its row shows, in ms; see LineTimes. */
  shownTime(seq) {
    return this.#shownTimes[this.#slotOf(seq)];
  }

  /** The key that orders a line among the others, in ms; see LineTimes. */
  sortKey(seq) {
    return this.#sortKeys[this.#slotOf(seq)];
  }

  /** Set the times of a line that may be read anew. */
  setTimes(seq, ownTime, shownTime, sortKey) {
    const slot = this.#slotOf(seq);
    this.#ownTimes[slot] = ownTime;
    this.#shownTimes[slot] = shownTime;
    this.#sortKeys[slot] = sortKey;
  }

  id(seq) {
    const slot = this.#slotOf(seq);
    return `${this.#fences[slot]}-${this.#counts[slot]}`;
  }

  /** Let a line continue one before it: both are one row, see multiline.js. One without a level of its own has that of its head. */
  continueFrom(seq, head) {
    const slot = this.#slotOf(seq);
    this.#distances[slot] = seq - head;
    if (head === seq || !this.has(head)) return;
    const start = this.#slotOf(head);
    if (this.#extents[start] < seq - head) this.#extents[start] = seq - head;
    if (this.#levels[slot] !== NONE || this.isNote(seq)) return;
    this.perLevel[NONE] -= 1;
    this.perLevel[this.#levels[start]] += 1;
    this.#levels[slot] = this.#levels[start];
  }

  /** True if lines continue this one. */
  isContinued(seq) {
    return this.#extents[this.#slotOf(seq)] > 0;
  }

  /** The seqs of the lines that continue this one. */
  continuationsOf(head) {
    const found = [];
    const last = Math.min(this.end - 1, head + this.#extents[this.#slotOf(head)]);
    for (let seq = head + 1; seq <= last; seq += 1) if (this.headOf(seq) === head) found.push(seq);
    return found;
  }

  /** The seq of the line that this one continues, or null. */
  headOf(seq) {
    const distance = this.#distances[this.#slotOf(seq)];
    return distance === 0 || seq - distance < this.first ? null : seq - distance;
  }

  /** The seq of a line by its channel and id `{fence, count}`, or null. */
  seqOf(channel, { fence, count }) {
    for (let seq = this.end - 1; seq >= this.first; seq -= 1) {
      const slot = this.#slotOf(seq);
      if (this.#fences[slot] === fence && this.#counts[slot] === count && this.channel(seq) === channel && !this.isNote(seq)) return seq;
    }
    return null;
  }

  /** The oldest id of each channel, by name; it may not be that of the channel's first line in the ring. */
  oldestIds() {
    const found = new Map();
    for (let seq = this.first; seq < this.end; seq += 1) {
      const slot = this.#slotOf(seq);
      const id = { fence: this.#fences[slot], count: this.#counts[slot] };
      const known = found.get(this.#channels[slot]);
      if (id.fence > 0 && (!known || isAfter(known, id))) found.set(this.#channels[slot], id);
    }
    return found;
  }

  /** Forget every line whose channel `keep` rejects. Those that stay get new seqs, in the same order. */
  retain(keep) {
    const old = [];
    for (let seq = this.first; seq < this.end; seq += 1) {
      if (!keep(this.channel(seq))) {
        if (!this.isNote(seq)) this.onDrop?.(seq);
        continue;
      }
      const slot = this.#slotOf(seq);
      const id = { fence: this.#fences[slot], count: this.#counts[slot] };
      old.push([seq, this.channel(seq), id, this.#texts[slot], this.#levels[slot], this.headOf(seq), this.#arrivalTimes[slot], this.#ownTimes[slot], this.#shownTimes[slot], this.#sortKeys[slot]]);
    }
    this.#clear();
    const now = new Map();
    for (const [seq, channel, id, text, level, head, ...times] of old) {
      if (typeof text !== "string") {
        this.appendNote(channel, id, text, times[0], times[3]);
        continue;
      }
      const moved = this.append(channel, id, text, level, ...times);
      if (head !== null) this.continueFrom(moved, now.get(head));
      else now.set(seq, moved);
      this.onMove?.(seq, moved);
    }
  }

  /** Remove the first line or note. */
  dropFirst() {
    if (this.isNote(this.first)) this.notes -= 1;
    else {
      this.onDrop?.(this.first);
      this.perLevel[this.level(this.first)] -= 1;
    }
    this.first += 1;
  }

  // No seq is used twice: this far on, even a whole ring of older lines does not reach the seqs used before.
  #clear() {
    this.#texts.fill("");
    this.perLevel.fill(0);
    this.end += this.capacity;
    this.first = this.end;
    this.notes = 0;
    this.#names.clear();
  }

  // `[seq, head]` of the lines behind these that continue one of them.
  #continuedBehind(from, seqs) {
    const found = [];
    const end = from + seqs.length;
    for (const head of seqs) {
      const last = Math.min(this.end - 1, head + this.#extents[this.#slotOf(head)]);
      for (let seq = end; seq <= last; seq += 1) if (this.headOf(seq) === head) found.push([seq, head]);
    }
    return found;
  }

  #slotOf(seq) {
    return slotOf(seq, this.capacity);
  }

  #next() {
    if (this.room === 0) this.dropFirst();
    this.end += 1;
    return this.end - 1;
  }

  #put(seq, channel, id, text, level, arrivedAt, ownTime = arrivedAt, shownTime = ownTime, sortKey = shownTime) {
    const slot = this.#slotOf(seq);
    this.#texts[slot] = text;
    this.#fences[slot] = id?.fence ?? 0;
    this.#counts[slot] = id?.count ?? 0;
    this.#channels[slot] = this.#interned(channel);
    this.#levels[slot] = level;
    this.#arrivalTimes[slot] = arrivedAt;
    this.#ownTimes[slot] = ownTime;
    this.#shownTimes[slot] = shownTime;
    this.#sortKeys[slot] = sortKey;
    this.#distances[slot] = 0;
    this.#extents[slot] = 0;
    return seq;
  }

  // One string for all lines of a channel. A pattern may have channels without end, so names are forgotten with their lines.
  #interned(channel) {
    if (this.#names.size > 2 * this.capacity) {
      this.#names.clear();
      for (let seq = this.first; seq < this.end; seq += 1) this.#names.set(this.channel(seq), this.channel(seq));
    }
    if (!this.#names.has(channel)) this.#names.set(channel, channel);
    return this.#names.get(channel);
  }
}
