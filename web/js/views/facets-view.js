// The fields of the lines held, with their most frequent values: a click filters for a value, Alt-click filters it out.

import { visible } from "../format/text.js";
import { formatNumber, t } from "../i18n/translate.js";
import { button } from "./button.js";

const PARTS = { panel: ".facets", list: ".facets-list", search: ".facets-search" };
const MAX_FIELDS = 12;
const MAX_FOUND = 40;
const VALUES = 5;
const REDRAW_MS = 1_000;

export class FacetsView {
  #facets;
  #on;
  #items = new Map();
  #timer = 0;
  #drawnAt = 0;

  /** `on` has `value(name, value, out)`, `column(name)` and `plot(name)`. */
  constructor(facets, on) {
    this.#facets = facets;
    this.#on = on;
    $(PARTS.search).on("input", () => this.#draw());
  }

  /** Draw, at most once a second, and only while it can be seen. */
  update() {
    if (this.#timer || document.hidden) return;
    const wait = Math.max(0, this.#drawnAt + REDRAW_MS - performance.now());
    this.#timer = setTimeout(() => this.#draw(), wait);
  }

  #draw() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#drawnAt = performance.now();
    const typed = $(PARTS.search).val().trim().toLowerCase();
    const fields = this.#facets.fields({ top: VALUES });
    $(PARTS.panel).prop("hidden", fields.length === 0);
    if ($(PARTS.panel)[0].offsetParent === null) return;
    const shown = typed ? fields.filter(({ name }) => name.toLowerCase().includes(typed)).slice(0, MAX_FOUND) : fields.slice(0, MAX_FIELDS);
    const elements = shown.map((field) => {
      const item = this.#itemOf(field.name);
      fill(item, field);
      return item.$item[0];
    });
    const [list] = $(PARTS.list);
    if (elements.length !== list.children.length || elements.some((element, at) => element !== list.children[at])) list.replaceChildren(...elements);
    const names = new Set(fields.map(({ name }) => name));
    for (const name of this.#items.keys()) if (!names.has(name)) this.#items.delete(name);
  }

  // Elements are kept while counts change, so that no click is lost.
  #itemOf(name) {
    if (!this.#items.has(name)) this.#items.set(name, this.#make(name));
    return this.#items.get(name);
  }

  #make(name) {
    const $count = $("<i>");
    const $name = button("facet-name", { title: t("facets.column", { name }) }).append($("<span>").text(visible(name)), $count);
    $name.on("click", () => this.#on.column(name));
    const $plot = button("facet-plot", { "aria-label": t("facets.plot", { name }), title: t("facets.plot", { name }) }).text("∿");
    $plot.on("click", () => this.#on.plot(name));
    const values = Array.from({ length: VALUES }, () => {
      const $text = $("<span>");
      const $number = $("<b>");
      const $value = button("facet-value").append($text, $number);
      $value.on("click", (event) => this.#on.value(name, $value.data("value"), event.altKey));
      return { $value, $text, $number, $line: $("<li>").append($value) };
    });
    const $many = $("<div>", { class: "facet-many" }).text(t("facets.many"));
    const $list = $("<ul>", { class: "facet-values" }).append(values.map(({ $line }) => $line));
    return { $item: $("<div>", { class: "facet", "data-testid": `facet-${name}` }).append($("<div>", { class: "facet-head" }).append($name, $plot), $many, $list), $count, $many, $plot, values };
  }
}

function fill({ $count, $many, $plot, values: buttons }, { count, many, numeric, values }) {
  $count.text(formatNumber(count));
  $many.prop("hidden", !many);
  $plot.prop("hidden", !numeric);
  buttons.forEach(({ $value, $text, $number, $line }, at) => {
    const found = values[at];
    $line.prop("hidden", !found);
    if (!found) return;
    const text = visible(found.value);
    if ($text.text() !== text) $text.text(text === "" ? t("row.empty") : text);
    $number.text(formatNumber(found.count));
    $value.data("value", found.value).attr("title", t("facets.value", { value: text }));
    $value[0].style.setProperty("--share", `${((found.count / Math.max(1, count)) * 100).toFixed(1)}%`);
  });
}
