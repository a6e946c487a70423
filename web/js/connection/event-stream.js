// The one EventSource. It reconnects by itself after a cut; when it gives up (any answer but 200), this module asks the hub for
// the reason, waits, and opens a new one after the last line received.
//
//     connecting -> live -> reconnecting -> live ...      stopped (by the reader)   ended (by the publisher)   error (a 4xx)

import { isPattern, withMarkers } from "../protocol/channels.js";
import { errorText, refusalDetail } from "../protocol/errors.js";
import { bareFence } from "../protocol/ids.js";
import { retryDelayMs } from "./backoff.js";

const ANSWER_MS = 30_000;
/** The states in which nothing arrives and no attempt is made. */
export const IDLE_STATES = ["stopped", "ended", "error"];

export class ReconnectingStream {
  #source = null;
  #timer = 0;
  #probe = null;
  #attempt = 0;
  #cursor = null;
  #refusal = null;
  #tail = 0;
  #on;

  /** `on` has `lines(batch)`, `gap(gap)` and `state(state)`. */
  constructor(on) {
    this.#on = on;
    this.channels = [];
    /** How many lines a second the hub may deliver of one channel among several; 0: all. */
    this.guard = 0;
    /** The channels that the reader may see, as patterns. */
    this.visibleChannels = ["*"];
    this.state = { name: "stopped" };
  }

  get running() {
    return !IDLE_STATES.includes(this.state.name);
  }

  /** Open these channels, from their last `tail` lines on. */
  open(channels, tail) {
    this.channels = channels;
    this.#tail = tail;
    this.#cursor = null;
    this.#connect();
  }

  /** Name these channels without requesting them, because the hub would refuse them. */
  reject(channels, detail) {
    this.channels = channels;
    this.#setState({ name: "error", detail });
  }

  /** Open another set of channels and miss nothing of those that stay open. */
  changeChannels(channels) {
    this.channels = channels;
    this.#cursor = bareFence(this.#cursor);
    this.#connect();
  }

  /** Go on after the last line received. */
  start() {
    if (!this.running) this.#connect();
  }

  /** Close on purpose; nothing reconnects until `start`. */
  stop(name = "stopped") {
    this.#close();
    this.#setState({ name });
  }

  /** The hub has been silent for too long: reconnect after the last line received. */
  restart() {
    this.#close();
    this.#retryLater(null, "stale");
  }

  /** Make the next attempt now. */
  retryNow() {
    if (["reconnecting", "offline", "stale"].includes(this.state.name)) this.#connect();
  }

  #connect() {
    this.#close();
    this.#refusal = null;
    // A silent hub may not answer this request either: the page keeps saying so until it does.
    if (this.state.name !== "stale") this.#setState({ name: "connecting" });
    const source = new EventSource(this.#url());
    this.#source = source;
    this.#expectAnswer();
    source.onopen = () => this.#onOpen();
    source.onerror = () => this.#onError(source);
    source.addEventListener("lines", (event) => this.#onEvent(event, "lines"));
    source.addEventListener("gap", (event) => this.#onEvent(event, "gap"));
    // The hub tells the position at the beginning, with each heartbeat and at the end.
    for (const type of ["checkpoint", "auth"]) source.addEventListener(type, (event) => this.#setCursor(event));
    source.addEventListener("refused", (event) => {
      this.#setCursor(event);
      this.#refusal = refusalDetail(event.data);
    });
  }

  #url() {
    const query = new URLSearchParams(withMarkers(this.channels, this.visibleChannels).map((channel) => ["channel", channel]));
    query.append("batch", "1");
    // One loud channel must not drown the others; a channel that is open alone is shown whole.
    if (this.guard > 0 && (this.channels.length > 1 || this.channels.some(isPattern))) query.append("guard", String(this.guard));
    if (this.#cursor) query.append("since", this.#cursor);
    else if (this.#tail > 0) query.append("tail", String(this.#tail));
    return `message?${query}`;
  }

  #onOpen() {
    clearTimeout(this.#timer);
    this.#attempt = 0;
    this.#setState({ name: "live" });
  }

  #onEvent(event, kind) {
    this.#setCursor(event);
    let data;
    try {
      data = JSON.parse(event.data);
    } catch {
      this.#on.gap({ channel: null, lost: null, reason: "unreadable" });
      return;
    }
    this.#on[kind](data);
  }

  #setCursor(event) {
    if (event.lastEventId) this.#cursor = event.lastEventId;
  }

  #onError(source) {
    if (source.readyState === EventSource.CLOSED) this.#probeHub();
    else if (!navigator.onLine) this.#setState({ name: "offline" });
    else {
      this.#expectAnswer();
      this.#setState({ name: "reconnecting", detail: this.#refusal });
    }
    this.#refusal = null;
  }

  // A request that is accepted and never answered would wait as long as TCP does.
  #expectAnswer() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.restart(), ANSWER_MS);
  }

  // An EventSource does not expose the hub's answer, so request it again with fetch and read no more than needed.
  async #probeHub() {
    this.#close();
    this.#setState({ name: "reconnecting" });
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
    if (refused) this.#setState({ name: "error", detail });
    else this.#retryLater(detail);
  }

  #retryLater(detail, name = "reconnecting") {
    const delay = retryDelayMs(this.#attempt);
    this.#attempt += 1;
    this.#timer = setTimeout(() => this.#connect(), delay);
    this.#setState({ name, detail, retryAt: Date.now() + delay });
  }

  #close() {
    clearTimeout(this.#timer);
    this.#probe?.abort();
    this.#probe = null;
    this.#source?.close();
    this.#source = null;
  }

  #setState(state) {
    this.state = state;
    this.#on.state(state);
  }
}
