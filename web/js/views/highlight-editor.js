// The dialog of the highlight rules: a list of those there are, and a form for one more.

import { t } from "../i18n/translate.js";
import { compileMatcher } from "../store/matcher.js";
import { button } from "./button.js";
import { openPrompt } from "./prompt.js";

const FIRST_COLOUR = "#ff9f43";

/** `settings` hold the rules, as "rules". */
export function editHighlightRules(settings) {
  const $list = $("<div>", { "data-testid": "rules" });
  const draw = () =>
    $list.empty().append(settings.get("rules").map((rule, index) => {
      const $swatch = $("<span>", { class: "swatch" });
      $swatch[0].style.setProperty("background", rule.colour);
      const $remove = button("button", { type: "button", "aria-label": t("rules.remove", { text: rule.text }) }).text("✕");
      $remove.on("click", () => (settings.set("rules", settings.get("rules").filter((_, other) => other !== index)), draw()));
      return $("<div>", { class: "menu-line" }).append($swatch, $("<span>").text(rule.text), rule.row ? $("<i>").text(t("rules.whole")) : "", $remove);
    }));
  draw();
  openPrompt({
    title: t("command.highlightRules"),
    more: [$list],
    fields: [
      { name: "text", label: t("rules.text"), placeholder: "timeout · /conn(ect)?ed/" },
      { name: "colour", label: t("rules.colour"), type: "color", value: FIRST_COLOUR },
      { name: "row", label: t("rules.row"), type: "checkbox" },
      { name: "sound", label: t("rules.sound"), type: "checkbox" },
      { name: "title", label: t("rules.title"), type: "checkbox" },
    ],
    label: t("rules.add"),
    submit(rule) {
      const fault = rule.text.trim() === "" ? t("rules.fault") : compileMatcher(rule.text).fault;
      if (!fault) settings.set("rules", [...settings.get("rules"), rule]);
      return fault;
    },
  });
}
