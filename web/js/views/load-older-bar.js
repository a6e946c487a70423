// The bar above the list: how far the lines reach, or the search of the log, and the button that loads or searches further.

import { t } from "../i18n/translate.js";

const PARTS = { bar: ".top", text: ".top-words", button: ".top-button" };
/** The labels of what can be done, see older-text.js. */
export const OLDER_LABELS = { load: "history.load", retry: "history.retry", search: "search.rest", stop: "search.stop", goOn: "search.goOn" };

export class LoadOlderBar {
  #bar = document.querySelector(PARTS.bar);
  #text = this.#bar.querySelector(PARTS.text);
  #button = this.#bar.querySelector(PARTS.button);
  #action = null;

  /** `act(action)` does what the button says. */
  constructor(act) {
    this.#button.addEventListener("click", () => act(this.#action ?? "load"));
  }

  /** Show what olderBar() says. */
  show({ state, text, action }) {
    // Written only when it changes: a screen reader reads it out each time.
    if (this.#text.textContent !== text) this.#text.textContent = text;
    if (this.#bar.dataset.state === state && this.#action === action) return;
    this.#bar.dataset.state = state;
    this.#action = action;
    if (action) this.#button.textContent = t(OLDER_LABELS[action]);
    this.#button.hidden = action === null;
  }
}
