// What is held, and which of it is shown: the stream, the ring, the lists over it, and the reader's filter. No DOM.
//
//     ReconnectingStream, HistoryLoader --> Ingest --> Ring --> Lists (one list of seqs for each pane)
//     text, levels, time range          --> the test that each list applies

import { HistoryLoader } from "../connection/history-loader.js";
import { LogSearch } from "../connection/log-search.js";
import { ReconnectingStream } from "../connection/event-stream.js";
import { visible } from "../format/text.js";
import { covers, isPattern } from "../protocol/channels.js";
import { parseId } from "../protocol/ids.js";
import { hubZone, logFilter } from "../query/hub-filter.js";
import { HeldLine, compileQuery } from "../query/index.js";
import { AlertMarks } from "../store/alert-marks.js";
import { Facets } from "../store/facets.js";
import { Ingest } from "../store/ingest.js";
import { LineCounter } from "../store/line-counter.js";
import { Lists } from "../store/lists.js";
import { templateOf } from "../store/multiline.js";
import { PinNotes } from "../store/pin-notes.js";
import { ResultCounter } from "../store/result-counter.js";
import { Ring } from "../store/ring.js";
import { Series } from "../store/series.js";

const CLOSE_AFTER_MS = 200;
const RELEASE_MS = 50;
const RECOUNT_MS = 200;
const LONGEST_SHOWN = 200;
const LOST_STATES = ["reconnecting", "stale", "offline"];

export class Workspace {
  #ending = 0;
  #waiting = [];
  #releasing = 0;
  #recounting = 0;
  #lostAt = null;
  #pinNotes = new PinNotes();
  #zoneOf;
  #pastSince = 0;

  /** The ring holds `capacity` lines; `guard` and `connection`: see ReconnectingStream. `zoneOf()` is the reader's zone, for times in a filter. */
  constructor(capacity, guard, zoneOf, connection) {
    this.#zoneOf = zoneOf;
    this.ring = new Ring(capacity);
    this.line = new HeldLine(this.ring);
    this.lists = new Lists(this.ring);
    this.series = new Series();
    this.counter = new LineCounter(this.ring);
    this.facets = new Facets();
    this.result = new ResultCounter(this.ring, this.facets);
    this.ingest = new Ingest(this.ring, this.lists, this.series);
    this.alerts = new AlertMarks();
    this.ingest.onAlert = (id, line) => this.alerts.add(id, line) && this.onAlert();
    this.history = new HistoryLoader(this.ring, this.ingest, () => this.onChange());
    this.history.onStart = () => this.#endSearch();
    /** The search of the log for lines that pass the filter. */
    this.search = new LogSearch({
      found: (page) => (this.ingest.addOlder(page), this.ring.room > 0),
      changed: () => this.onChange(),
    });
    this.filter = { text: "", off: new Set(), hidden: new Set(), range: null };
    this.query = compileQuery("");
    /** True while the filter stays what it is, but hides nothing: a line is shown among its neighbours. */
    this.lifted = false;
    /** The pinned filter, `{q, zone}`: only lines that pass it come from the hub; null: all lines. */
    this.pinned = null;
    /** The range of time, `[from, to]` in ms, whose lines are shown out of the log while live lines wait; null: live. */
    this.past = null;
    /** How many live lines wait. */
    this.waiting = 0;
    /** Lines received since the page was last drawn. */
    this.undrawn = 0;
    /** Resolved when the latest filter is in place. */
    this.settled = Promise.resolve();
    /** Called when lines or notes were added or removed. */
    this.onChange = () => {};
    /** Called with the new state of the stream. */
    this.onState = () => {};
    /** Called with the source of an expression that was too slow. */
    this.onAbandoned = () => {};
    /** Called when an alert marks a line. */
    this.onAlert = () => {};
    /** Called when the times of lines held have changed. */
    this.onReread = () => {};
    /** Called with `moved(seq)`, the new seq of each line, when lines have changed places. */
    this.onReorder = () => {};
    this.stream = new ReconnectingStream({
      lines: (batch) => this.#addLines(batch),
      gap: (gap) => {
        if (this.past) return;
        this.#addPinNotes();
        this.ingest.addGap(gap, Date.now());
        this.onChange();
      },
      state: (state) => this.#setConnection(state),
      short: () => this.history.load(),
    }, { connection });
    this.stream.guard = guard;
    this.#countLines();
  }

  get channels() {
    return this.stream.channels;
  }

  /** The list of everything that passes the filter. */
  get list() {
    return this.lists.main;
  }

  /** Change the filter: any of `text`, `off`, `hidden`, `range`. Returns what is wrong with the text, or null; if anything is, the last good filter stays. */
  setFilter(changes) {
    const next = { ...this.filter, ...changes };
    const query = compileQuery(next.text, {
      off: next.off, now: Date.now(), zone: this.#zoneOf(), onAbandoned: (source) => this.onAbandoned(source),
    });
    if (query.fault) return query.fault;
    if (keyOf(next) !== keyOf(this.filter)) this.#endSearch();
    this.filter = next;
    this.query = query;
    this.lifted = false;
    this.refilter();
    return null;
  }

