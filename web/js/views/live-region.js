// What a screen reader hears of new lines: each of them while there are few, else one summary now and then. The grid itself
// is no live region, because reused rows would be read out as news while scrolling.

import { firstLine, keyValues } from "../format/text.js";
import { LEVELS } from "../normalise/levels.js";
import { normalise } from "../normalise/index.js";
import { newsWords } from "../format/messages.js";

const PARTS = { announcer: "[data-testid=announcer]" };
const FEW_PER_SECOND = 2;
const SUMMARY_MS = 10_000;

export class Announcer {
  #element = document.querySelector(PARTS.announcer);
  #ring;
  #view;
  #told;
  #place;
  #saidAt = 0;

  constructor(ring, view) {
    this.#ring = ring;
    this.#view = view;
    this.#skip();
  }

  /** Called once a second while the view follows; says nothing while it does not. */
  tick(following, now) {
    if (!following || this.#view.epoch !== this.#told.epoch) return this.#skip();
    const lines = this.#view.lines - this.#told.lines;
    if (lines <= FEW_PER_SECOND) {
      for (let place = Math.max(this.#place, this.#view.first); place < this.#view.end; place += 1) this.#say(place);
    } else {
      if (now - this.#saidAt < SUMMARY_MS) return;
      this.#saidAt = now;
      this.#element.textContent = newsWords(lines, this.#view.errors - this.#told.errors);
    }
    this.#skip();
  }

  #skip() {
    this.#told = { lines: this.#view.lines, errors: this.#view.errors, epoch: this.#view.epoch };
    this.#place = this.#view.end;
  }

  #say(place) {
    const seq = this.#view.at(place);
    if (this.#ring.isNote(seq)) return;
    const { lvl, msg, fields } = normalise(this.#ring.text(seq));
    const words = document.createElement("p");
    words.textContent = `${lvl ? `${LEVELS[lvl]}: ` : ""}${firstLine(msg ?? keyValues(fields)).slice(0, 200)}`;
    if (this.#element.childElementCount === 0) this.#element.textContent = "";
    this.#element.append(words);
    while (this.#element.childElementCount > 5) this.#element.firstElementChild.remove();
  }
}
