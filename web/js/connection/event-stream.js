// The one EventSource. It comes back by itself after a cut connection; where it gives up (any answer but 200)
// this module asks the hub why, waits, and opens a new one after the last line received.
//
//     connecting -> live -> reconnecting -> live ...      stopped (by the reader)   ended (by the publisher)   error (a 4xx)

import { retryDelayMs } from "./backoff.js";
import { isPattern, withMarkers } from "../protocol/channels.js";
import { bareFence } from "../protocol/ids.js";
import { refusalDetail, errorText } from "../protocol/errors.js";

const MARGIN_MS = 2_000;
const ANSWER_MS = 30_000;
/** The states in which nothing comes, and nothing is tried. */
export const STILL = ["stopped", "ended", "error"];

export class Stream {
  #source = null;
  #timer = 0;
  #probe = null;
  #attempt = 0;
  #cursor = null;
  #openedAt = null;
  #why = null;
  #tail = 0;
  #on;

  /** `on` has `lines(batch)`, `gap(gap)` and `state(state)`. */
  constructor(on) {
    this.#on = on;
    this.channels = [];
    /** How many lines of one among several channels the hub may deliver in a second; 0: all. */
    this.guard = 0;
    /** The channels, as patterns, that the reader may see. */
    this.seen = ["*"];
    this.state = { name: "stopped" };
  }

  get running() {
    return !STILL.includes(this.state.name);
  }

  /** Watch these channels from their last `tail` lines on. */
  watch(channels, tail) {
    this.channels = channels;
    this.#tail = tail;
    this.#cursor = null;
    this.#openedAt = null;
    this.#connect();
  }

  /** Name these channels but do not ask for them: the hub would not take them. */
  refuse(channels, detail) {
    this.channels = channels;
    this.#become({ name: "error", detail });
  }

  /** Watch another set of channels and miss nothing of those watched before. */
  change(channels) {
    this.channels = channels;
    this.#cursor = bareFence(this.#cursor);
    this.#connect();
  }

  /** Go on from where it stopped. */
  start() {
    if (!this.running) this.#connect();
  }

  /** Close on purpose; nothing reconnects until `start`. */
  stop(name = "stopped") {
    this.#close();
    this.#become({ name });
  }

  /** Nothing has been heard of the hub for long: begin anew after what was received. */
  restart() {
    this.#close();
    this.#retryLater(null, "stale");
  }

  /** Stop waiting for the next try. */
  retryNow() {
    if (["reconnecting", "offline", "stale"].includes(this.state.name)) this.#connect();
  }

  #connect() {
    this.#close();
    this.#why = null;
    // A hub that gives no sign may not answer this either: then that stays what is said.
    if (this.state.name !== "stale") this.#become({ name: "connecting" });
    const source = new EventSource(this.#url());
    this.#source = source;
    this.#expectAnswer();
    source.onopen = () => this.#opened();
    source.onerror = () => this.#lost(source);
    source.addEventListener("lines", (event) => this.#received(event, "lines"));
    source.addEventListener("gap", (event) => this.#received(event, "gap"));
    source.addEventListener("refused", (event) => {
      this.#why = refusalDetail(event.data);
    });
  }

  #url() {
    const query = new URLSearchParams(withMarkers(this.channels, this.seen).map((channel) => ["channel", channel]));
    query.append("batch", "1");
    // One loud channel must not drown the others; alone it is shown whole.
    if (this.guard > 0 && (this.channels.length > 1 || this.channels.some(isPattern))) query.append("guard", String(this.guard));
    const since = this.#position();
    if (since) query.append("since", since);
    else if (this.#tail > 0) query.append("tail", String(this.#tail));
    return `message?${query}`;
  }

  // Without a line there is no id to resume after, and the id-only checkpoints are hidden from scripts: then the
  // moment the stream opened is the position, less the time a fence and a clock may lag behind.
  #position() {
    return this.#cursor ?? this.#openedAt;
  }

  #opened() {
    clearTimeout(this.#timer);
    this.#attempt = 0;
    this.#openedAt ??= new Date(Date.now() - MARGIN_MS).toISOString();
    this.#become({ name: "live" });
  }

  #received(event, kind) {
    if (event.lastEventId) this.#cursor = event.lastEventId;
    let data;
    try {
      data = JSON.parse(event.data);
    } catch {
      this.#on.gap({ channel: null, lost: null, reason: "unreadable" });
      return;
    }
    this.#on[kind](data);
  }

  #lost(source) {
    if (source.readyState === EventSource.CLOSED) this.#ask();
    else if (!navigator.onLine) this.#become({ name: "offline" });
    else {
      this.#expectAnswer();
      this.#become({ name: "reconnecting", detail: this.#why });
    }
    this.#why = null;
  }

  // A request that is taken and never answered would wait for as long as TCP does.
  #expectAnswer() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.restart(), ANSWER_MS);
  }

  // An EventSource does not tell what the hub answered, so ask again with fetch and read no more than needed.
  async #ask() {
    this.#close();
    this.#become({ name: "reconnecting" });
    const probe = new AbortController();
    this.#probe = probe;
    this.#expectAnswer();
    let answer = null;
    try {
      answer = await fetch(this.#url(), { signal: probe.signal, headers: { Accept: "text/event-stream" } });
      if (answer.ok) probe.abort();
    } catch {
      answer = null;
    }
    if (this.#probe !== probe) return;
    const detail = answer && !answer.ok ? await errorText(answer) : null;
    if (this.#probe !== probe) return;
    this.#close();
    const refused = answer && answer.status >= 400 && answer.status < 500 && answer.status !== 429;
    if (refused) this.#become({ name: "error", detail });
    else this.#retryLater(detail);
  }

  #retryLater(detail, name = "reconnecting") {
    const delay = retryDelayMs(this.#attempt);
    this.#attempt += 1;
    this.#timer = setTimeout(() => this.#connect(), delay);
    this.#become({ name, detail, retryAt: Date.now() + delay });
  }

  #close() {
    clearTimeout(this.#timer);
    this.#probe?.abort();
    this.#probe = null;
    this.#source?.close();
    this.#source = null;
  }

  #become(state) {
    this.state = state;
    this.#on.state(state);
  }
}
