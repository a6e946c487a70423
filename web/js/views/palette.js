// The palette: type a few letters of a channel, a command, a saved view or a field, and press Enter.

import { t } from "../i18n/translate.js";

const PARTS = { dialog: ".palette" };
const MAX_SHOWN = 40;

/** Open the palette with `entries`, `[{label, kind, keys, run}, …]`, in their order. */
export function showPalette(entries) {
  const [dialog] = $(PARTS.dialog);
  const $input = $("<input>", {
    class: "field", type: "text", role: "combobox", "aria-expanded": "true", "aria-controls": "palette-list", "aria-label": t("palette.title"),
    placeholder: t("palette.hint"), "data-testid": "palette-input", spellcheck: "false", autocomplete: "off",
  });
  const $list = $("<ul>", { class: "palette-list", id: "palette-list", role: "listbox", "aria-label": t("palette.title") });
  const $none = $("<p>", { class: "palette-none" }).text(t("palette.none")).prop("hidden", true);
  let found = [];
  let chosen = 0;
  const draw = () => {
    found = filterEntries(entries, $input.val()).slice(0, MAX_SHOWN);
    chosen = 0;
    $list.empty().append(found.map((entry, at) => itemOf(entry, at)));
    $none.prop("hidden", found.length > 0);
    mark();
  };
  const mark = () => {
    $list.children().each((at, item) => {
      item.setAttribute("aria-selected", String(at === chosen));
      if (at === chosen) item.scrollIntoView({ block: "nearest" });
    });
    $input.attr("aria-activedescendant", found.length > 0 ? `palette-${chosen}` : null);
  };
  const take = (at) => {
    const entry = found[at];
    if (!entry) return;
    dialog.close();
    entry.run();
  };
  $input.on("input", draw).on("keydown", (event) => {
    if (event.originalEvent.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      chosen = (chosen + (event.key === "ArrowDown" ? 1 : found.length - 1)) % Math.max(1, found.length);
      mark();
    } else if (event.key === "Enter") take(chosen);
    else return;
    event.preventDefault();
  });
  $list.on("click", ".menu-item", (event) => take(Number(event.currentTarget.dataset.at)));
  $(dialog).empty().append($input, $list, $none);
  dialog.showModal();
  draw();
  $input.trigger("focus");
}

const itemOf = ({ label, kind, keys }, at) =>
  $("<li>", { class: "menu-item", role: "option", id: `palette-${at}`, "data-at": at })
    .append($("<span>").text(label), $("<i>").text(t(`palette.${kind}`)), keys ? $("<kbd>").text(keys) : "");

// Every word typed must occur; labels that begin with the first word come first.
function filterEntries(entries, typed) {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const rank = ({ label }) => (words.length > 0 && label.toLowerCase().startsWith(words[0]) ? 0 : 1);
  return entries.filter(({ label }) => words.every((word) => label.toLowerCase().includes(word))).sort((one, other) => rank(one) - rank(other));
}
