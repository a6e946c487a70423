// The bar over a line's context: which line it is, which of the filter's hits, and the way back to them.

import { t } from "../i18n/translate.js";

const PARTS = { bar: ".context-bar", words: ".context-words", count: ".context-count", next: ".context-next", previous: ".context-previous", back: ".context-back" };

export class ContextBar {
  /** `on` has `next()`, `previous()` and `back()`. */
  constructor(on) {
    for (const name of ["next", "previous", "back"]) $(PARTS[name]).on("click", () => on[name]());
  }

  /** Show which line it is, `{time, text}` or null, and which of so many hits; 0: none of them. */
  show(line, at, n) {
    write(PARTS.words, line === null ? "" : t("context.around", line));
    write(PARTS.count, at > 0 ? t("context.hit", { at, n }) : t("context.hits", { n }));
    $(PARTS.bar).prop("hidden", false);
  }

  hide() {
    $(PARTS.bar).prop("hidden", true);
  }
}

// A screen reader reads it out each time it is written.
function write(part, text) {
  if ($(part).text() !== text) $(part).text(text);
}
