// The terms of the filter as chips: a click switches a term off and on, the cross removes it. Columns are chips too.

import { t } from "../i18n/translate.js";
import { button } from "./button.js";

const PARTS = { chips: ".terms" };
const CROSS = '<svg class="icon" aria-hidden="true"><use href="#i-close"/></svg>';

export class FilterChips {
  #on;
  #shown = "";

  /** `on` has `toggle(term)`, `remove(term)` and `removeColumn(name)`. */
  constructor(on) {
    this.#on = on;
  }

  /** Show `terms` as the query has them, and the names of `columns`. */
  show(terms, columns) {
    const key = JSON.stringify([terms.map(({ text, off }) => [text, off]), columns]);
    if (key === this.#shown) return;
    this.#shown = key;
    const chips = terms.map((term) => this.#chip(term.text, term.off, () => this.#on.toggle(term), () => this.#on.remove(term)));
    for (const name of columns) chips.push(this.#chip(t("terms.column", { name }), false, null, () => this.#on.removeColumn(name)).attr("data-testid", "column"));
    $(PARTS.chips).empty().append(chips);
  }

  #chip(text, off, toggle, remove) {
    const $text = button("term-text", { title: toggle ? t("terms.toggle", { term: text }) : text }).text(text);
    if (toggle) $text.attr("aria-pressed", String(!off)).on("click", toggle);
    else $text.on("click", remove);
    const $close = button("term-close", { "aria-label": t("terms.remove", { term: text }) }).append($(CROSS));
    return $("<span>", { class: "term", "data-testid": "term", "data-off": String(off) }).append($text, $close.on("click", remove));
  }
}
