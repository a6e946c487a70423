// The fields of the lines, those of use first, with the values that most lines have: each can be filtered for or filtered out, and one that
// is filtered out stays, struck through, to be taken back. With a filter the counts are those of the result.

import { visible } from "../format/text.js";
import { formatNumber, t } from "../i18n/translate.js";
import { isRange, rankFields } from "../store/field-ranking.js";
import { button } from "./button.js";

const PARTS = { panel: ".facets", list: ".facets-list", search: ".facets-search" };
const MAX_FIELDS = 12;
const MAX_FOUND = 40;
const VALUES = 5;
const MAX_OUT = 5;
const REDRAW_MS = 1_000;

export class FacetsView {
  #facets;
  #on;
  #items = new Map();
  #timer = 0;
  #drawnAt = 0;
  #open = false;
  #$more = button("link facets-more", { "data-testid": "facets-more", "aria-expanded": "false" });

  /**
   * `on` has `value(name, value, out)`, `takeBack(name, value)`, `column(name)` and `plot(name)`; `filtered()`, whether there is a result
   * to count; and `excluded()`, a Map from names to the values that are filtered out.
   */
  constructor(facets, on) {
    this.#facets = facets;
    this.#on = on;
    $(PARTS.search).on("input", () => this.#draw());
    this.#$more.on("click", () => {
      this.#open = !this.#open;
      this.#draw();
    });
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
    const filtered = this.#on.filtered();
    const excluded = this.#on.excluded();
    const fields = this.#facets.summaries({ top: VALUES, filtered });
    $(PARTS.panel).prop("hidden", fields.length === 0);
    if ($(PARTS.panel)[0].offsetParent === null) return;
    const { first, more } = rankFields(fields, new Set(excluded.keys()));
    const ranked = [...first, ...more];
    const shown = typed ? ranked.filter(({ name }) => name.toLowerCase().includes(typed)).slice(0, MAX_FOUND) : first.slice(0, MAX_FIELDS);
    const rest = typed ? [] : ranked.slice(shown.length);
    const elements = [...shown, ...(this.#open ? rest.slice(0, MAX_FOUND) : [])].map((field) => {
      const item = this.#itemOf(field.name);
      fill(item, field, filtered, excluded.get(field.name) ?? []);
      return item.$item[0];
    });
    this.#$more.text(t("facets.more", { n: rest.length })).attr("aria-expanded", String(this.#open)).prop("hidden", rest.length === 0);
    elements.splice(shown.length, 0, this.#$more[0]);
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
    const values = Array.from({ length: VALUES + MAX_OUT }, () => this.#makeValue(name));
    const $range = $("<div>", { class: "facet-range", "data-testid": "facet-range" });
    const $many = $("<div>", { class: "facet-many" }).text(t("facets.many"));
    const $list = $("<ul>", { class: "facet-values" }).append(values.map(({ $line }) => $line));
    return { $item: $("<div>", { class: "facet", "data-testid": `facet-${name}` }).append($("<div>", { class: "facet-head" }).append($name, $plot), $range, $many, $list), $count, $many, $range, $plot, values };
  }

  #makeValue(name) {
    const $text = $("<span>");
    const $number = $("<b>");
    const $value = button("facet-value").append($text, $number);
    const isOut = () => $value.attr("data-out") === "true";
    const act = (out) => (isOut() ? this.#on.takeBack(name, $value.data("value")) : this.#on.value(name, $value.data("value"), out));
    $value.on("click", (event) => act(event.altKey));
    // The value itself is the button for "only these": this one shows that it is.
    const $only = button("facet-act", { tabindex: "-1" }).text("=").on("click", () => this.#on.value(name, $value.data("value"), false));
    const $out = button("facet-act", { "data-testid": "facet-out" }).text("≠").on("click", () => act(true));
    const $line = $("<li>").append($value, $only, $out);
    return { $value, $text, $number, $line, $only, $out };
  }
}

function fill({ $count, $many, $range, $plot, values: buttons }, field, filtered, excluded) {
  const { count, shown, many, numeric, numbers, values } = field;
  writeCount($count, filtered ? shown : count, filtered ? count : null);
  const range = isRange(field) && numbers !== null;
  $range.prop("hidden", !range);
  if (range) write($range, `${round(numbers.least)} · ${round(numbers.middle)} · ${round(numbers.most)}`).attr("title", t("facets.range"));
  $many.prop("hidden", !many || range);
  $plot.prop("hidden", !numeric);
  const listed = range ? [] : values.filter(({ value, shown: passing }) => !excluded.includes(value) && (!filtered || passing > 0));
  const out = excluded.slice(0, MAX_OUT).map((value) => ({ value, count: values.find((other) => other.value === value)?.count ?? null, out: true }));
  const all = [...listed, ...out];
  buttons.forEach((each, at) => fillValue(each, all[at], filtered, filtered ? shown : count));
}

function fillValue({ $value, $text, $number, $line, $only, $out }, found, filtered, whole) {
  $line.prop("hidden", !found);
  if (!found) return;
  const { value, count, shown, out = false } = found;
  const text = visible(value);
  write($text, text === "" ? t("row.empty") : text);
  write($number, out ? "" : formatNumber(filtered ? shown : count));
  $value.data("value", value).attr({ "data-out": String(out), title: t(out ? "facets.takeBack" : "facets.value", { value: text }) });
  $only.attr({ title: t("facets.only", { value: text }), "aria-label": t("facets.only", { value: text }) });
  $out.attr({ title: t(out ? "facets.takeBack" : "facets.out", { value: text }), "aria-label": t(out ? "facets.takeBack" : "facets.out", { value: text }), "aria-pressed": String(out) });
  $value[0].style.setProperty("--share", out ? "0%" : `${(((filtered ? shown : count) / Math.max(1, whole)) * 100).toFixed(1)}%`);
}

/** A count of the result, with that of all lines behind it in grey; `total` is null where there is no filter. */
export function writeCount($element, count, total) {
  const text = total === null || total === count ? formatNumber(count) : `${formatNumber(count)} / ${formatNumber(total)}`;
  return write($element, text);
}

// An unchanged text stays: replacing it would disturb whoever reads or selects it.
function write($element, text) {
  if ($element[0].textContent !== text) $element.text(text);
  return $element;
}

const round = (number) => formatNumber(Number(number.toPrecision(4)));
