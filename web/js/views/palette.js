// The palette: type a few letters of a channel, a command, a saved view or a field, and press Enter. Before anything is typed, it
// offers what was used last, channels, and what can be done.

import { findEntries } from "../app/palette-search.js";
import { t } from "../i18n/translate.js";

const MAX_SHOWN = 40;

/**
 * Fill the open dialog, whose field is `$input`. `sections` are `[{title, entries}, …]`, shown first; `entries`, all that can be
 * found: `[{label, kind, keys, also, quiet, run, add}, …]`. `add` is what Ctrl+Enter does, and `used(entry)` is called for the one taken.
 */
export function fillPalette(dialog, $input, { sections, entries, used }) {
  const $list = $("<ul>", { class: "palette-list", id: "palette-list", role: "listbox", "aria-label": t("palette.title") });
  const $none = $("<p>", { class: "palette-none" }).text(t("palette.none")).prop("hidden", true);
  let found = [];
  let chosen = 0;
  const draw = () => {
    const typed = $input.val().trim();
    const shown = typed ? [{ title: "", entries: findEntries(entries, typed).slice(0, MAX_SHOWN) }] : sections;
    found = shown.flatMap((section) => section.entries);
    chosen = 0;
    let at = 0;
    $list.empty();
    for (const section of shown) {
      if (section.title && section.entries.length > 0) $list.append($("<li>", { class: "palette-head", role: "presentation" }).text(section.title));
      for (const entry of section.entries) $list.append(itemOf(entry, at++));
    }
    $none.prop("hidden", found.length > 0);
    mark();
  };
  const mark = () => {
    $list.children("[role=option]").each((at, item) => {
      item.setAttribute("aria-selected", String(at === chosen));
      if (at === chosen) item.scrollIntoView({ block: "nearest" });
    });
    if (chosen === 0) $list.scrollTop(0);
    $input.attr("aria-activedescendant", found.length > 0 ? `palette-${chosen}` : null);
  };
  const take = (at, adding) => {
    const entry = found[at];
    if (!entry) return;
    dialog.close();
    used(entry);
    (adding && entry.add ? entry.add : entry.run)();
  };
  $input.on("input", draw).on("keydown", (event) => {
    if (event.originalEvent.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      chosen = (chosen + (event.key === "ArrowDown" ? 1 : found.length - 1)) % Math.max(1, found.length);
      mark();
    } else if (event.key === "Enter") take(chosen, event.ctrlKey || event.metaKey);
    else return;
    event.preventDefault();
  });
  $list.on("click", ".menu-item", (event) => take(Number(event.currentTarget.dataset.at), event.ctrlKey || event.metaKey));
  $(dialog).append($list, $none, $("<p>", { class: "palette-keys" }).text(t("palette.keys")));
  draw();
}

const itemOf = ({ label, kind, keys }, at) =>
  $("<li>", { class: "menu-item", role: "option", id: `palette-${at}`, "data-at": at, "data-kind": kind })
    .append($("<span>").text(label), $("<i>").text(t(`palette.${kind}`)), keys ? $("<kbd>").text(keys) : "");
