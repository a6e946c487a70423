// The top of the list: what becomes of older lines, and the button that asks for them.

import { t } from "../i18n/translate.js";
import { topWords } from "../format/messages.js";

const PARTS = { top: ".top", words: ".top-words", button: ".top-button" };
const LABELS = { idle: "top.load", failed: "top.retry" };

export class Top {
  #top = document.querySelector(PARTS.top);
  #words = this.#top.querySelector(PARTS.words);
  #button = this.#top.querySelector(PARTS.button);

  /** `on` has `load()` and `retry()`. */
  constructor(on) {
    this.#button.addEventListener("click", () => (this.#top.dataset.state === "failed" ? on.retry() : on.load()));
  }

  /** Show the state of the older lines of these channels; `held` lines are in the page, the oldest from `oldest` (ms, said in a zone). Without any there is nothing to say. */
  show(state, channels, held, oldest, zone) {
    const name = held === 0 && state.name === "idle" ? "none" : state.name;
    const words = topWords(state, channels, held, oldest, zone);
    // Written only when it changes: a screen reader says it again each time.
    if (this.#words.textContent !== words) this.#words.textContent = words;
    if (this.#top.dataset.state === name) return;
    this.#top.dataset.state = name;
    this.#button.textContent = name in LABELS ? t(LABELS[name]) : "";
    this.#button.hidden = !(name in LABELS);
  }
}
