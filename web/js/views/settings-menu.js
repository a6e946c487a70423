// The menu behind "…": how the page looks and behaves. Each choice takes effect at once and is remembered. Loaded when it is opened.

import { LANGUAGES, t } from "../i18n/translate.js";
import { CHOICES, RANGES } from "../app/settings.js";
import { TIME_FORMS } from "../format/time-forms.js";
import { zoneFault } from "../format/zones.js";
import { button } from "./button.js";

const PARTS = { menu: "#more" };
const SEGMENTS = ["theme", "density"];
const SWITCHES = ["rail", "hist", "repeats", "tokens", "announce", "keys"];
const NUMBERS = ["held", "holdBack", "guard"];
const TABS = ["appearance", "time", "behaviour"];

export class SettingsMenu {
  #settings;
  #on;

  /** `on` has `reload()`, `palette()`: the reader wants the list of all commands, and `tab(name)`: another tab is shown. */
  constructor(settings, on) {
    this.#settings = settings;
    this.#on = on;
    settings.on(SEGMENTS, () => this.#showChoices());
  }

  /** Fill the menu with the settings as they are now, and show one of its tabs. */
  draw(tab) {
    const $tabs = TABS.map((name) => button("tab", { role: "tab", id: `tab-${name}`, "data-tab": name, "data-testid": `tab-${name}`, "aria-controls": `panel-${name}` }).text(t(`more.${name}`)));
    const $list = $("<div>", { class: "tabs", role: "tablist", "aria-label": t("more.label") }).append($tabs);
    $list.on("click", "[role=tab]", (event) => this.#showTab(event.currentTarget.dataset.tab)).on("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const at = TABS.indexOf($list.find("[aria-selected=true]")[0].dataset.tab);
      this.#showTab(TABS[(at + step + TABS.length) % TABS.length]);
      $list.find("[aria-selected=true]").trigger("focus");
      event.preventDefault();
    });
    const $all = button("link", { "data-testid": "all-commands" }).text(t("more.all")).on("click", () => this.#on.palette());
    const panels = TABS.map((name) => $("<div>", { class: "tab-panel", role: "tabpanel", id: `panel-${name}`, "aria-labelledby": `tab-${name}` }).append(this.#partsOf(name).flat()));
    const $note = this.#settings.persistent ? [] : $("<p>", { class: "hint" }).text(t("set.notKept"));
    $(PARTS.menu).empty().append($note, $list, panels, $("<p>", { class: "menu-foot" }).append($all), zones());
    this.#showChoices();
    this.#showTab(tab);
  }

  #showTab(tab) {
    this.#on.tab(tab);
    for (const name of TABS) {
      const shown = name === tab;
      $(`#tab-${name}`).attr({ "aria-selected": String(shown), tabindex: shown ? 0 : -1 });
      $(`#panel-${name}`).prop("hidden", !shown);
    }
  }

  #partsOf(tab) {
    if (tab === "appearance") return [...SEGMENTS.map((name) => this.#segments(name)), this.#number("size"), this.#select("lang", { auto: t("lang.auto"), ...LANGUAGES })];
    if (tab === "time") {
      const forms = Object.fromEntries(TIME_FORMS.map((form) => [form, t(`time.${form}`)]));
      const orders = Object.fromEntries(CHOICES.order.map((order) => [order, t(`order.${order}`)]));
      return [this.#select("time", forms), this.#select("order", orders), this.#zone("zone", "local"), this.#zone("publisherZone", "auto")];
    }
    return [...SWITCHES.map((name) => this.#switch(name)), ...NUMBERS.map((name) => this.#number(name))];
  }

  #segments(name) {
    const buttons = CHOICES[name].map((value) => {
      const label = `${t(`set.${name}`)}: ${t(`${name}.${value}`)}`;
      const $button = button("button", { "data-set": name, "data-value": value, "aria-label": label, "aria-pressed": "false" });
      return $button.text(t(`${name}.${value}`)).on("click", () => this.#settings.set(name, value));
    });
    const $group = $("<div>", { class: "segments", role: "group", "aria-label": t(`set.${name}`), "data-testid": name }).append(buttons);
    return $("<div>", { class: "menu-line" }).append($("<span>").text(t(`set.${name}`)), $group);
  }

  #showChoices() {
    $(PARTS.menu).find("[data-set]").each((_, choice) => {
      choice.setAttribute("aria-pressed", String(this.#settings.get(choice.dataset.set) === choice.dataset.value));
    });
  }

  #select(name, options) {
    const $select = $("<select>", { "data-testid": name });
    for (const [value, text] of Object.entries(options)) $select.append($("<option>", { value }).text(text));
    $select.val(this.#settings.get(name)).on("change", () => {
      this.#settings.set(name, $select.val());
      if (name === "lang") this.#on.reload();
    });
    return line(name, $select);
  }

  #zone(name, plain) {
    const $fault = $("<p>", { class: "fault", role: "alert" }).prop("hidden", true);
    const current = this.#settings.get(name);
    const $input = $("<input>", { class: "field", list: "zones", "data-testid": name, placeholder: t(`zone.${plain}`), spellcheck: "false" });
    $input.val(current === plain ? "" : current).on("change", () => {
      const zone = $input.val().trim() || plain;
      const fault = zone === plain ? null : zoneFault(zone);
      $fault.text(fault ?? "").prop("hidden", !fault);
      if (!fault) this.#settings.set(name, zone);
    });
    return [line(name, $input), $fault];
  }

  #switch(name) {
    const $box = $("<input>", { type: "checkbox", "data-testid": `set-${name}` }).prop("checked", this.#settings.get(name));
    return line(name, $box.on("change", () => this.#settings.set(name, $box.prop("checked"))));
  }

  #number(name) {
    const [min, max] = RANGES[name];
    const $input = $("<input>", { class: "field", type: "number", min, max, "data-testid": `set-${name}` }).val(this.#settings.get(name));
    $input.on("change", () => {
      const value = Math.round(Math.min(max, Math.max(min, Number($input.val()) || min)));
      $input.val(value);
      this.#settings.set(name, value);
    });
    return line(name, $input);
  }
}

const line = (name, $control) => $("<label>").append($("<span>").text(t(`set.${name}`)), $control);

function zones() {
  const names = ["UTC", ...(Intl.supportedValuesOf?.("timeZone") ?? [])];
  return $("<datalist>", { id: "zones" }).append(names.map((value) => $("<option>", { value })));
}
