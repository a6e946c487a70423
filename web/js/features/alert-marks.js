// Alerts at the lines they are about: a mark in the row, and in the details the way to the alert, or from an alert to its line.

import { t } from "../i18n/translate.js";
import { ALERTS } from "../protocol/channels.js";
import { parseAlert } from "../store/alert-marks.js";

/** `showLine({channel, id})` brings a line of an open channel into sight. */
export function addAlertMarks(page, showLine) {
  const { workspace, style } = page;
  const { ring, alerts } = workspace;
  let fresh = false;

  // A channel that is opened beside others has no earlier lines: all are loaded again.
  function show(line) {
    if (!workspace.ingest.accepts(line.channel)) page.reopen([...workspace.channels, line.channel]);
    showLine(line);
  }

  workspace.onAlert = () => {
    fresh = true;
    page.drawSoon();
  };
  style.alertsOf = (seqs) => (alerts.none ? [] : seqs.flatMap((seq) => (ring.isNote(seq) ? [] : alerts.of(ring.channel(seq), ring.id(seq)))));
  // An alert comes a second after its line, whose row has been drawn by then.
  page.on("update", () => {
    if (fresh) page.rewrite();
    fresh = false;
  });

  return {
    show,
    /** `[{text, run}, …]` for the details of the lines of a row: its alerts, or the line that an alert is about. */
    linksOf(seqs) {
      const links = style.alertsOf(seqs).map(({ id, rule, text }) => ({ text: text.includes(rule) ? text : `${rule}: ${text}`, run: () => show({ channel: ALERTS, id }) }));
      const about = ring.channel(seqs[0]) === ALERTS && !ring.isNote(seqs[0]) ? parseAlert(ring.text(seqs[0])) : null;
      if (about) links.push({ text: t("drawer.alertLine", { channel: about.channel }), run: () => show({ channel: about.channel, id: about.line }) });
      return links;
    },
    commands: {},
  };
}
