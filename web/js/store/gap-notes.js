// Counts gaps and their lines, and recognises a gap that is reported again.

import { timeOfId } from "../protocol/ids.js";

export const MAX_KNOWN = 1_000;

export class GapNotes {
  #known = new Set();
  count = 0;
  lost = 0;

  /** A gap as a note; null if it was reported before. */
  noteOf({ channel, after, before, lost, reason }) {
    // Reported again, a gap may begin later: after the lines received in between.
    const key = JSON.stringify([channel, before, reason]);
    if (before && this.#known.has(key)) return null;
    if (this.#known.size >= MAX_KNOWN) this.forget();
    this.#known.add(key);
    this.count += 1;
    this.lost += Number.isFinite(lost) ? lost : 0;
    return { kind: "gap", channel, lost, reason, from: timeOfId(after), to: timeOfId(before) };
  }

  /** Treat all further gaps as new. */
  forget() {
    this.#known.clear();
  }
}
