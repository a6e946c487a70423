// The connections that the tabs of one browser share, in a SharedWorker: which tab may hold a stream, and streams for all others.
//
//     two tabs         a stream of their own
//     any other        one is lent a connection, catches up, and asks for its place in a shared stream; then it is the next one's turn
//     shared stream    the union of the channels of its tabs; each tab gets the lines of its own channels
//
// When a tab comes, its stream is opened again from the earliest position of all its tabs. So a tab may get lines again, which it
// drops by channel and id, as it does after any other change of its channels; it never misses one.

import { OWN, covers, isPattern } from "../protocol/channels.js";
import { bareFence, timeOfId } from "../protocol/ids.js";

// Four of six connections at the most, five where one shared stream is not enough: the rest is for pages, history and files.
const PLACES = { own: 2, lent: 1 };
const MAX_SHARED = 2;
// The hub's limit is 32; the page's own are two of them. Proxies limit the length of an address.
const MAX_CHANNELS = 30;
const MAX_NAMES_LENGTH = 5_000;
const CHECK_MS = 200;
const PING_MS = 3_000;
// A tab that answers none of two pings is gone, or frozen; then it asks again when it is back.
const GONE_MS = 7_000;
const NARROW_MS = 1_000;
const RETRY_MS = 15_000;
const TOLD_STATES = ["live", "reconnecting", "offline", "stale"];

export class SharedStreams {
  #makeStream;
  #tabs = new Map();
  #streams = [];

  /** `makeStream(on, base)` makes a ReconnectingStream. */
  constructor(makeStream) {
    this.#makeStream = makeStream;
    setInterval(() => this.#ping(), PING_MS);
    setInterval(() => this.#check(), CHECK_MS);
  }

  /** A tab has come; it speaks over this port, see TabConnection. */
  add(port) {
    port.onmessage = ({ data }) => this.#hear(port, data);
    port.onclose = () => this.#remove(port);
  }

  #hear(port, message) {
    if (!this.#tabs.has(port)) {
      this.#tabs.set(port, new Tab(port));
      if (message.kind === "pong") port.postMessage({ kind: "forgotten" });
    }
    const tab = this.#tabs.get(port);
    tab.heardAt = performance.now();
    if (message.id !== undefined) this.#identify(tab, message.id);
    switch (message.kind) {
      case "ask":
        this.#leave(tab);
        Object.assign(tab, { asked: true, hidden: message.hidden, turn: message.turn });
        this.#serve();
        if (tab.held === null) tab.post({ kind: "waiting" });
        break;
      case "hold":
        // It has a connection from a worker that ended, and keeps it if there is a place.
        Object.assign(tab, { held: this.#free("own") > 0 ? "own" : "lent", turn: message.turn });
        tab.post({ kind: "granted", held: tab.held, turn: tab.turn });
        break;
      case "share":
        this.#share(tab, message);
        break;
      case "returned":
        tab.held = null;
        this.#serve();
        break;
      case "leave":
        this.#leave(tab);
        this.#serve();
        break;
      case "retry":
        tab.stream?.retry();
        break;
      default:
    }
  }

  // A tab whose timers stood still takes the worker for dead, and comes again.
  #identify(tab, id) {
    tab.id = id;
    for (const [port, other] of this.#tabs) if (other !== tab && other.id === id) this.#remove(port);
  }

  #remove(port) {
    const tab = this.#tabs.get(port);
    if (!tab) return;
    this.#leave(tab);
    this.#tabs.delete(port);
    this.#serve();
  }

  #leave(tab) {
    Object.assign(tab, { held: null, asked: false });
    tab.stream?.remove(tab);
    this.#dropEmpty();
  }

  #dropEmpty() {
    this.#streams = this.#streams.filter((stream) => stream.tabs.size > 0);
  }

