// Tells a dead stream from a quiet one, sooner than the stream's heartbeats would. The hub's list of channels says when each
// channel last had a line: a line that the hub has and the page never gets means that the connection was cut without notice. Pure.
//
//     liveness.isDead(newest, taken, now)     newest: when any open channel last had a line, by the hub's clock; taken: changes with everything received
//
// With a filter, only heartbeats tell that the stream is there: then it takes two of them.

const PATIENCE_MS = 10_000;
/** How long a stream with a filter may bring nothing, not even a heartbeat: they come every 15 s. */
export const FILTERED_PATIENCE_MS = 40_000;

export class Liveness {
  #newest = null;
  #taken = null;
  #since = null;

  isDead(newest, taken, now, patienceMs = PATIENCE_MS) {
    if (taken !== this.#taken || newest === null || this.#newest === null) {
      this.#newest = newest;
      this.#taken = taken;
      this.#since = null;
      return false;
    }
    if (newest === this.#newest) return false;
    this.#since ??= now;
    if (now - this.#since < patienceMs) return false;
    this.#taken = null;
    return true;
  }
}
