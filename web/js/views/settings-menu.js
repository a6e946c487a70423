// The menu behind "…": how the page looks and behaves. Each choice takes effect at once and is remembered. Loaded when it is opened.

import { LANGUAGES, t } from "../i18n/translate.js";
import { CHOICES, RANGES } from "../app/settings.js";
import { TIME_FORMS } from "../format/time-forms.js";
import { zoneFault } from "../format/zones.js";
import { button } from "./button.js";

const PARTS = { menu: "#more" };
const SEGMENTS = ["theme", "density"];
const SWITCHES = ["rail", "hist", "repeats", "tokens", "announce", "keys"];

export class SettingsMenu {
  #settings;
  #on;

  /** `on` has `reload()`, and `commands()`: `[{label, keys, run}, …]`, listed at the end. */
  constructor(settings, on) {
    this.#settings = settings;
    this.#on = on;
    settings.on(SEGMENTS, () => this.#showChoices());
  }

  close() {
    const [menu] = $(PARTS.menu);
    if (menu.matches(":popover-open")) menu.hidePopover();
  }

  /** Fill the menu with the settings as they are now. */
  draw() {
    const parts = [this.#settings.persistent ? [] : $("<p>", { class: "hint" }).text(t("set.notKept")), heading("more.appearance")];
    for (const name of SEGMENTS) parts.push(this.#segments(name));
    parts.push(this.#number("size"), this.#select("lang", { auto: t("lang.auto"), ...LANGUAGES }), heading("more.time"));
    parts.push(this.#select("time", Object.fromEntries(TIME_FORMS.map((form) => [form, t(`time.${form}`)]))));
    parts.push(this.#select("order", Object.fromEntries(CHOICES.order.map((order) => [order, t(`order.${order}`)]))));
    parts.push(this.#zone("zone", "local"), this.#zone("publisherZone", "auto"), heading("more.behaviour"));
    for (const name of SWITCHES) parts.push(this.#switch(name));
    parts.push(this.#number("held"), this.#number("holdBack"), this.#number("guard"), heading("more.commands"));
    for (const { label, keys, run } of this.#on.commands()) {
      const $item = button("menu-item").append($("<span>").text(label), keys ? $("<kbd>").text(keys) : "");
      parts.push($item.on("click", () => (this.close(), run())));
    }
    $(PARTS.menu).empty().append(parts.flat(), zones());
    this.#showChoices();
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

const heading = (key) => $("<h2>").text(t(key));

const line = (name, $control) => $("<label>").append($("<span>").text(t(`set.${name}`)), $control);

function zones() {
  const names = ["UTC", ...(Intl.supportedValuesOf?.("timeZone") ?? [])];
  return $("<datalist>", { id: "zones" }).append(names.map((value) => $("<option>", { value })));
}
