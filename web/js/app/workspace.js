// What is held and what of it is asked for: the stream, the ring, the lists over it, and the reader's filter. No DOM.
//
//     Stream, Older --> Intake --> Ring --> Shown (one list of seqs for each pane)
//     filter, levels, time range --> the test each list applies

import { covers, isPattern } from "../protocol/channels.js";
import { maskOf } from "../store/multiline.js";
import { Intake } from "../store/ingest.js";
import { Older } from "../connection/history-loader.js";
import { HeldLine, compileQuery } from "../query/index.js";
import { Ring } from "../store/ring.js";
import { Series } from "../store/series.js";
import { Shown } from "../store/lists.js";
import { Stream } from "../connection/event-stream.js";

const CLOSE_AFTER_MS = 200;
const RELEASE_MS = 50;
const LOST = ["reconnecting", "stale", "offline"];

export class Desk {
  #on;
  #ending = 0;
  #waiting = [];
  #releasing = 0;
  #lostAt = null;
  #zoneOf;

  /**
   * `held` lines are kept; `guard`: see Stream. `on` has `changed()`: lines or notes came or went, `state(state)`, and `abandoned(source)`: an expression was too
   * slow. `zoneOf()` is the reader's zone, for times in a filter.
   */
  constructor(held, guard, zoneOf, on) {
    this.#on = on;
    this.#zoneOf = zoneOf;
    this.ring = new Ring(held);
    this.line = new HeldLine(this.ring);
    this.shown = new Shown(this.ring);
    this.series = new Series();
    this.intake = new Intake(this.ring, this.shown, this.series);
    this.older = new Older(this.ring, this.intake, () => on.changed());
    this.asked = { text: "", off: new Set(), hidden: new Set(), range: null };
    this.query = compileQuery("");
    this.unshown = 0;
    /** Resolved when the filter asked for last is in place. */
    this.settled = Promise.resolve();
    this.stream = new Stream({
      lines: (batch) => this.#lines(batch),
      gap: (gap) => {
        this.intake.gap(gap, Date.now());
        on.changed();
      },
      state: (state) => this.#connection(state),
    });
    this.stream.guard = guard;
  }

  get channels() {
    return this.stream.channels;
  }

  /** The list of the first pane: all that passes. */
  get view() {
    return this.shown.main;
  }

  /** Ask for other lines: any of `text`, `off`, `hidden`, `range`. Returns the fault of the text, or null; with one, the last good filter stays. */
  ask(wanted) {
    const next = { ...this.asked, ...wanted };
    const query = compileQuery(next.text, {
      off: next.off, now: Date.now(), zone: this.#zoneOf(), abandoned: (source) => this.#on.abandoned(source),
    });
    if (query.fault) return query.fault;
    this.asked = next;
    this.query = query;
    this.refilter();
    return null;
  }

  /** Apply what is asked for to all that is held. */
  refilter() {
    const { hidden, range } = this.asked;
    const { test } = this.query;
    const { ring, line } = this;
    const level = hidden.size > 0;
    const plain = test === null && !level ? null : (seq) => !(level && hidden.has(ring.level(seq))) && (test === null || test(line.at(seq)));
    // A filter that comes before another was in place is never in place: who waits for it waits for the other.
    this.settled = new Promise((done) => this.#waiting.push(done));
    this.shown.refilter(plain, range, () => {
      for (const done of this.#waiting.splice(0)) done();
      this.#on.changed();
    });
  }

  /** Watch these channels from their last `tail` lines on. */
  open(channels, tail) {
    this.#watch(channels);
    this.stream.watch(channels, tail);
    this.older.reset(channels);
  }

  /** Watch other channels. What stays open loses nothing, what is closed is forgotten. */
  change(channels, tail) {
    const open = this.stream.channels;
    const kept = channels.some((name) => open.includes(name)) && this.stream.state.name !== "ended";
    clearTimeout(this.#ending);
    this.#watch(channels);
    this.intake.forget((channel) => kept && covers(channels, channel));
    if (kept) for (const name of channels) if (!covers(open, name)) this.intake.joined(name, Date.now());
    this.refilter();
    if (kept) this.stream.change(channels);
    else this.stream.watch(channels, tail);
    this.older.reset(channels);
  }

  /** Watch these channels and hold none of the lines held so far: all of them are shown from their last `tail` lines on. */
  anew(channels, tail) {
    clearTimeout(this.#ending);
    this.intake.forget(() => false);
    this.refilter();
    this.open(channels, tail);
  }

  /** Show lines that say the same, apart from their numbers, as one. */
  foldRepeats(wanted) {
    this.shown.maskOf = wanted ? (seq) => maskOf(this.ring.channel(seq), this.line.at(seq).record) : null;
    this.refilter();
  }

  /** Read times without a zone in this one; null: see normalise(). */
  readIn(zone) {
    this.intake.readIn(zone);
    this.refilter();
  }

  start() {
    this.stream.start();
  }

  stop() {
    clearTimeout(this.#ending);
    this.stream.stop();
  }

  /** Hold lines of several channels back for so many ms, to put them in order. */
  holdBack(windowMs) {
    this.intake.holdBack(this.channels.length > 1 || this.channels.some(isPattern) ? windowMs : 0);
  }

  // Where the stream was cut, a row says for how long.
  #connection(state) {
    const now = Date.now();
    if (LOST.includes(state.name)) this.#lostAt ??= now;
    else if (state.name !== "connecting") {
      if (state.name === "live" && this.#lostAt !== null && this.ring.held > 0) {
        this.intake.note("", { kind: "reconnect", n: Math.ceil((now - this.#lostAt) / 1_000) }, now);
      }
      this.#lostAt = null;
    }
    this.#on.state(state);
  }

  #watch(channels) {
    this.intake.watches = (name) => covers(channels, name);
  }

  #releaseLater() {
    if (this.#releasing || this.intake.waiting === 0) return;
    this.#releasing = setTimeout(() => {
      this.#releasing = 0;
      this.intake.release(Date.now());
      this.#releaseLater();
      this.#on.changed();
    }, RELEASE_MS);
  }

  #lines(batch) {
    clearTimeout(this.#ending);
    this.unshown += batch.length;
    const closed = this.intake.lines(batch, Date.now());
    this.#releaseLater();
    // A replay may go on after an old "closed": the publisher has finished when nothing follows it.
    if (closed !== null && this.channels.length === 1 && this.channels[0] === closed) {
      this.#ending = setTimeout(() => this.stream.running && this.stream.stop("ended"), CLOSE_AFTER_MS);
    }
    this.#on.changed();
  }
}
