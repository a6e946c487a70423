// The panel of the saved views: opens them, removes them, and saves the present one under a name.

import { t } from "../i18n/translate.js";
import { button } from "./button.js";

/** Fill `$panel` with the views that `settings` keep. `on` has `open(query)` and `copyUrl()`. */
export function drawViews($panel, settings, on) {
  const again = () => drawViews($panel, settings, on);
  const views = settings.get("views");
  const items = views.map(({ name, query }) => {
    const $open = button("menu-item", { "data-testid": "saved-view" }).append($("<span>").text(name)).on("click", () => on.open(query));
    const $remove = button("button", { "aria-label": t("views.remove", { name }) }).text("✕");
    $remove.on("click", () => (settings.set("views", settings.get("views").filter((view) => view.name !== name)), again()));
    return $("<div>", { class: "menu-line" }).append($open, $remove);
  });
  const $name = $("<input>", { class: "field", "data-testid": "view-name", placeholder: t("views.name"), "aria-label": t("views.name"), maxlength: 60 });
  const $save = $("<form>", { class: "menu-line" }).append($name, button("button", { "data-testid": "view-save" }).text(t("views.save")));
  $save.on("submit", (event) => {
    event.preventDefault();
    const name = $name.val().trim();
    if (!name) return;
    settings.set("views", [...settings.get("views").filter((view) => view.name !== name), { name, query: location.search }]);
    again();
  });
  const $copy = button("menu-item").append($("<span>").text(t("command.copyUrl"))).on("click", () => on.copyUrl());
  $panel.empty().append($("<h2>").text(t("views.title")), items, views.length === 0 ? $("<p>").text(t("views.none")) : [], $save, $copy);
}
