// The help: all keys by group, and the language of the filter.

import { t } from "../i18n/translate.js";
import { openDialog } from "./dialog.js";

const PARTS = { dialog: ".help" };
const GROUPS = ["move", "line", "look", "page"];
const LANGUAGE = [
  'timeout "time out"', "/conn(ect)?ed/i", "-health -path~^/health", "level>=warn level=error,fatal", "user=u7 user!=u7 user=u7,u8",
  "msg~slow", "status>=500 took<10ms size>2MB", "user:* -user:*", "a b · a OR b · ( )", "channel=orders after=-15m before=03:50",
];
const SHOWN = { ArrowDown: "↓", ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→", PageDown: "PgDn", PageUp: "PgUp", Escape: "Esc" };

/** A key as it is written on the page. */
export const keyWords = (key) => SHOWN[key] ?? key;

export function showHelp(actions) {
  const [dialog] = $(PARTS.dialog);
  const $keys = $("<div>", { class: "help-keys" }).append(GROUPS.map((group) => keysOf(actions.filter((action) => action.group === group), group)));
  const $rows = LANGUAGE.map((text, at) => $("<tr>").append($("<td>").append($("<code>").text(text)), $("<td>").text(t(`help.language.${at}`))));
  const $table = $("<table>", { class: "help-language" }).append($("<tbody>").append($rows));
  openDialog(dialog, t("help.title"), $keys, $("<h3>").text(t("help.language")), $table);
}

function keysOf(actions, group) {
  const $list = $("<dl>").append($("<dt>"), $("<dd>").append($("<h3>").text(t(`group.${group}`))));
  for (const { name, keys } of actions) {
    if (keys.length === 0) continue;
    const shown = name === "lowest" ? ["1", "…", "6"] : keys;
    const $keys = shown.flatMap((key) => [key === "…" ? document.createTextNode(" … ") : $("<kbd>").text(keyWords(key))[0], document.createTextNode(" ")]);
    $list.append($("<dt>").append($keys), $("<dd>").text(t(`act.${name}`)));
  }
  return $list;
}
