// What the page says about its state and its notes, as whole sentences. Pure, so that each is tested once.

import { age } from "./text.js";
import { hasWords, say } from "../i18n/translate.js";
import { clockOf, dayOf } from "./format-time.js";

const IDLE_MS = 5_000;
const REPLAY_RESTS_MS = 1_000;
// The last lines of a page that opens come at once: that is nothing to tell of.
const REPLAY_TOLD_MS = 300;

/** The connection in words. `lastLineAt` and `now` in ms; `replay`: see Intake; its time is said in a zone. */
export function stateWords(state, lastLineAt, now, replay = null, zone = "local") {
  switch (state.name) {
    case "live":
      if (replay && now - replay.at < REPLAY_RESTS_MS && replay.at - replay.since > REPLAY_TOLD_MS) return say("state.catchingUp", { time: clockOf(replay.to, zone).slice(0, 8) });
      if (lastLineAt === null) return say("state.live.first");
      return now - lastLineAt > IDLE_MS ? say("state.live.idle", { age: age(now - lastLineAt) }) : say("state.live");
    case "reconnecting":
      if (!state.retryAt) return say("state.reconnecting");
      return say("state.reconnecting.in", { seconds: Math.max(0, Math.ceil((state.retryAt - now) / 1000)) });
    default:
      return say(`state.${state.name}`);
  }
}

/** A note as one sentence, its times in a zone. */
export function noteWords(note, zone = "local") {
  if (note.kind === "marker") return say("note.marker", { text: note.text });
  if (note.kind !== "gap") return say(`note.${note.kind}`, note);
  const lost = Number.isFinite(note.lost) ? say("note.lost", { n: note.lost }) : say("note.lost.unknown");
  const where = note.channel ? `${note.channel}: ` : "";
  const why = hasWords(`reason.${note.reason}`) ? say(`reason.${note.reason}`) : (note.reason ?? say("reason.unknown"));
  return `${where}${lost}${span(note, zone)} · ${why}`;
}

function span({ from, to }, zone) {
  if (from && to) return `, ${rangeWords([from, to], zone)}`;
  return from || to ? say(to ? "note.upTo" : "note.from", { time: clockOf(to || from, zone).slice(0, 8) }) : "";
}

/** What becomes of older lines, for the top of the list; `oldest` (ms) is when the oldest line held came, said in a zone. */
export function topWords(state, channels, held, oldest = null, zone = "local") {
  switch (state.name) {
    case "loading":
      return say("top.loading");
    case "begin": {
      const names = channels.length > 3 ? say("top.channels", { n: channels.length }) : listed(channels);
      return oldest === null ? say("top.begin", { names }) : say("top.begin.at", { names, time: `${dayOf(oldest, zone)} ${clockOf(oldest, zone).slice(0, 8)}` });
    }
    case "failed":
      return say("top.failed", { detail: state.detail });
    case "full":
      return say("top.full", { n: held });
    default:
      return "";
  }
}

const listed = (names) => (names.length < 2 ? names.join() : say("list.and", { first: names.slice(0, -1).join(", "), last: names.at(-1) }));

/** "2,345 new (12 errors)" */
export function newsWords(lines, errors) {
  if (lines === 0) return say("news.none");
  const failed = errors > 0 ? ` (${say("news.errors", { n: errors })})` : "";
  return `${say("news.lines", { n: lines })}${failed}`;
}

/** A range of time: "03:50:18–03:52:00", with days where they differ. */
export function rangeWords([from, to], zone) {
  const same = dayOf(from, zone) === dayOf(to, zone);
  const words = (ms) => `${same ? "" : `${dayOf(ms, zone)} `}${clockOf(ms, zone).slice(0, 8)}`;
  return `${words(from)}–${words(to)}`;
}
