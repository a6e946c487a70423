// A report of the selected lines: Markdown in the clipboard, with the lines around them and a link.

import { formatIso } from "../format/format-time.js";
import { reportText } from "../format/report-text.js";
import { t } from "../i18n/translate.js";
import { copyText } from "../views/clipboard.js";
import { toast } from "../views/toast.js";

const AROUND = 5;
const MAX_CHOSEN = 100;

/** `shownText(seq)` is a line as it is copied, and `linkTo(seq)` the address that leads to it. */
export function addReport(page, { shownText, linkTo }) {
  const { workspace, settings } = page;
  const { ring } = workspace;

  // Up to so many lines before or after a line, whether they pass the filter or not.
  function linesFrom(seq, step) {
    const found = [];
    for (let at = seq + step; at >= ring.first && at < ring.end && found.length < AROUND; at += step) if (!ring.isNote(at)) found.push(at);
    return step < 0 ? found.reverse() : found;
  }

  // The lines of the selection that are shown.
  function chosenLines() {
    const { grid } = page;
    const { list, range } = grid;
    const chosen = [];
    if (range === null) return chosen;
    for (let row = list.firstRowFrom(range[0]); row < list.end && list.seqAt(row) <= range[1]; row += 1) {
      const seq = list.seqAt(row);
      if (!ring.isNote(seq)) chosen.push(seq, ...list.foldedSeqs(row));
    }
    return chosen;
  }

  async function report() {
    const all = chosenLines();
    if (all.length === 0) return toast(t("copy.none"));
    const chosen = all.slice(0, MAX_CHOSEN);
    const lines = [
      ...linesFrom(chosen[0], -1).map((seq) => ({ text: shownText(seq), chosen: false })),
      ...chosen.map((seq) => ({ text: shownText(seq), chosen: true })),
      ...linesFrom(chosen.at(-1), 1).map((seq) => ({ text: shownText(seq), chosen: false })),
    ];
    const [first] = chosen;
    const time = formatIso(ring.ownTime(first), settings.get("zone"));
    const text = reportText({ channel: ring.channel(first), time, url: linkTo(first), lines, left: all.length - chosen.length });
    return toast(t((await copyText(text)) ? "report.copied" : "drawer.denied"));
  }

  return { commands: { report } };
}
