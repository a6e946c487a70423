// All commands by name: in the palette, the help, and the menu behind "…".

import { t } from "../i18n/translate.js";
import { keyLabel } from "../views/keyboard.js";
import { loadLater } from "../views/later.js";
import { showPalette } from "../views/palette.js";

const PARTS = { menu: "#more", help: "[data-testid=help-open]" };

const IN_MENU = ["help", "palette", "goToTime", "statistics", "split", "marker", "export", "highlightRules", "silenceAlarm", "newPatterns", "alertRules", "copyUrl"];

/** `commands()` is the list of all commands; `openView(query)` opens a saved view, `toggleColumn(name)` shows a field as a column or not. */
export function addCommandPalette(page, { commands, openView, toggleColumn }) {
  const { settings, workspace } = page;

  function paletteItems() {
    const listed = commands().filter((command) => command.listed).map(itemOf);
    const channels = page.channelNames.map((name) => ({ label: name, kind: "channel", run: () => (page.changeChannels([name]), page.grid.view.focus()) }));
    const views = settings.get("views").map(({ name, query }) => ({ label: name, kind: "view", run: () => openView(query) }));
    const fields = workspace.facets.fields().map(({ name }) => ({ label: name, kind: "field", run: () => toggleColumn(name) }));
    return [...listed, ...channels, ...views, ...fields];
  }

  async function help() {
    const module = await loadLater(() => import("../views/help.js"));
    module?.showHelp(commands());
  }

  let menu = null;
  async function drawMenu({ originalEvent: { newState } }) {
    if (newState !== "open") return;
    const module = await loadLater(() => import("../views/settings-menu.js"));
    if (!module) return $(PARTS.menu)[0].hidePopover();
    menu ??= new module.SettingsMenu(settings, {
      reload: () => location.reload(),
      commands: () => IN_MENU.map((name) => commands().find((command) => command.name === name)).map(itemOf),
    });
    menu.draw();
  }

  $(PARTS.menu).on("beforetoggle", drawMenu);
  $(PARTS.help).on("click", help);

  return { commands: { help: () => void help(), palette: () => showPalette(paletteItems()) } };
}

const itemOf = ({ name, keys, run }) => ({ label: t(`command.${name}`), kind: "command", keys: keys[0] && keyLabel(keys[0]), run });
