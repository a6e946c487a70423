// What can be done with a value in the details: filter for it, show it as a column, copy it, count it. Loaded when the menu is first opened.

import { stripAnsi } from "../format/ansi.js";
import { textOf } from "../format/text.js";
import { formatNumber, t } from "../i18n/translate.js";
import { valueOf } from "../query/fields.js";
import { copyText } from "../views/clipboard.js";
import { openMenu } from "../views/menu.js";
import { toast } from "../views/toast.js";

const MAX_COUNTED = 10;

/** Open the menu of an entry of the tree at its button. `on` has `filterFor(name, value, not)`, `toggleColumn(name)` and `plot(name)`. */
export function openValueMenu(page, { name, pathText, node, button }, on) {
  const value = node.kind === "string" ? node.value : node.text;
  const leaf = !node.entries;
  openMenu(button, [
    ...(leaf ? [{ label: t("node.for"), run: () => on.filterFor(name, value) }, { label: t("node.out"), run: () => on.filterFor(name, value, true) }] : []),
    { label: t("node.column"), run: () => on.toggleColumn(name) },
    ...(leaf && Number.isFinite(Number(value)) && value !== "" ? [{ label: t("node.plot"), run: () => on.plot(name) }] : []),
    { label: t("node.copyValue"), run: async () => toast(t((await copyText(stripAnsi(value))) ? "drawer.copied" : "drawer.denied")) },
    { label: t("node.copyPath"), run: async () => toast(t((await copyText(pathText)) ? "drawer.copied" : "drawer.denied")) },
    ...(leaf ? [{ label: t("node.count"), run: () => showCounts(page, name, button) }] : []),
  ]);
}

// Counted over the lines shown, as a filter would find them.
function showCounts({ workspace }, name, button) {
  const { ring, list } = workspace;
  const counts = new Map();
  for (let row = list.first; row < list.end; row += 1) {
    for (const seq of ring.isNote(list.seqAt(row)) ? [] : [list.seqAt(row), ...list.foldedSeqs(row)]) {
      const value = valueOf(workspace.line.at(seq), name);
      if (value !== undefined) counts.set(textOf(value), (counts.get(textOf(value)) ?? 0) + 1);
    }
  }
  const top = [...counts].sort(([, one], [, other]) => other - one).slice(0, MAX_COUNTED);
  const $lines = top.map(([value, count]) => $("<div>").append($("<b>").text(formatNumber(count)), document.createTextNode(value.slice(0, 80) || t("row.empty"))));
  const $counts = $("<div>", { class: "counts", "data-testid": "counts" }).append($lines);
  const $item = $(button).closest("[role=treeitem]");
  $item.children(".counts").remove();
  $item.children(".node-line").after($counts);
}
