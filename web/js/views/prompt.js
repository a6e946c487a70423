// One dialog for all small forms: a title, a few fields, a hint, and what is wrong with the input.

import { t } from "../i18n/translate.js";
import { button } from "./button.js";

const PARTS = { dialog: ".prompt" };

/**
 * Open the dialog with `fields`, `[{name, label, type, value, options, placeholder}, …]` (`type` is text, checkbox, select or color).
 * `submit(values)` may return a text that says what is wrong: then the dialog stays open. `label` is the text of its button,
 * and `more` are elements put under the fields.
 */
export function openPrompt({ title, fields, hint = "", label, submit, more = [] }) {
  const [dialog] = $(PARTS.dialog);
  const inputs = new Map(fields.map((field) => [field.name, inputOf(field)]));
  const $fault = $("<p>", { class: "fault", role: "alert" }).prop("hidden", true);
  const $form = $("<form>", { method: "dialog" }).append(
    $("<h2>", { id: "prompt-title" }).text(title),
    fields.map((field) => labelOf(field, inputs.get(field.name))),
    more,
    hint ? $("<p>", { class: "hint" }).text(hint) : [],
    $fault,
    $("<div>", { class: "buttons" }).append(
      button("button", { type: "button" }).text(t("prompt.cancel")).on("click", () => dialog.close()),
      button("button primary", { "data-testid": "ask-go" }).text(label),
    ),
  );
  $form.on("submit", async (event) => {
    event.preventDefault();
    const values = Object.fromEntries([...inputs].map(([name, $input]) => [name, $input.attr("type") === "checkbox" ? $input.prop("checked") : $input.val()]));
    const fault = await submit(values);
    $fault.text(fault ?? "").prop("hidden", !fault);
    if (!fault) dialog.close();
  });
  $(dialog).empty().append($form);
  dialog.showModal();
  const first = inputs.get(fields[0]?.name);
  if (first) first.trigger("focus").trigger("select");
}

function inputOf({ name, type = "text", value = "", options = {}, placeholder = "" }) {
  const common = { name, "data-testid": `ask-${name}` };
  if (type === "select") {
    const $select = $("<select>", { ...common, class: "field" });
    for (const [key, text] of Object.entries(options)) $select.append($("<option>", { value: key }).text(text));
    return $select.val(value);
  }
  if (type === "checkbox") return $("<input>", { ...common, type }).prop("checked", value);
  return $("<input>", { ...common, type, class: "field", placeholder, spellcheck: "false", autocomplete: "off" }).val(value);
}

const labelOf = ({ label, type }, $input) =>
  $("<label>", { class: type === "checkbox" ? "inline" : "" }).append($("<span>").text(label), $input);
