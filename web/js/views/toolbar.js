// The top bar and the level chips: what is open, Start and Stop, the filter box, the theme.

import { hueOf } from "../channels.js";
import { grouped } from "../format.js";
import { LETTERS, LEVELS, SUCCESS } from "../normalise/levels.js";

const $ = window.jQuery;
const PARTS = { bar: ".bar", open: ".open", filter: ".filter", start: ".start", stop: ".stop", theme: ".theme", levels: ".levels" };
const PHONE = "(max-width: 699px)";
const TYPING_MS = 120;
const RUNNING = ["connecting", "live", "reconnecting", "offline"];
const CHIPS = [...LEVELS.keys()].slice(1).concat(0);

export class Toolbar {
  #on;
  #chips = new Map();
  #hidden = new Set();

  /** `on` has `start()`, `stop()`, `remove(name)`, `rail()`, `filter(text)` and `levels(hidden)`. */
  constructor(on) {
    this.#on = on;
    $(PARTS.start).on("click", () => on.start());
    $(PARTS.stop).on("click", () => on.stop());
    let typing = 0;
    $(PARTS.filter).on("input", (event) => {
      clearTimeout(typing);
      typing = setTimeout(() => on.filter(event.target.value), TYPING_MS);
    });
    $(PARTS.theme).on("click", "button", (event) => this.#setTheme(event.currentTarget.dataset.themeName));
    this.#showTheme();
    const phone = window.matchMedia(PHONE);
    const hint = () => $(PARTS.filter).attr("placeholder", phone.matches ? "Filter" : 'Filter: words, "a phrase", -not, key=value');
    phone.addEventListener("change", hint);
    hint();
    for (const level of CHIPS) this.#addChip(level);
    new ResizeObserver(() => this.#fold()).observe($(PARTS.bar)[0]);
  }

  showOpen(channels) {
    const names = channels.map((name) => {
      const $name = $("<span>", { class: "open-name", "data-hue": String(hueOf(name)) }).append($("<span>").text(name));
      $name.attr("title", name);
      if (channels.length === 1) return $name;
      const $close = $("<button>", { class: "open-close", "aria-label": `Close ${name}` }).text("✕");
      return $name.append($close.on("click", () => this.#on.remove(name)));
    });
    $(PARTS.open).empty().append(names);
    if (channels.length > 1) {
      const $all = $("<button>", { class: "button open-all", "data-testid": "open-all" }).text(`${channels.length} channels`);
      $(PARTS.open).append($all.attr("title", channels.join(", ")).on("click", () => this.#on.rail()));
    }
    this.#fold();
  }

  // Tabs that do not fit at their least width give way to one button.
  #fold() {
    const [open] = $(PARTS.open);
    open.dataset.folded = "false";
    open.dataset.folded = String(open.querySelector(".open-all") !== null && open.scrollWidth > open.clientWidth);
  }

  showState({ name }) {
    const running = RUNNING.includes(name);
    $(PARTS.start).prop("disabled", running);
    $(PARTS.stop).prop("disabled", !running);
  }

  /** The numbers of lines held per level. */
  showCounts(perLevel) {
    for (const [level, { $chip, $count }] of this.#chips) {
      const count = perLevel[level];
      $count.text(grouped(count));
      $chip.attr("data-zero", String(count === 0));
      // Only loguru has it: no chip for what never comes.
      if (level === SUCCESS) $chip.prop("hidden", count === 0 && !this.#hidden.has(level));
    }
  }

  /** True when no level that has a chip in sight is shown. */
  get allHidden() {
    return [...this.#chips].every(([level, { $chip }]) => this.#hidden.has(level) || $chip.prop("hidden"));
  }

  showAll() {
    this.#hidden = new Set();
    this.#applyLevels();
  }

  focusFilter() {
    $(PARTS.filter).trigger("focus").trigger("select");
  }

  clearFilter() {
    $(PARTS.filter).val("");
    this.#on.filter("");
  }

  #addChip(level) {
    const name = LEVELS[level];
    const words = level === 0 ? "lines without a level" : `level ${name}`;
    const $count = $("<span>").text("0");
    const $chip = $("<button>", { class: "chip", "data-level": name, "data-testid": `level-${name}`, "aria-pressed": "true" });
    $chip.attr("title", `Show or hide ${words}. Double-click: only these.`);
    $chip.append($("<b>").text(LETTERS[level] || "no level"), $("<span>", { class: "unseen" }).text(words), $count);
    $chip.on("click", (event) => (event.shiftKey ? this.#only(level) : this.#toggle(level)));
    $chip.on("dblclick", () => this.#only(level));
    $(PARTS.levels).append($chip);
    this.#chips.set(level, { $chip, $count });
  }

  #toggle(level) {
    if (!this.#hidden.delete(level)) this.#hidden.add(level);
    this.#applyLevels();
  }

  // The second time on the only one shown brings all of them back.
  #only(level) {
    const alone = this.#hidden.size === CHIPS.length - 1 && !this.#hidden.has(level);
    this.#hidden = new Set(alone ? [] : CHIPS.filter((other) => other !== level));
    this.#applyLevels();
  }

  #applyLevels() {
    for (const [level, { $chip }] of this.#chips) $chip.attr("aria-pressed", String(!this.#hidden.has(level)));
    this.#on.levels(new Set(this.#hidden));
  }

  // On a phone only the chosen theme's button is there: it goes on to the next.
  #setTheme(name) {
    const names = ["auto", "dark", "light"];
    const current = document.documentElement.dataset.theme;
    const chosen = name === current ? names[(names.indexOf(name) + 1) % names.length] : name;
    document.documentElement.dataset.theme = chosen;
    try {
      localStorage.setItem("sse-hub.theme", chosen);
    } catch {
      // Storage is off: the theme lasts as long as the page.
    }
    this.#showTheme();
    $(window).trigger("themechange");
  }

  #showTheme() {
    const chosen = document.documentElement.dataset.theme;
    $(PARTS.theme).children().each((_, button) => {
      button.setAttribute("aria-pressed", String(button.dataset.themeName === chosen));
    });
  }
}
