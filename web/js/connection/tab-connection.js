// Whether this tab may hold a stream. Over HTTP/1.1 a browser opens six connections to a host, for all its tabs together, and a
// stream holds one for good. So the tabs ask a worker that they have in common (shared-streams.js), and it answers:
//
//     acquire() -> own                              keep a stream for as long as you like
//               -> lent -> check … share -> shared  open a stream, catch up, then get the lines of the worker's stream instead
//               -> waiting -> lent …                another tab is catching up
//
// Where there is no such limit (HTTP/2) or no such worker, each tab has its own.

// A worker that does not answer in this time is not there; a tab must not wait for it.
const ANSWER_MS = 3_000;
// It asks every 3 s whether the tab is there. Chromium tells when a worker ends, but not always.
const SILENT_MS = 8_000;

export class TabConnection {
  #url;
  #port = null;
  #answer = 0;
  #silence = 0;
  #wanted = false;
  #asking = false;
  #sharing = false;
  // By it the worker knows a tab that speaks over another port than before.
  #id = Math.random();
  // Each request has a number: an answer to one that was withdrawn is no answer.
  #turn = 0;

  /** `url` is the worker's; null: every tab may hold a stream. Asks at once, so that the answer is there when it is needed. */
  constructor(url) {
    this.#url = "SharedWorker" in globalThis ? url : null;
    /** "own", "lent", "shared", or null: none. */
    this.held = null;
    /** Has `granted()`, `waiting()`, `check()`, `shared()`, `full()`, `lost()`, `lines(rows, cursor)`, `gap(gap, cursor)`, `state(state)`, `cursor(id)`. */
    this.on = null;
    this.#ask();
  }

  /** Ask for a stream of this tab's own; `on.granted()` is called, at once if it has one. */
  acquire() {
    // A place that was asked for with other channels, or another position, is not wanted any more.
    if (this.#sharing) this.release();
    this.#wanted = true;
    if (this.held === "own" || this.held === "lent") this.on.granted();
    else if (!this.#asking) this.#ask();
  }

  /** Give up what this tab has. */
  release() {
    this.#wanted = false;
    this.#asking = false;
    this.#sharing = false;
    this.held = null;
    this.#turn += 1;
    clearTimeout(this.#answer);
    this.#post({ kind: "leave" });
  }

  /** Get these channels from the worker's stream, from a position on: `{channels, visible, guard, filter, since, base}`. */
  share(subscription) {
    this.#sharing = true;
    this.#post({ kind: "share", ...subscription });
  }

  /** The worker's stream brings the lines now: the lent connection goes to the next tab. */
  giveBack() {
    this.held = "shared";
    this.#sharing = false;
    this.#post({ kind: "returned" });
  }

  /** Let the worker's stream make its next attempt now. */
  retry() {
    this.#post({ kind: "retry" });
  }

  #ask() {
    this.#connect();
    if (this.#url === null) return this.#grant("own");
    this.#asking = true;
    this.#turn += 1;
    this.#post({ kind: "ask", id: this.#id, hidden: document.hidden, turn: this.#turn });
    this.#answer = setTimeout(() => this.#grant("own"), ANSWER_MS);
    return undefined;
  }

  #connect() {
    if (this.#port !== null || this.#url === null) return;
    let worker;
    try {
      worker = new SharedWorker(this.#url, "sse-hub streams 2");
    } catch {
      // A browser that stores nothing for this site allows no worker either.
      this.#url = null;
      return;
    }
    worker.onerror = () => {
      // It cannot be loaded.
      this.#url = null;
      this.#onGone();
    };
    const { port } = worker;
    port.onmessage = ({ data }) => this.#hear(data);
    port.onclose = () => this.#onGone();
    this.#port = port;
  }

  #post(message) {
    this.#port?.postMessage(message);
  }

  #hear(message) {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#onGone(), SILENT_MS);
    switch (message.kind) {
      case "granted":
        if (message.turn === this.#turn) this.#grant(message.held);
        break;
      case "waiting":
        clearTimeout(this.#answer);
        if (this.#asking && this.#wanted) this.on.waiting();
        break;
      case "ping":
        this.#post({ kind: "pong" });
        if (message.cursor && this.held === "shared") this.on.cursor(message.cursor);
        break;
      case "forgotten":
        this.#onForgotten();
        break;
      case "lines":
      case "gap":
        if (this.held === "shared") this.on[message.kind](message.data, message.cursor);
        break;
      case "state":
        if (this.held === "shared") this.on.state(message.state);
        break;
      default:
        if (this.held === "lent" && this.#wanted) this.on[message.kind]();
    }
  }

  #grant(held) {
    clearTimeout(this.#answer);
    this.#asking = false;
    const first = this.held === null;
    this.held = held;
    if (first && this.#wanted) this.on.granted();
  }

  // The worker was ended, by the browser or with the process it was in: begin another one, and tell it what this tab has.
  #onGone() {
    clearTimeout(this.#silence);
    this.#port?.close();
    this.#port = null;
    this.#connect();
    if (this.#asking) this.#ask();
    else this.#onForgotten();
  }

  // The worker does not know this tab: it is a new one, or the tab was frozen for long.
  #onForgotten() {
    if (this.held === "shared") {
      this.held = null;
      this.on.lost();
    } else if (this.#url === null) this.held &&= "own";
    else if (this.held !== null) this.#post({ kind: "hold", id: this.#id, turn: this.#turn });
  }
}
