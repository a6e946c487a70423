// A moment as rows show it: six forms, in the reader's zone. Pure.

import { formatAge } from "./text.js";
import { t } from "../i18n/translate.js";
import { formatClock, formatDay, formatEpoch, formatDelta, formatIso } from "./format-time.js";

export const TIME_FORMS = ["clock", "full", "iso", "epoch", "relative", "gap"];

/** A moment (ms) in a form; `before` is that of the line before, or null, and `now` the present. */
export function timeText(form, ms, { zone = "local", before = null, now = Date.now() } = {}) {
  switch (form) {
    case "full":
      return `${formatDay(ms, zone)} ${formatClock(ms, zone)}`;
    case "iso":
      return formatIso(ms, zone);
    case "epoch":
      return formatEpoch(ms);
    case "relative":
      return t("time.ago", { age: formatAge(now - ms) });
    case "gap":
      return before === null ? formatClock(ms, zone) : formatDelta(ms - before);
    default:
      return formatClock(ms, zone);
  }
}
