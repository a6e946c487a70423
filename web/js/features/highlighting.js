// The highlight rules: edited in a dialog and remembered. A new line that matches may beep, or count in the title.

import { compileRules } from "../store/highlight-rules.js";
import { loadLater } from "../views/later.js";

const BEEP_MS = 120;
const QUIET_MS = 1_000;

export function addHighlighting(page) {
  const { settings, style, workspace } = page;
  let beepedAt = -Infinity;
  const compile = () => (style.rules = compileRules(settings.get("rules")));

  async function editRules() {
    const editor = await loadLater(() => import("../views/highlight-editor.js"));
    editor?.editHighlightRules(settings);
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
