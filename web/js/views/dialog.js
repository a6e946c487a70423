// A dialog to read: a title, a button that closes it, and the content below.

import { t } from "../i18n/translate.js";
import { button } from "./button.js";

export function openDialog(dialog, title, ...parts) {
  const $close = button("button icon", { "aria-label": t("find.close") }).append($('<svg class="icon"><use href="#i-close"/></svg>'));
  $close.on("click", () => dialog.close());
  $(dialog).empty().append($("<div>", { class: "dialog-head" }).append($("<h2>").text(title), $close), ...parts);
  if (!dialog.open) dialog.showModal();
}
