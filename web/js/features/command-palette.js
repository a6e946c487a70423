// All that can be done, by name: the menu behind "…", the palette, the help.

import { t } from "../i18n/translate.js";
import { keyWords, showHelp } from "../views/help.js";
import { showPalette } from "../views/palette.js";
import { SettingsMenu } from "../views/settings-menu.js";

const OF_LINE = ["copy", "link", "context", "pin", "trace", "story"];
const IN_MENU = ["help", "palette", "goToTime", "split", "marker", "export", "rules", "alarm", "news", "copyUrl"];

/** `actionsOf()` gives the table of actions.js: it is complete only when all features are there. */
export function commanding(page, actionsOf) {
  const { settings, rail } = page;

  function entries() {
    const actions = actionsOf().filter(({ silent }) => !silent).map(entryOf);
    const channels = rail.names.map((name) => ({ label: name, kind: "channel", run: () => (page.change([name]), page.grid.focus()) }));
    const views = settings.get("views").map(({ name, query }) => ({ label: name, kind: "view", run: () => page.shared.openView(query) }));
    const fields = page.inspects.facets.fields().map(({ name }) => ({ label: name, kind: "field", run: () => page.inspects.toggleColumn(name) }));
    return [...actions, ...channels, ...views, ...fields];
  }

  new SettingsMenu(settings, {
    reload: () => location.reload(),
    acts: () => IN_MENU.map((name) => actionsOf().find((action) => action.name === name)).filter(Boolean).map(entryOf),
  });
  /** What the drawer offers for its line. */
  const ofLine = (act) => OF_LINE.map((name) => ({ name, label: t(`drawer.act.${name}`), run: () => act[name]() }));

  return { ofLine, act: { help: () => showHelp(actionsOf()), palette: () => showPalette(entries()) } };
}

const entryOf = ({ name, keys, run }) => ({ label: t(`act.${name}`), kind: "action", keys: keys[0] && keyWords(keys[0]), run });
