// What the palette lists: what was used last, channels, and what can be done; and all that can be found by typing.

import { hasText, t } from "../i18n/translate.js";
import { addTerm, fieldTerm } from "../query/terms.js";
import { CHOICES } from "../app/settings.js";
import { isPattern } from "../protocol/channels.js";
import { keyLabel } from "../views/keyboard.js";

// What can be done, in this order, before anything is typed.
const DO = [
  "copyUrl", "export", "split", "statistics", "alertRules", "highlightRules", "silenceAlarm", "newPatterns", "marker", "find", "goToTime", "clearFilter",
  "wrap", "timeForm", "chart", "fullScreen", "settings", "help",
];
// Movements, and what needs a line: found when they are typed.
const QUIET = new Set(["move", "line"]);
const MAX_RECENT = 5;
const MAX_CHANNELS = 6;
const MAX_MUTED = 5;

/** `{sections, entries, used}` for fillPalette(). `on` has `commands()`, `openView(query)`, `toggleColumn(name)` and `openSettings(tab)`. */
export function paletteEntries(page, on) {
  const { settings, workspace } = page;
  const commands = on.commands().filter((command) => command.listed).map(commandEntry);
  const channels = page.channelNames.map(channelEntry);
  const views = settings.get("views").map(({ name, query }) => ({ label: name, kind: "view", run: () => on.openView(query) }));
  const fields = workspace.facets.fields().map(({ name }) => ({ label: name, kind: "field", also: t("also.fields"), run: () => on.toggleColumn(name) }));
  const themes = CHOICES.theme.map((theme) => ({
    label: `${t("set.theme")}: ${t(`theme.${theme}`)}`, kind: "command", also: t("also.theme"), run: () => settings.set("theme", theme),
  }));
  const zone = { label: `${t("set.zone")}…`, kind: "command", also: t("also.zone"), run: () => on.openSettings("time") };
  const entries = [...commands, ...themes, zone, ...muteEntries(), ...channels, ...views, ...fields];

  function channelEntry(name) {
    const open = (names) => (page.changeChannels(names), page.grid.view.focus());
    return { label: name, kind: "channel", run: () => open([name]), add: () => open([...new Set([...workspace.channels, name])]) };
  }

  // The loudest loggers of the lines held, to be filtered out.
  function muteEntries() {
    const loggers = workspace.facets.fields({ top: MAX_MUTED }).find(({ name }) => name === "logger")?.values ?? [];
    return loggers.map(({ value }) => ({
      label: t("palette.mute", { name: value }), kind: "command", also: t("also.mute"),
      run: () => page.setFilter({ text: addTerm(workspace.filter.text, fieldTerm("logger", value, { not: true })) }),
    }));
  }

  const known = new Map(entries.map((entry) => [keyOf(entry), entry]));
  const recent = settings.get("recent").map(keyOf).map((key) => known.get(key)).filter(Boolean);
  const others = (list) => list.filter((entry) => !recent.includes(entry));
  const open = (name) => workspace.channels.some((channel) => channel === name && !isPattern(channel));
  const sections = [
    { title: t("palette.recent"), entries: recent },
    { title: t("palette.channels"), entries: others(channels).filter(({ label }) => !open(label)).slice(0, MAX_CHANNELS) },
    { title: t("palette.do"), entries: others(DO.map((name) => commands.find((entry) => entry.name === name)).filter(Boolean)) },
  ];

  function used(entry) {
    const { kind, name, label } = entry;
    const before = settings.get("recent").filter((other) => keyOf(other) !== keyOf(entry));
    settings.set("recent", [{ kind, label: name ?? label }, ...before].slice(0, MAX_RECENT));
  }

  return { sections, entries, used };
}

const commandEntry = ({ name, group, keys, run }) => ({
  name, label: t(`command.${name}`), kind: "command", keys: keys[0] && keyLabel(keys[0]), also: hasText(`also.${name}`) ? t(`also.${name}`) : "", quiet: QUIET.has(group), run,
});

// A command is known by its name in every language.
const keyOf = ({ kind, name, label }) => `${kind} ${name ?? label}`;
