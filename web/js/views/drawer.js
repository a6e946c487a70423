// The drawer: everything about the selected line. As everywhere, log text enters the page as text only.

import { loadLater } from "./later.js";

const PARTS = { drawer: ".details", close: ".details-close" };

export class Drawer {
  #on;
  #shown = null;
  #raw = false;
  #details = null;

  /**
   * `on` has `close()`, `value(entry, button)`: the menu of a value in the tree was opened, and `commands()`: `[{name, label, run}, …]`
   * for the line.
   */
  constructor(on) {
    this.#on = on;
    $(PARTS.close).on("click", () => on.close());
  }

  get shown() {
    return !$(PARTS.drawer).prop("hidden");
  }

  /** True while the keyboard is in the drawer. */
  get focused() {
    return $(PARTS.drawer)[0].contains(document.activeElement);
  }

  hide() {
    this.#shown = null;
    $(PARTS.drawer).prop("hidden", true);
  }

  /** Switch between the line as it was published and the parsed line. */
  toggleRaw() {
    this.#raw = !this.#raw;
    if (this.#shown) this.show(this.#shown);
  }

  /** Show one line, `{channel, id, line, raw, record, times, alerts}`: `alerts` are `[{text, run}, …]` to other lines, `raw` is its text with the lines that continue it, `times` its time in every form. */
  show(shown) {
    this.#shown = shown;
    $(PARTS.drawer).prop("hidden", false);
    if (this.#details) return this.#details.show(shown, this.#raw);
    return void this.#load();
  }

  async #load() {
    const module = await loadLater(() => import("./line-details.js"));
    if (module) this.#details ??= new module.LineDetails({ ...this.#on, toggleRaw: () => this.toggleRaw() });
    // Another line may be selected by now, or none.
    if (this.#shown && module) this.show(this.#shown);
    else if (!module) this.#on.close();
  }
}
