// The silence alarm: a channel that usually has lines has gone quiet. The reader chooses the channels; the hub knows their usual gaps.

import { formatSpan } from "../format/format-time.js";
import { formatAge } from "../format/text.js";
import { t } from "../i18n/translate.js";
import { isPattern } from "../protocol/channels.js";
import { openPrompt } from "../views/prompt.js";
import { toast } from "../views/toast.js";

const TIMES = 3;
const SHORTEST_MS = 3_000;
// For a channel whose usual silence the hub does not know yet.
const UNKNOWN_MS = 60_000;
const MAX_OFFERED = 30;

/** `clockSkew` is how many ms the browser's clock is ahead of the hub's. */
export function addSilenceWatch(page, clockSkew) {
  const { workspace, settings } = page;
  const raised = new Set();

  function check(channels) {
    const now = Date.now() - clockSkew;
    const alarms = settings.get("alarms");
    for (const { name, last_line: last, usual_gap_seconds: usual } of channels) {
      if (alarms[name] !== true || !last) continue;
      const quietMs = now - Date.parse(last);
      const usualMs = usual === null ? null : usual * 1_000;
      if (quietMs < Math.max(SHORTEST_MS, usualMs === null ? UNKNOWN_MS : usualMs * TIMES)) raised.delete(name);
      else if (!raised.has(name)) {
        raised.add(name);
        raise(name, quietMs, usualMs, now);
      }
    }
  }

  function raise(name, quietMs, usualMs, now) {
    const note = { kind: "quiet", channel: name, age: formatAge(quietMs), usual: usualMs === null ? "?" : formatSpan(usualMs) };
    if (workspace.ingest.accepts(name)) workspace.ingest.addNote(name, note, now);
    toast(t("note.quiet", note));
    page.emit("notable");
    page.drawSoon();
  }

  function chooseChannels() {
    const alarms = settings.get("alarms");
    const names = [...new Set([...Object.keys(alarms), ...workspace.channels.filter((name) => !isPattern(name)), ...page.channelNames])];
    if (names.length === 0) return toast(t("channels.none"));
    return openPrompt({
      title: t("command.silenceAlarm"),
      fields: names.slice(0, MAX_OFFERED).map((name) => ({ name, label: name, type: "checkbox", value: alarms[name] === true })),
      hint: t("alarm.hint"),
      label: t("alarm.go"),
      submit(chosen) {
        settings.set("alarms", Object.fromEntries(Object.entries(chosen).filter(([, on]) => on)));
        raised.clear();
        return null;
      },
    });
  }

  return { commands: { silenceAlarm: chooseChannels, check } };
}
