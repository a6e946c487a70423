// What lists the commands: the palette and the help; and the settings behind "…". All of it is loaded when it is opened.

import { t } from "../i18n/translate.js";
import { loadLater } from "../views/later.js";

const PARTS = { menu: "#more", zone: "[data-testid=zone-open]", help: "[data-testid=help-open]", palette: ".palette", all: "[data-testid=palette-open]" };

/** `commands()` is the list of all commands; `openView(query)` opens a saved view, `toggleColumn(name)` shows a field as a column or not. */
export function addCommandPalette(page, { commands, openView, toggleColumn }) {
  const { settings } = page;
  const [menu] = $(PARTS.menu);
  let settingsMenu = null;
  let tab = "appearance";

  async function help() {
    const module = await loadLater(() => import("../views/help.js"));
    module?.showHelp(commands());
  }

  // The field is there at once: what is typed while the list is loaded is typed into it, Enter included.
  async function palette() {
    const [dialog] = $(PARTS.palette);
    const $input = $("<input>", {
      class: "field", type: "text", role: "combobox", "aria-expanded": "true", "aria-controls": "palette-list", "aria-label": t("palette.title"),
      placeholder: t("palette.hint"), "data-testid": "palette-input", spellcheck: "false", autocomplete: "off",
    });
    $(dialog).empty().append($input);
    dialog.showModal();
    $input.trigger("focus");
    let entered = null;
    $input.on("keydown.early", ({ key, originalEvent }) => key === "Enter" && !originalEvent.isComposing && (entered ??= originalEvent));
    const modules = await loadLater(() => Promise.all([import("../views/palette.js"), import("./palette-entries.js")]));
    if (!modules) return dialog.close();
    const [{ fillPalette }, { paletteEntries }] = modules;
    $input.off(".early");
    fillPalette(dialog, $input, paletteEntries(page, { commands, openView, toggleColumn, openSettings }));
    if (entered) $input.trigger($.Event("keydown", { key: "Enter", ctrlKey: entered.ctrlKey || entered.metaKey, originalEvent: entered }));
    return undefined;
  }

  async function drawMenu({ originalEvent: { newState } }) {
    if (newState !== "open") return;
    const module = await loadLater(() => import("../views/settings-menu.js"));
    if (!module) return menu.hidePopover();
    settingsMenu ??= new module.SettingsMenu(settings, { reload: () => location.reload(), palette: () => (menu.hidePopover(), palette()), tab: (name) => (tab = name) });
    settingsMenu.draw(tab);
  }

  /** Show the settings, at one of their tabs. */
  function openSettings(name = tab) {
    tab = name;
    if (!menu.matches(":popover-open")) menu.showPopover();
  }

  $(menu).on("beforetoggle", drawMenu);
  $(PARTS.zone).on("click", () => (tab = "time"));
  $(PARTS.help).on("click", help);
  $(PARTS.all).on("click", palette);

  return { commands: { help: () => void help(), palette: () => void palette(), settings: () => openSettings(), clearFilter: () => page.clearFilter(), fullScreen } };
}

function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen();
}