  // Those that somebody looks at come first.
  #serve() {
    for (const held of Object.keys(PLACES)) {
      const asking = [...this.#tabs.values()].filter(({ asked }) => asked).sort((one, other) => one.hidden - other.hidden);
      for (const tab of asking.slice(0, Math.max(0, this.#free(held)))) {
        Object.assign(tab, { held, asked: false });
        tab.post({ kind: "granted", held, turn: tab.turn });
      }
    }
  }

  #free(held) {
    return PLACES[held] - [...this.#tabs.values()].filter((tab) => tab.held === held).length;
  }

  #share(tab, { channels, visible, guard, filter, since, base }) {
    // It has left in the meantime, or has a place in a stream.
    if (tab.held !== "lent" || tab.stream) return undefined;
    this.#dropEmpty();
    let stream = this.#streams.find((each) => each.gives(guard, filter) && each.hasRoomFor(channels));
    if (!stream && this.#streams.length < MAX_SHARED) {
      stream = new SharedStream((on) => this.#makeStream(on, base), guard, filter);
      this.#streams.push(stream);
    }
    if (!stream) return tab.post({ kind: "full" });
    stream.add(tab, channels, visible, since);
    return undefined;
  }

  #check() {
    const now = performance.now();
    for (const tab of this.#tabs.values()) if (tab.held === "lent" && !tab.stream && now >= tab.shareAfter) tab.post({ kind: "check" });
  }

  #ping() {
    const now = performance.now();
    for (const [port, tab] of this.#tabs) {
      if (now - tab.heardAt > GONE_MS) this.#remove(port);
      else tab.post({ kind: "ping", cursor: tab.joined ? tab.stream.cursor : null });
    }
  }
}

class Tab {
  constructor(port) {
    this.port = port;
    this.id = null;
    this.asked = false;
    this.hidden = false;
    this.turn = 0;
    this.heardAt = performance.now();
    /** "own", "lent" or null. */
    this.held = null;
    /** The shared stream it has a place in, and whether it gets its lines from there yet. */
    this.stream = null;
    this.joined = false;
    /** When it may ask for a place, after a shared stream was refused with its channels. */
    this.shareAfter = 0;
    this.channels = [];
  }

  post(message) {
    this.port.postMessage(message);
  }

  /** True when this tab shows lines, or gaps, of a channel or pattern. */
  wants(channel) {
    return channel === null || OWN.includes(channel) || covers(this.channels, channel) || (isPattern(channel) && this.channels.some((name) => covers([channel], name)));
  }
}

class SharedStream {
  #stream;
  #narrowing = 0;
  #kind;

  constructor(makeStream, guard, filter) {
    this.#kind = kindOf(guard, filter);
    this.tabs = new Set();
    this.#stream = makeStream({
      lines: (rows) => this.#sendLines(rows),
      gap: (gap) => this.#sendGap(gap),
      state: (state) => this.#setState(state),
    });
    Object.assign(this.#stream, { guard, filter });
  }

  /** True when its lines are those that a tab with this guard and this filter wants. */
  gives(guard, filter) {
    return this.#kind === kindOf(guard, filter);
  }

  /** The fence of the newest line received, or null. */
  get cursor() {
    return bareFence(this.#stream.cursor);
  }

  get #channels() {
    return [...new Set([...this.tabs].flatMap(({ channels }) => channels))];
  }

  hasRoomFor(channels) {
    const all = [...new Set([...this.#channels, ...channels])];
    return all.length <= MAX_CHANNELS && all.join("").length <= MAX_NAMES_LENGTH;
  }

  add(tab, channels, visible, since) {
    Object.assign(tab, { stream: this, joined: false, channels });
    this.tabs.add(tab);
    this.#stream.visibleChannels = visible;
    this.#stream.openFrom(this.#channels, earliest(this.cursor, since));
  }

  remove(tab) {
    Object.assign(tab, { stream: null, joined: false });
    this.tabs.delete(tab);
    clearTimeout(this.#narrowing);
    if (this.tabs.size === 0) this.#stream.stop();
    else this.#narrowing = setTimeout(() => this.#narrow(), NARROW_MS);
  }

  retry() {
    this.#stream.retryNow();
  }

  // Channels that no tab wants any more are not requested.
  #narrow() {
    const channels = this.#channels;
    if (this.tabs.size > 0 && channels.length < this.#stream.channels.length) this.#stream.changeChannels(channels);
  }

  #sendLines(rows) {
    const { cursor } = this;
    for (const tab of this.tabs) {
      const wanted = new Map();
      const data = rows.filter(([, channel]) => {
        if (!wanted.has(channel)) wanted.set(channel, tab.wants(channel));
        return wanted.get(channel);
      });
      if (data.length > 0) tab.post({ kind: "lines", data, cursor });
    }
  }

  #sendGap(gap) {
    for (const tab of this.tabs) if (tab.wants(gap.channel ?? null)) tab.post({ kind: "gap", data: gap, cursor: this.cursor });
  }

  #setState(state) {
    // Each tab learns the hub's reason from a stream of its own.
    if (state.name === "error") return this.#giveUp();
    if (!TOLD_STATES.includes(state.name)) return undefined;
    for (const tab of this.tabs) {
      if (tab.joined) tab.post({ kind: "state", state });
      else if (state.name === "live") {
        tab.joined = true;
        tab.post({ kind: "shared" });
      }
    }
    return undefined;
  }

  #giveUp() {
    for (const tab of [...this.tabs]) {
      if (tab.joined) tab.post({ kind: "forgotten" });
      else tab.shareAfter = performance.now() + RETRY_MS;
      this.remove(tab);
    }
  }
}

const kindOf = (guard, filter) => JSON.stringify([guard, filter?.q, filter?.zone]);

// Of two bare fences; null is none.
const earliest = (one, other) => (one !== null && timeOfId(one) < timeOfId(other) ? one : other);
