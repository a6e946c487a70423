// The highlight rules: edited in a dialog and remembered. A new line that matches may beep, or count in the title.

import { t } from "../i18n/translate.js";
import { compileRules } from "../store/highlight-rules.js";
import { compileMatcher } from "../store/matcher.js";
import { button } from "../views/button.js";
import { openPrompt } from "../views/prompt.js";

const FIRST_COLOUR = "#ff9f43";
const BEEP_MS = 120;
const QUIET_MS = 1_000;

export function addHighlighting(page) {
  const { settings, style, workspace } = page;
  let beepedAt = -Infinity;
  const compile = () => (style.rules = compileRules(settings.get("rules")));

  function editRules() {
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
    compile();
    page.rewrite();
  });
  compile();
  workspace.ingest.onLiveLine = (line) => {
    if (style.rules.triggers("sound", line)) beep();
    if (style.rules.triggers("title", line)) page.emit("notable");
  };

  return { commands: { highlightRules: editRules } };
}
