// The page's messages about its state and its notes, as whole sentences. Pure.

import { formatAge } from "./text.js";
import { hasText, t } from "../i18n/translate.js";
import { formatClock, formatDay } from "./format-time.js";

const IDLE_MS = 5_000;
const REPLAY_RESTS_MS = 1_000;
// A page that opens gets its last lines at once: that is no catching up.
const SHORT_REPLAY_MS = 300;

/** The state of the connection. `lastLineAt` and `now` are in ms; `replay`: see Ingest, its time is shown in a zone. */
export function stateText(state, lastLineAt, now, replay = null, zone = "local") {
  switch (state.name) {
    case "live":
      if (replay && now - replay.at < REPLAY_RESTS_MS && replay.at - replay.since > SHORT_REPLAY_MS) return t("state.catchingUp", { time: formatClock(replay.to, zone).slice(0, 8) });
      if (lastLineAt === null) return t("state.live.first");
      return now - lastLineAt > IDLE_MS ? t("state.live.idle", { age: formatAge(now - lastLineAt) }) : t("state.live");
    case "reconnecting":
      if (!state.retryAt) return t("state.reconnecting");
      return t("state.reconnecting.in", { seconds: Math.max(0, Math.ceil((state.retryAt - now) / 1000)) });
    default:
      return t(`state.${state.name}`);
  }
}

/** An outage, see outage.js, as a sentence that stays the same while it lasts; its time in a zone. */
export function outageText({ kind, since }, { detail }, zone) {
  const text = t(`outage.${kind}`, { time: formatClock(since, zone).slice(0, 8) });
  return kind === "refused" && detail ? `${text} ${detail}` : text;
}

/** When the next attempt is, or "" where none is made. */
export function retryText({ kind }, { retryAt }, now) {
  if (kind === "redis" || kind === "refused") return "";
  if (kind === "offline") return t("outage.back");
  return retryAt > now ? t("outage.retryIn", { seconds: Math.ceil((retryAt - now) / 1_000) }) : t("outage.trying");
}

/** A note as one sentence, with its times in a zone. */
export function noteText(note, zone = "local") {
  if (note.kind === "marker") return t("note.marker", { text: note.text });
  if (note.kind !== "gap") return t(`note.${note.kind}`, { ...note, load: t("history.load") });
  const lost = Number.isFinite(note.lost) ? t("note.lost", { n: note.lost }) : t("note.lost.unknown");
  const where = note.channel ? `${note.channel}: ` : "";
  const why = hasText(`reason.${note.reason}`) ? t(`reason.${note.reason}`) : (note.reason ?? t("reason.unknown"));
  return `${where}${lost}${span(note, zone)} · ${why}`;
}

function span({ from, to }, zone) {
  if (from && to) return `, ${rangeText([from, to], zone)}`;
  return from || to ? t(to ? "note.upTo" : "note.from", { time: formatClock(to || from, zone).slice(0, 8) }) : "";
}

/** The state of a HistoryLoader; `oldest` (ms) is the time of the oldest line held, shown in a zone. */
export function historyText(state, channels, held, oldest = null, zone = "local") {
  switch (state.name) {
    case "loading":
      return t("history.loading");
    case "begin": {
      const names = channels.length > 3 ? t("history.channels", { n: channels.length }) : joinNames(channels);
      return oldest === null ? t("history.begin", { names }) : t("history.begin.at", { names, time: `${formatDay(oldest, zone)} ${formatClock(oldest, zone).slice(0, 8)}` });
    }
    case "failed":
      return t("history.failed", { detail: state.detail });
    case "edge":
      return held > 0 ? t("history.edge") : "";
    case "full":
      return t("history.full", { n: held });
    default:
      return "";
  }
}

const joinNames = (names) => (names.length < 2 ? names.join() : t("list.and", { first: names.slice(0, -1).join(", "), last: names.at(-1) }));

/** How many lines are new: "2,345 new (12 errors)". */
export function newLinesText(lines, errors) {
  if (lines === 0) return t("newLines.none");
  const failed = errors > 0 ? ` (${t("newLines.errors", { n: errors })})` : "";
  return `${t("newLines.lines", { n: lines })}${failed}`;
}

/** A time range: "03:50:18–03:52:00", with days where they differ. */
export function rangeText([from, to], zone) {
  const same = formatDay(from, zone) === formatDay(to, zone);
  const text = (ms) => `${same ? "" : `${formatDay(ms, zone)} `}${formatClock(ms, zone).slice(0, 8)}`;
  return `${text(from)}–${text(to)}`;
}
