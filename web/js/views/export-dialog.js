// The dialog that saves lines as a file: which of them, of which time, in which format, with which columns. It says what the file will
// have, and shows its first lines, before anything is saved.

import { t } from "../i18n/translate.js";
import { LOG_SCOPES } from "../store/export-choice.js";
import { button } from "./button.js";

const PARTS = { dialog: ".prompt" };
const FORMATS = ["ndjson", "txt", "csv"];
const BOUNDS = ["since", "until"];

export class ExportDialog {
  #dialog = document.querySelector(PARTS.dialog);
  #on;
  #saving = false;
  #inputs = {};
  #columns = new Map();
  #$columns;
  #$summary = $("<p>", { class: "export-says", role: "status", "data-testid": "export-says" });
  #$preview = $("<pre>", { class: "export-preview", tabindex: "0", role: "region", "aria-label": t("export.preview"), "data-testid": "export-preview" });
  #$fault = $("<p>", { class: "fault", role: "alert", "data-testid": "export-fault" }).prop("hidden", true);
  #$go = button("button primary", { "data-testid": "ask-go" }).text(t("export.go"));

  /**
   * `scopes` are `[{name, label}, …]`, the first is chosen; `columns` as columnsToOffer(); `since` is a text. `on` has
   * `changed(choice)`, `save(choice)`, and `closed()`; a choice is `{scope, format, since, until, columns}`.
   */
  constructor({ scopes, columns, since, hint }, on) {
    this.#on = on;
    const options = (choices) => choices.map(({ name, label }) => $("<option>", { value: name }).text(label));
    this.#addInput("scope", $("<select>", { class: "field" }).append(options(scopes)));
    this.#addInput("format", $("<select>", { class: "field" }).append(options(FORMATS.map((name) => ({ name, label: t(`export.${name}`) })))));
    for (const name of BOUNDS) {
      const value = name === "since" ? since : "";
      this.#addInput(name, $("<input>", { class: "field", type: "text", placeholder: t(`export.${name}.none`), spellcheck: "false", autocomplete: "off", "aria-describedby": `export-${name}` }).val(value));
    }
    this.#$columns = this.#columnsOf(columns);
    const $form = $("<form>", { method: "dialog", class: "export" }).append(
      $("<h2>", { id: "prompt-title" }).text(t("command.export")),
      this.#labelOf("scope"),
      $("<div>", { class: "export-span" }).append(BOUNDS.map((name) => this.#labelOf(name).append($("<span>", { class: "fault", id: `export-${name}`, role: "alert" })))),
      this.#labelOf("format"),
      this.#$columns,
      $("<p>", { class: "hint" }).text(hint),
      this.#$summary,
      this.#$preview,
      this.#$fault,
      $("<div>", { class: "buttons" }).append(button("button", { type: "button", "data-testid": "export-stop" }).text(t("prompt.cancel")).on("click", () => this.close()), this.#$go),
    );
    $form.on("input", () => this.#change());
    $form.on("submit", (event) => {
      event.preventDefault();
      if (!this.#saving) this.#on.save(this.#choice);
    });
    this.#dialog.addEventListener("close", () => this.#on.closed(), { once: true });
    $(this.#dialog).empty().append($form);
  }

  open() {
    this.#dialog.showModal();
    this.#inputs.scope.trigger("focus");
    this.#change();
  }

  close() {
    this.#dialog.close();
  }

  /** Say what the file will have, and show its first lines. */
  show(summary, lines) {
    if (this.#$summary.text() !== summary) this.#$summary.text(summary);
    this.#$preview.text(lines).prop("hidden", lines === "");
  }

  /** Say what is wrong: at one of the times, `{name, message}`, or as a text for all; null: nothing. */
  showFault(fault) {
    for (const name of BOUNDS) {
      const message = fault?.name === name ? fault.message : "";
      this.#inputs[name].attr("aria-invalid", message ? "true" : null);
      $(`#export-${name}`).text(message);
    }
    const whole = typeof fault === "string" ? fault : "";
    this.#$fault.text(whole).prop("hidden", whole === "");
    if (fault?.name) this.#inputs[fault.name].trigger("focus");
  }

  /** Say how many lines have been read so far; the reader may still cancel. */
  showProgress(text) {
    this.#saving = text !== null;
    this.#$go.prop("disabled", this.#saving);
    if (text !== null) this.#$summary.text(text);
  }

  get #choice() {
    const [scope, format, since, until] = ["scope", "format", ...BOUNDS].map((name) => this.#inputs[name].val());
    const columns = [...this.#columns].filter(([, $box]) => $box.prop("checked")).map(([name]) => name);
    return { scope, format, since, until, columns };
  }

  #change() {
    const choice = this.#choice;
    const ofLog = LOG_SCOPES.includes(choice.scope);
    for (const name of BOUNDS) this.#inputs[name].parent().prop("hidden", !ofLog);
    this.#$columns.prop("hidden", choice.format === "ndjson");
    this.#on.changed(choice);
  }

  #addInput(name, $input) {
    this.#inputs[name] = $input.attr({ name, "data-testid": `ask-${name}` });
  }

  #labelOf(name) {
    return $("<label>").append($("<span>").text(t(`export.${name}`)), this.#inputs[name]);
  }

  #columnsOf({ chosen, others }) {
    const $legend = $("<legend>").text(t("export.columns"));
    const boxes = [...chosen, ...others].map((name) => {
      const $box = $("<input>", { type: "checkbox", "data-testid": `export-column-${name}` }).prop("checked", chosen.includes(name));
      this.#columns.set(name, $box);
      return $("<label>", { class: "inline" }).append($("<span>").text(name), $box);
    });
    return $("<fieldset>", { class: "export-columns" }).append($legend, boxes);
  }
}
