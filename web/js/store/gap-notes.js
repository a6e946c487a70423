// Which gaps were told, so that one that is told again is known, and how many lines they were.

import { timeOfId } from "../protocol/ids.js";

export const MAX_KNOWN = 1_000;

export class GapNotes {
  #known = new Set();
  count = 0;
  lost = 0;

  /** A gap as a note; null when it was told before. */
  noteOf({ channel, after, before, lost, reason }) {
    // Told again, it may begin later: after what the reader had then.
    const key = JSON.stringify([channel, before, reason]);
    if (before && this.#known.has(key)) return null;
    if (this.#known.size >= MAX_KNOWN) this.forget();
    this.#known.add(key);
    this.count += 1;
    this.lost += Number.isFinite(lost) ? lost : 0;
    return { kind: "gap", channel, lost, reason, from: timeOfId(after), to: timeOfId(before) };
  }

  /** Take the next ones for new. */
  forget() {
    this.#known.clear();
  }
}
