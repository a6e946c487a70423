// A time as rows show it: in six forms, in the reader's zone. Pure.

import { formatAge } from "./text.js";
import { t } from "../i18n/translate.js";
import { formatClock, formatDay, formatEpoch, formatDelta, formatIso } from "./format-time.js";

export const TIME_FORMS = ["clock", "full", "iso", "epoch", "relative", "gap"];

/** A time (ms) in a form; `before` is the time of the line before, or null. */
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
