// The form of one rule, in the dialog of the rules: made, changed, tried, or only read. What the hub finds wrong stands at its field.

import { CONDITIONS } from "../format/alert-rule.js";
import { formatClock } from "../format/format-time.js";
import { visible } from "../format/text.js";
import { LETTERS, LEVELS } from "../normalise/levels.js";
import { t } from "../i18n/translate.js";
import { button } from "./button.js";
import { openDialog } from "./dialog.js";
import { OWN_KIND } from "./rule-list.js";

const PARTS = { dialog: ".rules" };
const FIELDS = ["id", "channels", "filter", "when", "count", "factor", "within", "usual", "by", "pause", "text"];
const LONG = ["channels", "filter", "text"];

export class RuleForm {
  #on;
  #dialog = $(PARTS.dialog)[0];
  #$form = null;
  #values = null;

  /** The zone in which times are shown. */
  zone = "local";

  /** `on` has `save(values)`, `test(values)`, `back()` and `line({channel, id})`: the reader wants to see a line. */
  constructor(on) {
    this.#on = on;
    // Esc leads back to the list. A browser lets a page keep a dialog open by the key more often than by "cancel", which other gestures bring.
    this.#dialog.addEventListener("keydown", (event) => event.key === "Escape" && !event.isComposing && this.#goBack(event));
    this.#dialog.addEventListener("cancel", (event) => this.#goBack(event));
    this.#dialog.addEventListener("close", () => (this.#$form = null));
  }

  /** True while the form is in the dialog. */
  get shown() {
    return this.#$form !== null && this.#$form[0].isConnected;
  }

