// The headings above the lines: what each column is. Those of channel and logger have a border that can be dragged, those of fields a
// button that takes the column away.

import { t } from "../i18n/translate.js";
import { button } from "./button.js";
import { makeSeparator } from "./separator.js";

const PARTS = { heads: ".heads" };
const FIXED = ["time", "level"];
const SIZED = ["channel", "logger"];

/** `on` has `resize(column, px)`, `range(column)`, and `drop(name)`, which takes the column of a field away. */
export class ColumnHeads {
  #$fields = $("<div>", { class: "head-columns" });
  #on;

  constructor(on) {
    this.#on = on;
    const sized = SIZED.map((column) => {
      const $head = head(column);
      const size = () => $head[0].getBoundingClientRect().width;
      return $head.append(makeSeparator("right", { label: t(`heads.resize.${column}`), size, range: () => on.range(column), set: (px) => on.resize(column, px) }));
    });
    $(PARTS.heads).empty().append(FIXED.map(head), sized, head("message"), this.#$fields);
  }

  /** Show the fields that have a column. */
  showFields(names) {
    this.#$fields.empty().append(names.map((name) => {
      const $drop = button("head-drop", { "aria-label": t("heads.drop", { name }), title: t("heads.drop", { name }) }).text("✕");
      return $("<span>", { class: "head-column", title: name }).append($("<span>", { class: "head-name" }).text(name), $drop.on("click", () => this.#on.drop(name)));
    }));
    $(PARTS.heads).attr("data-fields", String(names.length > 0));
  }
}

const head = (column) => $("<span>", { class: `head-${column}` }).append(column === "level" ? [] : $("<span>", { class: "head-name" }).text(t(`heads.${column}`)));
