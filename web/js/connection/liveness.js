// Tells a dead stream from a quiet one, sooner than the stream's heartbeats would. The hub's list of channels says when each
// channel last had a line: a line that the hub has and the page never gets means that the connection was cut without notice. Pure.
//
//     liveness.isDead(newest, taken, now)     newest: when any open channel last had a line, by the hub's clock; taken: everything received so far

const PATIENCE_MS = 10_000;

export class Liveness {
  #newest = null;
  #taken = null;
  #since = null;

  isDead(newest, taken, now) {
    if (taken !== this.#taken || newest === null || this.#newest === null) {
      this.#newest = newest;
      this.#taken = taken;
      this.#since = null;
      return false;
    }
    if (newest === this.#newest) return false;
    this.#since ??= now;
    if (now - this.#since < PATIENCE_MS) return false;
    this.#taken = null;
    return true;
  }
}
