// The highlight rules, put together in a dialog and remembered; a new line may beep, or count in the title.

import { findPattern } from "../store/matcher.js";
import { compileRules } from "../store/highlight-rules.js";
import { t } from "../i18n/translate.js";
import { askFor } from "../views/prompt.js";
import { button } from "../views/button.js";

const FIRST_COLOUR = "#ff9f43";
const BEEP_MS = 120;
const QUIET_MS = 1_000;

export function ruling(page) {
  const { settings, style } = page;
  let beepedAt = -Infinity;
  const use = () => (style.rules = compileRules(settings.get("rules")));

  function rules() {
    const $list = $("<div>", { "data-testid": "rules" });
    const draw = () =>
      $list.empty().append(settings.get("rules").map((rule, at) => {
        const $swatch = $("<span>", { class: "swatch" });
        $swatch[0].style.setProperty("background", rule.colour);
        const $drop = button("button", { type: "button", "aria-label": t("rules.remove", { text: rule.text }) }).text("✕");
        $drop.on("click", () => (settings.set("rules", settings.get("rules").filter((_, other) => other !== at)), draw()));
        return $("<div>", { class: "menu-line" }).append($swatch, $("<span>").text(rule.text), rule.row ? $("<i>").text(t("rules.whole")) : "", $drop);
      }));
    draw();
    askFor({
      title: t("act.rules"),
      more: [$list],
      fields: [
        { name: "text", label: t("rules.text"), placeholder: "timeout · /conn(ect)?ed/" },
        { name: "colour", label: t("rules.colour"), type: "color", value: FIRST_COLOUR },
        { name: "row", label: t("rules.row"), type: "checkbox" },
        { name: "sound", label: t("rules.sound"), type: "checkbox" },
        { name: "title", label: t("rules.title"), type: "checkbox" },
      ],
      go: t("rules.add"),
      act(rule) {
        const { text } = rule;
        const fault = text.trim() === "" ? t("rules.fault") : findPattern(text).fault;
        if (!fault) settings.set("rules", [...settings.get("rules"), rule]);
        return fault;
      },
    });
  }

  function beep() {
    if (performance.now() - beepedAt < QUIET_MS) return;
    beepedAt = performance.now();
    const context = new AudioContext();
    const tone = context.createOscillator();
    tone.connect(context.destination);
    tone.start();
    tone.stop(context.currentTime + BEEP_MS / 1_000);
    // Not when the tone ends: it does not begin before the reader has touched the page.
    setTimeout(() => context.close(), QUIET_MS);
  }

  settings.on("rules", () => {
    use();
    page.rewrite();
  });
  use();
  function heard(line) {
    const { rules } = style;
    if (rules.wants("sound", line)) beep();
    if (rules.wants("title", line)) page.unread();
  }

  return { heard, act: { rules } };
}
