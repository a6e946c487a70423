// The toggle at the filter box that pins the filter, and what the status bar says of a pinned one.

import { visible } from "../format/text.js";
import { t } from "../i18n/translate.js";

const PARTS = { toggle: ".pin-filter", status: ".pinned" };

export class PinToggle {
  /** `on` has `toggle()`. */
  constructor(on) {
    $(PARTS.toggle).on("click", () => on.toggle());
  }

  /** Show the toggle if there is a filter to pin, `pinnable`, and which filter is pinned, as a text or null. */
  show(pinnable, pinned) {
    // Hiding it must not take the focus from whoever has just pressed it.
    $(PARTS.toggle).prop("hidden", !pinnable && pinned === null && !$(PARTS.toggle).is(":focus")).attr("aria-pressed", String(pinned !== null));
    const text = pinned === null ? "" : t("pin.status", { filter: visible(pinned) });
    const [status] = $(PARTS.status);
    // Written only when it changes: a screen reader reads it out each time.
    if (status.textContent !== text) $(status).text(text).attr("title", text || null);
  }
}
