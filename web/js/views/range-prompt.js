// The dialog in which a range of time is typed. Loaded when it is opened.

import { parseRange } from "../format/parse-range.js";
import { shortRange } from "../format/time-range.js";
import { t } from "../i18n/translate.js";
import { openPrompt } from "./prompt.js";

/** Ask for a range, at first `range` or nothing, in a zone; `choose(range)` gets the one that is typed. */
export function askForRange(range, zone, choose) {
  openPrompt({
    title: t("range.choose"),
    fields: [{ name: "range", label: t("range.label"), value: range ? shortRange(range, zone, Date.now()) : "", placeholder: "yesterday 17:00–18:00 · -2h to -1h" }],
    hint: t("range.hint"),
    label: t("range.go"),
    submit({ range: typed }) {
      const found = parseRange(typed, { zone });
      if (found.fault) return t(found.fault, { text: typed });
      choose(found.range);
      return null;
    },
  });
}
