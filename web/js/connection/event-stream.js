// The one EventSource. It reconnects by itself after a cut; when it gives up (any answer but 200), this module asks the hub for
// the reason, waits, and opens a new one after the last line received.
//
//     connecting -> live -> reconnecting -> live ...      stopped (by the reader)   ended (by the publisher)   error (a 4xx)
//
// Where a connection was only lent to this tab, a stream that the tabs share takes over once this one has caught up.

import { t } from "../i18n/translate.js";
import { isPattern, passingOwn, withOwn } from "../protocol/channels.js";
import { errorText, refusalDetail } from "../protocol/errors.js";
import { bareFence, timeOfId } from "../protocol/ids.js";
import { retryDelayMs } from "./backoff.js";

const ANSWER_MS = 30_000;
// A stream has caught up when its position is this young: the hub sends one as soon as it has sent the old lines. A clock that is
// wrong can't tell, but then the stream comes to rest.
const CAUGHT_UP_MS = 3_000;
const QUIET_MS = 3_000;
// A tab that finds no place in a shared stream takes turns with others like it.
const TURN_MS = 5_000;
// A stream that needs nobody's leave to connect.
const UNLIMITED = { held: "own", acquire() { this.on.granted(); }, release() {} };
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
  #heardAt = 0;
  #suspended = false;
  #base;
  #connection;
  #on;

  /** `on` has `lines(batch)`, `gap(gap)`, `state(state)`, and `short()` if older lines pass the filter that the hub has not looked for. `base` is where the hub is, with a slash at the end; `connection`: see TabConnection. */
  constructor(on, { base = "", connection = { ...UNLIMITED } } = {}) {
    this.#on = on;
    this.#base = base;
    this.#connection = connection;
    connection.on = {
      granted: () => this.#openSource(),
      waiting: () => this.#setState({ name: "connecting", detail: t("state.waiting") }),
      check: () => this.#share(),
      shared: () => this.#onShared(),
      full: () => this.#waitForTurn(),
      lost: () => this.#connect(),
      lines: (rows, cursor) => this.#onShare("lines", rows, cursor),
      gap: (gap, cursor) => this.#onShare("gap", gap, cursor),
      cursor: (cursor) => (this.#cursor = cursor),
      state: (state) => this.#setState(state.name === "live" ? { name: "live", detail: t("state.shared") } : state),
    };
    this.channels = [];
    /** How far the clock of this browser is ahead of the hub's, in ms. */
    this.clockSkew = 0;
    /** How many lines a second the hub may deliver of one channel among several; 0: all. */
    this.guard = 0;
    /** Only lines that pass this filter are requested, `{q, zone}`; null: all. */
    this.filter = null;
    /** The channels that the reader may see, as patterns. */
    this.visibleChannels = ["*"];
    this.state = { name: "stopped" };
  }

  /** The id after the newest line received, or null. */
  get cursor() {
    return this.#cursor;
  }

  /** What this tab has: see TabConnection.held. */
  get connection() {
    return this.#connection.held;
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

  /** Open these channels, from a fence on. */
  openFrom(channels, fence) {
    this.channels = channels;
    this.#cursor = fence;
    this.#connect();
  }

  /** Name these channels without requesting them, because the hub would refuse them. */
  reject(channels, detail) {
    this.#close();
    this.channels = channels;
    this.#setState({ name: "error", detail });
  }

  /** Open another set of channels and miss nothing of those that stay open. */
  changeChannels(channels) {
    this.channels = channels;
    this.#cursor = bareFence(this.#cursor);
    this.#connect();
  }

  /** Go on after the last line received, with another filter; null: none. A stream that the reader has stopped stays so. */
  refilter(filter) {
    this.filter = filter;
    this.#cursor = bareFence(this.#cursor);
    if (this.running || this.state.name === "error") this.#connect();
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

  /** Let go of the connection while the browser keeps the page from running. */
  suspend() {
    if (!this.running) return;
    this.#suspended = true;
    this.#close();
    this.#connection.release();
  }

  /** Go on after `suspend`. */
  resume() {
    if (!this.#suspended) return;
    this.#suspended = false;
    this.#connect();
  }

  /** The hub has been silent for too long: reconnect after the last line received. */
  restart() {
    this.#close();
    this.#retryLater(null, "stale");
  }

  /** Make the next attempt now. */
  retryNow() {
    if (!["reconnecting", "offline", "stale"].includes(this.state.name)) return;
    if (this.#connection.held === "shared") this.#connection.retry();
    else this.#connect();
  }

  #connect() {
    this.#close();
    this.#refusal = null;
    // A silent hub may not answer this request either: the page keeps saying so until it does.
    if (this.state.name !== "stale") this.#setState({ name: "connecting" });
    this.#connection.acquire();
  }

  #openSource() {
    if (this.state.name === "connecting" && this.state.detail) this.#setState({ name: "connecting" });
    const source = new EventSource(this.#url());
    this.#source = source;
    this.#expectAnswer();
    source.onopen = () => this.#onOpen();
    source.onerror = () => this.#onError(source);
    source.addEventListener("lines", (event) => this.#onEvent(event, "lines"));
    source.addEventListener("gap", (event) => this.#onEvent(event, "gap"));
    // The hub tells the position at the beginning, with each heartbeat and at the end.
    source.addEventListener("auth", (event) => this.#setCursor(event));
    source.addEventListener("checkpoint", (event) => {
      this.#setCursor(event);
      // It has looked for lines that pass the filter, and not found as many as were asked for.
      if (event.data.includes("reached")) this.#on.short?.();
    });
    source.addEventListener("refused", (event) => {
      this.#setCursor(event);
      this.#refusal = refusalDetail(event.data);
    });
  }

  #url() {
    const channels = withOwn(this.channels, this.visibleChannels);
    const query = new URLSearchParams(channels.map((channel) => ["channel", channel]));
    query.append("batch", "1");
    if (this.filter) {
      query.append("q", passingOwn(this.filter.q, channels));
      query.append("zone", this.filter.zone);
    }
    if (this.#guardNeeded > 0) query.append("guard", String(this.#guardNeeded));
    if (this.#cursor) query.append("since", this.#cursor);
    else if (this.#tail > 0) query.append("tail", String(this.#tail));
    return `${this.#base}message?${query}`;
  }

  // One loud channel must not drown the others; a channel that is open alone is shown whole.
  get #guardNeeded() {
    return this.channels.length > 1 || this.channels.some(isPattern) ? this.guard : 0;
  }

  #onOpen() {
    clearTimeout(this.#timer);
    this.#attempt = 0;
    this.#heardAt = performance.now();
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

  // Others wait for a connection that was only lent. A stream that is far behind would make all that share one read its past.
  #share() {
    const since = bareFence(this.#cursor);
    if (this.state.name !== "live" || since === null) return;
    const behindMs = Date.now() - this.clockSkew - timeOfId(since);
    if (behindMs > CAUGHT_UP_MS && performance.now() - this.#heardAt < QUIET_MS) return;
    const { channels, visibleChannels: visible, filter } = this;
    this.#connection.share({ channels, visible, guard: this.#guardNeeded, filter, since, base: new URL(".", document.baseURI).href });
  }

  #waitForTurn() {
    this.#close();
    this.#connection.release();
    this.#timer = setTimeout(() => this.#connect(), TURN_MS);
    this.#setState({ name: "connecting", detail: t("state.full") });
  }

  #onShared() {
    this.#close();
    this.#connection.giveBack();
    this.#setState({ name: "live", detail: t("state.shared") });
  }

  #onShare(kind, data, cursor) {
    this.#cursor = cursor;
    this.#on[kind](data);
  }

  #setCursor(event) {
    this.#heardAt = performance.now();
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
    if (refused) this.#setState({ name: "error", detail, status: answer.status });
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
    if (this.#connection.held === "shared") this.#connection.release();
  }

  #setState(state) {
    this.state = state;
    if (!this.running) this.#connection.release();
    this.#on.state(state);
  }
}
