// Whether nothing can arrive, and since when: the hub does not answer, or it has lost Redis. A cut that heals at once is none. Pure.
//
//     outage.note(state, ready, now)     at each change of the stream's state, and of whether the hub has Redis
//     outage.at(now)                     {kind, since} once it has lasted 3 s, else null
//
// `kind` is "hub", "offline" (the browser has no network), "redis", or "refused": the hub has ended the stream and says why.

const PATIENCE_MS = 3_000;
const KINDS = { reconnecting: "hub", stale: "hub", offline: "offline", error: "refused" };

export class Outage {
  #kind = null;
  #since = 0;

  note({ name }, ready, now) {
    // Each attempt passes through "connecting"; only a stream that is live, or that the reader has stopped, ends the outage.
    const trying = name === "connecting" && this.#kind !== null && this.#kind !== "redis";
    const kind = KINDS[name] ?? (trying ? this.#kind : name === "live" && !ready ? "redis" : null);
    const lasting = kind !== null && this.#kind !== null && (kind === "redis") === (this.#kind === "redis");
    if (!lasting) this.#since = now;
    this.#kind = kind;
  }

  at(now) {
    return this.#kind === null || now - this.#since < PATIENCE_MS ? null : { kind: this.#kind, since: this.#since };
  }
}
