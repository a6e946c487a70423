// All commands by name: in the palette, the help, and the menu behind "…".

import { t } from "../i18n/translate.js";
import { keyLabel, showHelp } from "../views/help.js";
import { showPalette } from "../views/palette.js";
import { SettingsMenu } from "../views/settings-menu.js";

const IN_MENU = ["help", "palette", "goToTime", "statistics", "split", "marker", "export", "highlightRules", "silenceAlarm", "newPatterns", "copyUrl"];

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

  const help = () => showHelp(commands());
  new SettingsMenu(settings, {
    reload: () => location.reload(),
    commands: () => IN_MENU.map((name) => commands().find((command) => command.name === name)).map(itemOf),
  });
  $("[data-testid=help-open]").on("click", help);

  return { commands: { help, palette: () => showPalette(paletteItems()) } };
}

const itemOf = ({ name, keys, run }) => ({ label: t(`command.${name}`), kind: "command", keys: keys[0] && keyLabel(keys[0]), run });
