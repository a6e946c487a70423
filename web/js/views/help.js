// The help: all keys by group, and the syntax of the filter.

import { t } from "../i18n/translate.js";
import { openDialog } from "./dialog.js";
import { keyLabel } from "./keyboard.js";

const PARTS = { dialog: ".help" };
const GROUPS = ["move", "line", "view", "page"];
const SYNTAX = [
  'timeout "time out"', "/conn(ect)?ed/i", "-health -path~^/health", "level>=warn level=error,fatal", "user=u7 user!=u7 user=u7,u8",
  "msg~slow", "status>=500 took<10ms size>2MB", "user:* -user:*", "a b · a OR b · ( )", "channel=orders after=-15m before=03:50",
];

export function showHelp(commands) {
  const [dialog] = $(PARTS.dialog);
  const $keys = $("<div>", { class: "help-keys" }).append(GROUPS.map((group) => keysOf(commands.filter((command) => command.group === group), group)));
  const $rows = SYNTAX.map((text, at) => $("<tr>").append($("<td>").append($("<code>").text(text)), $("<td>").text(t(`help.syntax.${at}`))));
  const $table = $("<table>", { class: "help-language" }).append($("<tbody>").append($rows));
  openDialog(dialog, t("help.title"), $keys, $("<h3>").text(t("help.syntax")), $table);
}

function keysOf(commands, group) {
  const $list = $("<dl>").append($("<dt>"), $("<dd>").append($("<h3>").text(t(`group.${group}`))));
  for (const { name, keys } of commands) {
    if (keys.length === 0) continue;
    const shown = name === "lowestLevel" ? ["1", "…", "6"] : keys;
    const $keys = shown.flatMap((key) => [key === "…" ? document.createTextNode(" … ") : $("<kbd>").text(keyLabel(key))[0], document.createTextNode(" ")]);
    $list.append($("<dt>").append($keys), $("<dd>").text(t(`command.${name}`)));
  }
  return $list;
}
