// The bar at text that is selected with the mouse: what can be done with it.

import { t } from "../i18n/translate.js";
import { button } from "./button.js";

const FOR_TEXT = ["filterFor", "filterOut"];
const ALL = ["copy", "copyJson", ...FOR_TEXT];
const APART = 6;

export class SelectionBar {
  #bar;

  /** `on` has a function for each button: `copy()`, `copyJson()`, `filterFor()`, `filterOut()`. */
  constructor(on) {
    const buttons = ALL.map((name) => button("button", { "data-act": name }).text(t(`selection.${name}`)).on("click", () => on[name]()));
    const $bar = $("<div>", { class: "selection-bar", role: "toolbar", "aria-label": t("selection.label"), "data-testid": "selection" });
    [this.#bar] = $bar.append(buttons).prop("hidden", true).appendTo("body");
    // A click on it must leave the text selected.
    this.#bar.addEventListener("mousedown", (event) => event.preventDefault());
  }

  /** Show it below the text at `box`, or above it; what filters for a text only with `filters`. */
  show(box, filters) {
    const bar = this.#bar;
    for (const name of FOR_TEXT) bar.querySelector(`[data-act=${name}]`).hidden = !filters;
    bar.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = bar;
    const fits = box.bottom + height + APART < window.innerHeight;
    bar.style.left = `${Math.max(APART, Math.min(box.left, window.innerWidth - width - APART))}px`;
    bar.style.top = `${fits ? box.bottom + APART : Math.max(APART, box.top - height - APART)}px`;
  }

  /** True for an element of the bar. */
  has(element) {
    return this.#bar.contains(element);
  }

  hide() {
    this.#bar.hidden = true;
  }
}
