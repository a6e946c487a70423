// The names of the open channels in the top bar.

import { t } from "../i18n/translate.js";
import { button } from "./button.js";

const PARTS = { bar: ".bar", open: ".open" };

export class Toolbar {
  #on;
  #marks;

  /** `on` has `remove(name)` and `showChannels()`; `marks` has the colours, see channel-marks.js. */
  constructor(on, marks) {
    this.#on = on;
    this.#marks = marks;
    new ResizeObserver(() => this.#fold()).observe($(PARTS.bar)[0]);
  }

  showOpen(channels) {
    const names = channels.map((name) => {
      const { hue, shape } = this.#marks.of(name);
      const $name = $("<span>", { class: "open-name", "data-hue": hue, "data-shape": shape }).append($("<span>").text(name));
      $name.attr("title", name);
      if (channels.length === 1) return $name;
      const $close = button("open-close", { "aria-label": t("channels.close", { name }) }).text("✕");
      return $name.append($close.on("click", () => this.#on.remove(name)));
    });
    $(PARTS.open).empty().append(names);
    if (channels.length > 1) {
      // Which they are stands beside their number as far as there is room, and in the tooltip.
      const $which = $("<span>", { class: "open-which" }).text(channels.map((name) => this.#marks.of(name).text).join(", "));
      const $all = button("button open-all", { "data-testid": "open-all" }).append($("<b>").text(t("bar.channels", { n: channels.length })), $which);
      $(PARTS.open).append($all.attr("title", channels.join(", ")).on("click", () => this.#on.showChannels()));
    }
    this.#fold();
  }

  // Tabs that do not fit at their minimum width are replaced by one button.
  #fold() {
    const [open] = $(PARTS.open);
    open.dataset.folded = "false";
    open.dataset.folded = String(open.querySelector(".open-all") !== null && open.scrollWidth > open.clientWidth);
  }
}
