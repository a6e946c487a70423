// The bar above the list: the state of the older lines, and the button that loads them.

import { historyText } from "../format/messages.js";
import { t } from "../i18n/translate.js";

const PARTS = { bar: ".top", text: ".top-words", button: ".top-button" };
const LABELS = { idle: "history.load", failed: "history.retry" };

export class LoadOlderBar {
  #bar = document.querySelector(PARTS.bar);
  #text = this.#bar.querySelector(PARTS.text);
  #button = this.#bar.querySelector(PARTS.button);

  /** `on` has `load()` and `retry()`. */
  constructor(on) {
    this.#button.addEventListener("click", () => (this.#bar.dataset.state === "failed" ? on.retry() : on.load()));
  }

  /** Show the state of a HistoryLoader for these channels; `held` lines are in the page, the oldest shown at `oldest` (ms, in a zone). */
  show(state, channels, held, oldest, zone) {
    const name = held === 0 && state.name === "idle" ? "none" : state.name;
    const text = historyText(state, channels, held, oldest, zone);
    // Written only when it changes: a screen reader reads it out each time.
    if (this.#text.textContent !== text) this.#text.textContent = text;
    if (this.#bar.dataset.state === name) return;
    this.#bar.dataset.state = name;
    this.#button.textContent = name in LABELS ? t(LABELS[name]) : "";
    this.#button.hidden = !(name in LABELS);
  }
}
