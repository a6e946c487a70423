// The names of the open channels in the top bar.

import { hueOf } from "../protocol/channels.js";
import { t } from "../i18n/translate.js";
import { button } from "./button.js";

const PARTS = { bar: ".bar", open: ".open" };

export class Toolbar {
  #on;

  /** `on` has `remove(name)` and `showChannels()`. */
  constructor(on) {
    this.#on = on;
    new ResizeObserver(() => this.#fold()).observe($(PARTS.bar)[0]);
  }

  showOpen(channels) {
    const names = channels.map((name) => {
      const $name = $("<span>", { class: "open-name", "data-hue": String(hueOf(name)) }).append($("<span>").text(name));
      $name.attr("title", name);
      if (channels.length === 1) return $name;
      const $close = button("open-close", { "aria-label": t("channels.close", { name }) }).text("✕");
      return $name.append($close.on("click", () => this.#on.remove(name)));
    });
    $(PARTS.open).empty().append(names);
    if (channels.length > 1) {
      const $all = button("button open-all", { "data-testid": "open-all" }).text(t("bar.channels", { n: channels.length }));
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
