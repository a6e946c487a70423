// A dialog with a list of lines from elsewhere than the grid: the results of a search, new patterns.

import { LETTERS, LEVELS } from "../normalise/levels.js";
import { hueOf } from "../protocol/channels.js";
import { button } from "./button.js";
import { openDialog } from "./dialog.js";

const PARTS = { dialog: ".listing" };

/**
 * Open the dialog under a title. Returns `{show(summary, items), closed}`: `items` are `[{time, channel, level, text, note, run}, …]`
 * and `closed` becomes true when the reader closes it. `buttons` are `[{label, run}, …]`.
 */
export function openResultList(title, buttons = []) {
  const [dialog] = $(PARTS.dialog);
  const state = { closed: false };
  const $summary = $("<p>", { class: "hint", role: "status", "data-testid": "listing-words" });
  const $list = $("<ul>", { class: "listing-lines", "data-testid": "listing-lines" });
  const $buttons = buttons.map(({ label, run }) => button("button", { "data-testid": "listing-act" }).text(label).on("click", () => (dialog.close(), run())));
  dialog.addEventListener("close", () => (state.closed = true), { once: true });
  openDialog(dialog, title, $summary, $list, $("<div>", { class: "buttons" }).append($buttons));
  return {
    get closed() {
      return state.closed;
    },
    show(summary, items) {
      $summary.text(summary);
      $list.empty().append(items.map((item) => $("<li>").append(lineOf(item, dialog))));
    },
  };
}

function lineOf({ time, channel, level, text, note = "", run }, dialog) {
  const $line = button("listing-line", { "data-level": LEVELS[level] });
  $line.append($("<span>", { class: "listing-time" }).text(time), $("<b>", { class: "level" }).text(LETTERS[level]));
  $line.append($("<span>", { class: "channel-tag listing-channel", "data-hue": String(hueOf(channel)) }).text(channel), $("<span>", { class: "listing-text" }).text(text), $("<i>").text(note));
  return $line.on("click", () => (dialog.close(), run()));
}
