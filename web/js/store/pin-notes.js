// The rows that say where a filter was pinned, and where no more. Pure.
//
//     ask(note) --> accept(now), when the hub has opened the stream --> take(), when the next line comes --> rows
//
// Between two rows nothing can be read, so whoever pins a filter again before a line has come has pinned it all the time.

export class PinNotes {
  #asked = null;
  #refused = null;
  #accepted = [];

  /** The reader pins a filter, or none: `{kind: "pinned" or "unpinned", filter}`. */
  ask(note) {
    const { kind, filter } = note;
    // What was never accepted need not be taken back.
    const takenBack = this.#asked !== null && this.#asked.filter === filter && this.#asked.kind !== kind;
    const refused = kind === "unpinned" && filter === this.#refused;
    this.#asked = takenBack || refused ? null : note;
    this.#refused = null;
  }

  /** The hub has accepted what was asked for last, at `now`. */
  accept(now) {
    const note = this.#asked;
    this.#asked = null;
    if (note === null) return;
    const last = this.#accepted.at(-1)?.[0];
    if (note.kind === "pinned" && last?.kind === "unpinned" && last.filter === note.filter) this.#accepted.pop();
    else this.#accepted.push([note, now]);
  }

  /** The hub has refused it. */
  refuse() {
    this.#refused = this.#asked?.kind === "pinned" ? this.#asked.filter : null;
    this.#asked = null;
  }

  /** `[note, time]` of those that were accepted since the last call. */
  take() {
    return this.#accepted.splice(0);
  }
}