  /** Pin a filter, `{q, zone}`, or none. The stream goes on from where it is; rows say of which lines only some are held. */
  pin(filter) {
    const same = filter?.q === this.pinned?.q;
    const shown = visible((filter ?? this.pinned)?.q ?? "").slice(0, LONGEST_SHOWN);
    this.#endSearch();
    this.pinned = filter;
    // Said when the hub has accepted it, at the place where it begins to count. In another zone, it goes on.
    if (!same) this.#pinNotes.ask({ kind: filter ? "pinned" : "unpinned", filter: shown });
    if (this.history.refilter(filter) && !same && this.ring.held > 0) this.ingest.addOlderNote({ kind: "unpinnedAbove", filter: shown });
    this.stream.refilter(filter);
    this.onChange();
  }

  /** Search the log for lines that pass the filter, from the oldest line held back, or go on. What is found is put above the lines held. */
  async searchLog() {
    await this.history.settled;
    if (this.search.state.name !== "idle") return this.search.goOn();
    const zone = this.#zoneOf();
    const q = logFilter(this.filter, { zone, pinned: this.pinned?.q ?? null });
    const before = this.history.position;
    this.ingest.beginFound({ kind: "found" });
    return this.search.begin({ channels: this.channels, q, zone: hubZone(zone, Date.now()) }, before);
  }

  /** Hold a line that a search has found together with all lines since, so that it has its neighbours. Returns its seq; null: there is no room. */
  async holdAround(seq) {
    if (!this.ingest.isFound(seq)) return seq;
    const channel = this.ring.channel(seq);
    const id = parseId(this.ring.id(seq));
    const find = () => this.ring.seqOf(channel, id);
    this.#endSearch();
    await this.history.loadUntil(() => find() !== null);
    return find();
  }

