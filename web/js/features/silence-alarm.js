// The silence alarm: a channel that usually talks has gone quiet. Each reader chooses the channels; the hub knows their usual gaps.

import { isPattern } from "../protocol/channels.js";
import { formatAge } from "../format/text.js";
import { t } from "../i18n/translate.js";
import { formatSpan } from "../format/format-time.js";
import { askFor } from "../views/prompt.js";
import { toast } from "../views/toast.js";

const TIMES = 3;
const SHORTEST_MS = 3_000;
// Where the hub has not learnt a gap yet.
const UNKNOWN_MS = 60_000;
const MAX_OFFERED = 30;

export function alarming(page) {
  const { desk, settings } = page;
  const told = new Set();

  /** Look at the hub's directory as it is now. */
  function look(channels, now = Date.now()) {
    const alarms = settings.get("alarms");
    for (const { name, last_line: last, usual_gap_seconds: usual } of channels) {
      if (alarms[name] !== true || !last) continue;
      const quietMs = now - Date.parse(last);
      const usualMs = usual === null ? null : usual * 1_000;
      if (quietMs < Math.max(SHORTEST_MS, usualMs === null ? UNKNOWN_MS : usualMs * TIMES)) told.delete(name);
      else if (!told.has(name)) {
        told.add(name);
        tell(name, quietMs, usualMs, now);
      }
    }
  }

  function tell(name, quietMs, usualMs, now) {
    const note = { kind: "quiet", channel: name, age: formatAge(quietMs), usual: usualMs === null ? "?" : formatSpan(usualMs) };
    if (desk.intake.watches(name)) desk.intake.note(name, note, now);
    toast(t("note.quiet", note));
    page.unread();
    page.flushSoon();
  }

  function alarm() {
    const alarms = settings.get("alarms");
    const names = [...new Set([...Object.keys(alarms), ...desk.channels.filter((name) => !isPattern(name)), ...page.rail.names])];
    if (names.length === 0) return toast(t("rail.none"));
    askFor({
      title: t("act.alarm"),
      fields: names.slice(0, MAX_OFFERED).map((name) => ({ name, label: name, type: "checkbox", value: alarms[name] === true })),
      hint: t("alarm.hint"),
      go: t("alarm.go"),
      act(chosen) {
        settings.set("alarms", Object.fromEntries(Object.entries(chosen).filter(([, on]) => on)));
        told.clear();
        return null;
      },
    });
  }

  return { look, act: { alarm } };
}
