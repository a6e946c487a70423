// The button of the stream, at the left of the bars: live, paused or past; the menu of ranges behind it; and the range that is shown.

import { liveState } from "../format/live-state.js";
import { t } from "../i18n/translate.js";
import { openMenu } from "./menu.js";

const PARTS = {
  live: ".live", words: ".live-words", more: ".live-more", range: ".range", text: ".range-text", out: ".range-out", close: ".range-close",
  start: ".start", stop: ".stop",
};
// Where the name of the state alone does not say what a click does.
const TITLES = { live: "live.pause", waiting: "live.pause", stopped: "live.start" };

export class LiveButton {
  /** `on` has `press()`, `menu()`: the items of the menu, `choose()`: to type a range, `zoomOut()`, `leave()`: live again, `start()` and `stop()`. */
  constructor(on) {
    $(PARTS.live).on("click", () => on.press());
    $(PARTS.more).on("click", () => this.openMenu());
    $(PARTS.text).on("click", () => on.choose());
    $(PARTS.out).on("click", () => on.zoomOut());
    $(PARTS.close).on("click", () => on.leave());
    $(PARTS.start).on("click", () => on.start());
    $(PARTS.stop).on("click", () => on.stop());
    this.on = on;
  }

  openMenu() {
    openMenu($(PARTS.more)[0], this.on.menu());
  }

  /** Show what liveState() takes. */
  show(situation) {
    const { name, words } = liveState(situation);
    const [button] = $(PARTS.live);
    const [text] = $(PARTS.words);
    // An unchanged text stays, so that screen readers do not repeat it.
    if (text.textContent === words && button.dataset.name === name) return;
    text.textContent = words;
    button.title = `${words} · ${t(TITLES[name] ?? "live.back")}`;
    button.dataset.name = name;
    button.setAttribute("aria-pressed", String(name === "paused"));
  }

  /** Show whether the stream runs. */
  showRunning(running) {
    $(PARTS.start).prop("disabled", running);
    $(PARTS.stop).prop("disabled", !running);
  }

  /** Show the text of a range; `zooms`: it can be made longer. null: there is none. */
  showRange(text, zooms = false) {
    const [range] = $(PARTS.range);
    if (range.contains(document.activeElement) && (text === null || (!zooms && document.activeElement.matches(PARTS.out)))) $(PARTS.live).trigger("focus");
    range.hidden = text === null;
    $(PARTS.text).text(text ?? "").attr("title", text === null ? null : `${text} · ${t("range.change")}`);
    $(PARTS.out).prop("hidden", !zooms);
  }
}
