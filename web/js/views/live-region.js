// What a screen reader hears of new lines: each of them while there are few, else a summary now and then. The grid itself is no
// live region, because reused rows would be read out as new while the reader scrolls.

import { shownLine, keyValues } from "../format/text.js";
import { newLinesText } from "../format/messages.js";
import { LEVELS } from "../normalise/levels.js";
import { normalise } from "../normalise/index.js";

const PARTS = { region: "[data-testid=announcer]" };
const FEW_PER_SECOND = 2;
const SUMMARY_MS = 10_000;

export class LiveRegion {
  #element = document.querySelector(PARTS.region);
  #ring;
  #list;
  #announced;
  #row;
  #summaryAt = 0;

  constructor(ring, list) {
    this.#ring = ring;
    this.#list = list;
    this.#skip();
  }

  /** Called once a second; announces new lines while the grid follows them. */
  tick(following, now) {
    if (!following || this.#list.version !== this.#announced.version) return this.#skip();
    const lines = this.#list.lines - this.#announced.lines;
    if (lines <= FEW_PER_SECOND) {
      for (let row = Math.max(this.#row, this.#list.first); row < this.#list.end; row += 1) this.#announce(row);
    } else {
      if (now - this.#summaryAt < SUMMARY_MS) return;
      this.#summaryAt = now;
      this.#element.textContent = newLinesText(lines, this.#list.errors - this.#announced.errors);
    }
    this.#skip();
  }

  #skip() {
    this.#announced = { lines: this.#list.lines, errors: this.#list.errors, version: this.#list.version };
    this.#row = this.#list.end;
  }

  #announce(row) {
    const seq = this.#list.seqAt(row);
    if (this.#ring.isNote(seq)) return;
    const { lvl, msg, fields } = normalise(this.#ring.text(seq));
    const paragraph = document.createElement("p");
    paragraph.textContent = `${lvl ? `${LEVELS[lvl]}: ` : ""}${shownLine(msg ?? keyValues(fields)).slice(0, 200)}`;
    if (this.#element.childElementCount === 0) this.#element.textContent = "";
    this.#element.append(paragraph);
    while (this.#element.childElementCount > 5) this.#element.firstElementChild.remove();
  }
}
