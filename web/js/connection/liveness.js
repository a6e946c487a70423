// Whether a stream that says nothing is quiet or dead. Its heartbeats are hidden from scripts, but the hub's directory tells when a
// channel last spoke: a line that the hub has and that does not come here means that the connection is cut without a word. Pure.
//
//     pulse.dead(newest, taken, now)     newest: when any channel watched last spoke, by the hub's clock; taken: all that ever came here

const PATIENCE_MS = 10_000;

export class Pulse {
  #newest = null;
  #taken = null;
  #since = null;

  dead(newest, taken, now) {
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
