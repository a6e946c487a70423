// The bar above the lines while nothing can arrive: since when, and when the next attempt is.

import { outageText, retryText } from "../format/messages.js";

const PARTS = { bar: ".outage", text: ".outage-text", next: ".outage-next", retry: ".outage-retry" };

export class OutageBar {
  /** `on` has `retry()`, and `leave()`: the bar disappears and must not take the focus with it. */
  constructor(on) {
    this.on = on;
    $(PARTS.retry).on("click", () => on.retry());
  }

  /** Show an outage, see Outage.at(), or none; times in a zone. */
  show(outage, state, now, zone) {
    const [bar] = $(PARTS.bar);
    if (outage === null && bar.contains(document.activeElement)) this.on.leave();
    bar.hidden = outage === null;
    if (outage === null) return;
    $(PARTS.text).text(outageText(outage, state, zone));
    $(PARTS.next).text(retryText(outage, state, now));
    $(PARTS.retry).prop("hidden", outage.kind === "redis");
  }
}
