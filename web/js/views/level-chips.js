// The level chips: how many lines of each level are held, how many of them the filter finds, and which levels are shown.

import { LETTERS, LEVELS } from "../normalise/levels.js";
import { formatNumber, t } from "../i18n/translate.js";
import { button } from "./button.js";

const PARTS = { levels: ".levels" };
const CHIPS = [...LEVELS.keys()].slice(1).concat(0);

export class LevelChips {
  #on;
  #chips = new Map();
  #hidden = new Set();

  /** `on` has `levels(hidden)`. */
  constructor(on) {
    this.#on = on;
    for (const level of CHIPS) this.#addChip(level);
  }

  /** Show how many lines of each level are held, and with a filter how many of them it finds, `found`. */
  showCounts(perLevel, found = null) {
    for (const [level, { $chip, $count, $total }] of this.#chips) {
      const count = formatNumber((found ?? perLevel)[level]);
      const total = found === null || found[level] === perLevel[level] ? "" : ` / ${formatNumber(perLevel[level])}`;
      // A level that no line has needs no chip, unless it is hidden: then the reader must be able to bring it back.
      $chip.prop("hidden", perLevel[level] === 0 && !this.#hidden.has(level));
      if ($count.textContent === count && $total.textContent === total) continue;
      $count.textContent = count;
      $total.textContent = total;
    }
  }

  /** Show that these levels are hidden. */
  show(hidden) {
    this.#hidden = new Set(hidden);
    for (const [level, { $chip, $count }] of this.#chips) {
      $chip.attr("aria-pressed", String(!this.#hidden.has(level)));
      $chip.prop("hidden", $count.textContent === "0" && !this.#hidden.has(level));
    }
  }

  /** True when every level with a visible chip is hidden. */
  get allHidden() {
    return [...this.#chips].every(([level, { $chip }]) => this.#hidden.has(level) || $chip.prop("hidden"));
  }

  /** Hide all levels below the n-th of T D I W E F, and lines without a level; 0 shows all. */
  setLowest(n) {
    const lowest = n === 0 ? 0 : LETTERS.indexOf("TDIWEF"[n - 1]);
    this.#hide(n <= 1 ? [] : CHIPS.filter((level) => level < lowest));
  }

  #addChip(level) {
    const name = LEVELS[level];
    const words = level === 0 ? t("levels.words.none") : t("levels.words", { name });
    const $count = $("<span>").text("0")[0];
    const $total = $("<i>", { class: "chip-total" })[0];
    const $chip = button("chip", { "data-level": name, "data-testid": `level-${name}`, "aria-pressed": "true" });
    $chip.attr("title", t("levels.title", { words }));
    // The letter, and the rest of the word where there is room.
    const $name = $("<b>", { "aria-hidden": "true" }).text(level === 0 ? t("levels.none") : LETTERS[level]);
    if (level > 0) $name.append($("<span>", { class: "rest" }).text(name.slice(1)));
    $chip.append($name, $("<span>", { class: "visually-hidden" }).text(words), $count, $total);
    $chip.on("click", (event) => (event.shiftKey ? this.#only(level) : this.#toggle(level)));
    $chip.on("dblclick", () => this.#only(level));
    $chip.prop("hidden", true);
    $(PARTS.levels).append($chip);
    this.#chips.set(level, { $chip, $count, $total });
  }

  #toggle(level) {
    const hidden = new Set(this.#hidden);
    if (!hidden.delete(level)) hidden.add(level);
    this.#hide(hidden);
  }

  // On the only level shown, it brings back all of them.
  #only(level) {
    const alone = this.#hidden.size === CHIPS.length - 1 && !this.#hidden.has(level);
    this.#hide(alone ? [] : CHIPS.filter((other) => other !== level));
  }

  #hide(hidden) {
    this.show(hidden);
    this.#on.levels(new Set(hidden));
  }
}