  #endSearch() {
    this.search.reset();
    this.ingest.dropFound();
  }

  /** Show all lines and leave the filter as it is, or apply it again. */
  lift(lifted) {
    this.lifted = lifted;
    this.refilter();
  }

  /** True if the filter hides lines, or would if it was not lifted. */
  get filtered() {
    const { text, range, hidden } = this.filter;
    return text !== "" || range !== null || hidden.size > 0;
  }

  /** True if a line passes the filter, lifted or not. */
  isHit(seq) {
    const { range } = this.filter;
    const time = this.ring.shownTime(seq);
    return !this.ring.isNote(seq) && (this.#test?.(seq) ?? true) && (range === null || (time >= range[0] && time <= range[1]));
  }

  // What text and levels of the filter say of a line; null: they let all pass.
  get #test() {
    const { hidden } = this.filter;
    const { test } = this.query;
    const { ring, line } = this;
    const byLevel = hidden.size > 0;
    return test === null && !byLevel ? null : (seq) => !(byLevel && hidden.has(ring.level(seq))) && (test === null || test(line.at(seq)));
  }

  /** Apply the filter to all lines held. */
  refilter() {
    const [accepts, range] = this.lifted ? [null, null] : [this.#test, this.filter.range];
    // A filter that is replaced before it is in place never will be: whoever waits for it waits for its successor.
    this.settled = new Promise((done) => this.#waiting.push(done));
    // A level that is hidden says nevertheless how many of its lines the rest of the filter finds.
    const { ring, line } = this;
    const { hidden } = this.filter;
    const { test } = this.query;
    const hiddenOnly = hidden.size > 0 ? (seq) => hidden.has(ring.level(seq)) && (test === null || test(line.at(seq))) : null;
    const unfiltered = this.lifted || (test === null && range === null);
    const done = () => {
      for (const each of this.#waiting.splice(0)) each();
      this.onChange();
    };
    this.lists.refilter(accepts, range, done, unfiltered ? undefined : hiddenOnly);
  }

  /** Open these channels, from their last `tail` lines on. */
  open(channels, tail) {
    this.#accept(channels);
    this.stream.open(channels, tail);
    this.history.begin(channels);
  }

  /** Open another set of channels. Those that stay open lose nothing, those that are closed are forgotten. */
  changeChannels(channels, tail) {
    const open = this.stream.channels;
    const kept = channels.some((name) => open.includes(name)) && this.stream.state.name !== "ended";
    clearTimeout(this.#ending);
    this.#endSearch();
    this.#accept(channels);
    this.ingest.forget((channel) => kept && covers(channels, channel));
    const joined = kept && !this.past ? channels.filter((name) => !covers(open, name)) : [];
    for (const name of joined) this.ingest.noteJoined(name, Date.now());
    this.refilter();
    if (kept) {
      this.stream.changeChannels(channels);
      this.history.reset(channels);
      this.history.join(joined);
    } else {
      this.stream.open(channels, tail);
      this.history.begin(channels);
    }
    if (this.past) this.showPast(this.past);
  }

  /** Forget all lines held and open these channels, each from its last `tail` lines on. */
  reopen(channels, tail) {
    clearTimeout(this.#ending);
    this.#endSearch();
    this.past = null;
    this.history.within(null);
    this.ingest.forget(() => false);
    this.refilter();
    this.open(channels, tail);
  }

  /** Forget all lines held, and load those of a range of time, newest first; live lines are counted and wait until `reopen`. */
  showPast(range) {
    clearTimeout(this.#ending);
    this.#endSearch();
    if (!this.past) {
      this.waiting = 0;
      this.#pastSince = Date.now() - this.ingest.clockSkew;
    }
    this.past = range;
    this.ingest.forget(() => false);
    this.refilter();
    this.history.within(range);
    this.history.load();
  }

  /** True if the lines held are all that there are of a range of time, as far as the page can know. */
  holds([from, to]) {
    const { ring, past, history } = this;
    if (past && (to > past[1] || from < past[0])) return false;
    const extent = ring.timeExtent();
    if (extent === null) return false;
    return ring.arrivedAt(ring.first) <= from || (extent[0] <= from && from <= extent[1]) || (past !== null && history.state.name === "edge");
  }

  /** Show lines in a row that differ only in their numbers as one. */
  foldRepeats(folded) {
    this.lists.templateOf = folded ? (seq) => templateOf(this.ring.channel(seq), this.line.at(seq).record) : null;
    this.refilter();
  }

  /** Read times without a zone in this zone; null: see PublisherZones. */
  readTimesIn(zone) {
    this.ingest.readTimesIn(zone);
    this.refilter();
  }

  /** Order lines by this time, one of ORDERS, see line-times.js. */
  orderBy(order) {
    this.ingest.orderBy(order);
    this.refilter();
  }

  start() {
    this.stream.start();
  }

  stop() {
    clearTimeout(this.#ending);
    this.stream.stop();
  }

  /** Hold lines of several channels back for this many ms, to put them in order. */
  holdBack(windowMs) {
    this.ingest.holdBack(this.channels.length > 1 || this.channels.some(isPattern) ? windowMs : 0);
  }

  // Facets and bars count each line for as long as it is held.
  #countLines() {
    const { counter, facets, result, ring, ingest } = this;
    this.lists.counter = counter;
    this.lists.result = result;
    ingest.onLine = (seq, record) => facets.add(seq, record);
    ingest.onReorder = (part, moved) => {
      facets.reorder(part);
      counter.reorder(part);
      result.reorder(part);
      this.onReorder(moved);
    };
    ingest.onReread = () => this.#recount();
    ring.onDrop = (seq) => {
      counter.remove(seq);
      result.remove(seq);
      facets.remove(seq);
    };
    ring.onMove = (from, to) => facets.move(from, to);
  }

  // Counts and filters by time are wrong now. With many channels, the zones of several may be found one after the other.
  #recount() {
    this.onReread();
    this.#recounting ||= setTimeout(() => {
      this.#recounting = 0;
      this.refilter();
    }, RECOUNT_MS);
  }

  // Where the stream was cut, a row says for how long.
  #setConnection(state) {
    const now = Date.now();
    if (LOST_STATES.includes(state.name)) this.#lostAt ??= now;
    else if (state.name !== "connecting") {
      if (state.name === "live" && this.#lostAt !== null && this.ring.held > 0) {
        this.ingest.addNote("", { kind: "reconnect", n: Math.ceil((now - this.#lostAt) / 1_000) }, now);
      }
      this.#lostAt = null;
    }
    if (state.name === "live") this.#pinNotes.accept(now);
    else if (state.name === "error") this.#pinNotes.refuse();
    this.onState(state);
  }

  #accept(channels) {
    this.ingest.accepts = (name) => covers(channels, name);
  }

  // With the next line: before that, they would stand above nothing.
  #addPinNotes() {
    for (const [note, at] of this.#pinNotes.take()) if (this.ring.held > 0) this.ingest.addNote("", note, at);
  }

  #releaseLater() {
    if (this.#releasing || !this.ingest.unsettled) return;
    this.#releasing = setTimeout(() => {
      this.#releasing = 0;
      this.ingest.release(Date.now());
      this.#releaseLater();
      this.onChange();
    }, RELEASE_MS);
  }

  #addLines(batch) {
    clearTimeout(this.#ending);
    if (this.past) {
      this.waiting += this.ingest.passBy(batch, Date.now(), this.#pastSince);
      return this.onChange();
    }
    this.undrawn += batch.length;
    this.#addPinNotes();
    const closed = this.ingest.addLines(batch, Date.now());
    this.#releaseLater();
    // A replay may go on after an old "closed": the publisher has finished when nothing follows it.
    if (closed !== null && this.channels.length === 1 && this.channels[0] === closed) {
      this.#ending = setTimeout(() => this.stream.running && this.stream.stop("ended"), CLOSE_AFTER_MS);
    }
    return this.onChange();
  }
}

// Whatever decides which lines pass.
const keyOf = ({ text, off, hidden, range }) => JSON.stringify([text, [...off].sort(), [...hidden].sort(), range]);