  /** Show the form with these values, see format/alert-rule.js; `may` is `{save, test}`, `isNew` lets the id be typed. */
  show(values, { title, isNew, destinations, may, why = "" }) {
    this.#values = values;
    const fields = FIELDS.map((name) => this.#field(name, values[name], name === "id" ? !isNew : !may.save));
    const $buttons = $("<div>", { class: "buttons" }).append(
      button("button", { type: "button", "data-testid": "rule-back" }).text(t(may.save ? "prompt.cancel" : "alerts.back")).on("click", () => this.#on.back()),
      may.test ? button("button", { type: "button", "data-testid": "rule-test" }).text(t("alerts.test")).on("click", () => this.#on.test(this.values)) : [],
      may.save ? button("button primary", { "data-testid": "rule-save" }).text(t("alerts.save")) : [],
    );
    this.#$form = $("<form>", { class: "rule-form", novalidate: "" }).append(
      why ? $("<p>", { class: "hint" }).text(why) : [], fields, this.#destinations(destinations, values.to, !may.save),
      $("<p>", { class: "fault", role: "alert", "data-testid": "rule-fault" }).prop("hidden", true), $buttons,
      $("<p>", { class: "hint", role: "status", "data-testid": "trial-words" }), $("<ul>", { class: "listing-lines", "data-testid": "trial-alerts" }),
    );
    this.#$form.on("submit", (event) => {
      event.preventDefault();
      if (may.save) this.#on.save(this.values);
    });
    openDialog(this.#dialog, title, this.#$form);
    this.#input("when").on("change", () => this.#showParameters());
    this.#showParameters();
    this.#input(isNew ? "id" : "channels").trigger("focus");
  }

  /** What has been typed. */
  get values() {
    const values = { ...this.#values };
    for (const name of FIELDS) values[name] = this.#input(name).val();
    values.to = this.#$form.find("[name=to]:checked").map((_, box) => box.value).get();
    return values;
  }

  /** Say what is wrong, `{member, detail}`, at its field; null: nothing is. */
  showFault(fault) {
    if (!this.shown) return;
    this.#$form.find("[aria-invalid]").removeAttr("aria-invalid");
    this.#$form.find(".fault").text("").prop("hidden", true);
    if (!fault) return;
    const $at = this.#$form.find(`[data-fault="${FIELDS.includes(fault.member) || fault.member === "to" ? fault.member : ""}"]`);
    ($at.length > 0 ? $at : this.#$form.find("[data-testid=rule-fault]")).text(visible(fault.detail)).prop("hidden", false);
    if (FIELDS.includes(fault.member)) this.#input(fault.member).attr("aria-invalid", "true").trigger("focus");
  }

  /** Show what the rule would have sent, as `POST /rules/test` says; a text instead while it is not known. */
  showTrial(trial) {
    if (!this.shown) return;
    const $words = this.#$form.find("[data-testid=trial-words]");
    const $list = this.#$form.find("[data-testid=trial-alerts]").empty();
    if (typeof trial === "string") return void $words.text(trial);
    const { lines, seconds, made, more, alerts } = trial;
    $words.text([t("alerts.trial", { n: made, lines, minutes: Math.round(seconds / 60) }), more ? t("alerts.trial.more") : ""].filter(Boolean).join(" "));
    $list.append(alerts.map((alert) => $("<li>").append(this.#alert(alert))));
    $words[0].scrollIntoView({ block: "nearest" });
  }

  #goBack(event) {
    if (!this.shown) return;
    event.preventDefault();
    this.#on.back();
  }

  #alert({ moment_ms: moment, text, count, channel, last, level, kind }) {
    const number = Math.max(0, LEVELS.indexOf(level));
    const $line = button("listing-line", { type: "button", "data-level": LEVELS[number] }).append(
      $("<span>", { class: "listing-time" }).text(formatClock(moment, this.zone).slice(0, 8)), $("<b>", { class: "level" }).text(LETTERS[number]),
      $("<span>", { class: "listing-text" }).text(visible(text)), $("<i>").text([kind === "back" ? t("alerts.kind.back") : "", `×${count}`].filter(Boolean).join(" ")),
    );
    return last ? $line.on("click", () => this.#on.line({ channel, id: last })) : $line.prop("disabled", true);
  }

  #field(name, value, readonly) {
    const common = { name, id: `rule-${name}`, "data-testid": `rule-${name}`, "aria-describedby": `rule-hint-${name} rule-fault-${name}` };
    const $input = name === "when" ? this.#conditions(common, value, readonly) : $("<input>", { ...common, type: "text", class: "field", spellcheck: "false", autocomplete: "off", autocapitalize: "none" }).val(value).prop("readonly", readonly);
    return $("<div>", { class: "rule-field", "data-field": name, "data-long": String(LONG.includes(name)) }).append(
      $("<label>", { for: `rule-${name}` }).text(t(`alerts.field.${name}`)), $input,
      $("<p>", { class: "hint", id: `rule-hint-${name}` }).text(t(`alerts.hint.${name}`)), faultFor(name),
    );
  }

  #conditions(common, value, readonly) {
    const options = Object.keys(CONDITIONS).map((name) => $("<option>", { value: name }).text(t(`alerts.when.${name}`)));
    return $("<select>", { ...common, class: "field" }).append(options).val(value).prop("disabled", readonly);
  }

  #destinations(destinations, chosen, readonly) {
    const names = [...new Set([...destinations.filter(({ kind }) => kind !== OWN_KIND).map(({ name }) => name), ...chosen])];
    const boxes = names.map((name) =>
      $("<label>", { class: "inline" }).append($("<input>", { type: "checkbox", name: "to", value: name, "data-testid": `rule-to-${name}`, "aria-describedby": "rule-fault-to" }).prop("checked", chosen.includes(name)).prop("disabled", readonly), $("<span>").text(name)),
    );
    const $none = names.length === 0 ? $("<p>", { class: "hint" }).text(t("alerts.noDestinations")) : [];
    return $("<fieldset>", { class: "rule-to" }).append($("<legend>").text(t("alerts.field.to")), boxes, $none, faultFor("to"));
  }

  // A condition has fields of its own.
  #showParameters() {
    const all = new Set(Object.values(CONDITIONS).flat());
    const used = CONDITIONS[this.#input("when").val()];
    for (const name of all) this.#$form.find(`[data-field=${name}]`).prop("hidden", !used.includes(name));
  }

  #input(name) {
    return this.#$form.find(`#rule-${name}`);
  }
}

const faultFor = (name) => $("<p>", { class: "fault", role: "alert", id: `rule-fault-${name}`, "data-fault": name, "data-testid": `rule-fault-${name}` }).prop("hidden", true);
