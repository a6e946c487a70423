// A moment as rows show it: six forms, in the reader's zone. Pure.

import { age } from "./text.js";
import { say } from "../i18n/translate.js";
import { clockOf, dayOf, epochOf, gapText, isoOf } from "./format-time.js";

export const TIME_FORMS = ["clock", "full", "iso", "epoch", "relative", "gap"];

/** A moment (ms) in a form; `before` is that of the line before, or null, and `now` the present. */
export function timeText(form, ms, { zone = "local", before = null, now = Date.now() } = {}) {
  switch (form) {
    case "full":
      return `${dayOf(ms, zone)} ${clockOf(ms, zone)}`;
    case "iso":
      return isoOf(ms, zone);
    case "epoch":
      return epochOf(ms);
    case "relative":
      return say("time.ago", { age: age(now - ms) });
    case "gap":
      return before === null ? clockOf(ms, zone) : gapText(ms - before);
    default:
      return clockOf(ms, zone);
  }
}
