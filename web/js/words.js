// What the page says about its state and its notes. Pure, so that each sentence is tested once.

import { age, dateOf, grouped, timeOfDay } from "./format.js";

const IDLE_MS = 5_000;

const REASONS = {
  trimmed: "the hub keeps them no longer",
  "unknown-id": "the hub could not tell what came since",
  "recorder-down": "nobody was recording",
  "log-lost": "Redis lost its log",
  slow: "this page was too slow",
  late: "the log did not have them in time",
  unreadable: "a frame could not be read",
};

/** The connection in words. `lastLineAt` and `now` in ms. */
export function stateWords(state, lastLineAt, now) {
  switch (state.name) {
    case "live":
      if (lastLineAt === null) return "live · waiting for the first line";
      return now - lastLineAt > IDLE_MS ? `live · last line ${age(now - lastLineAt)} ago` : "live";
    case "degraded":
      return "live, but the hub has lost Redis";
    case "reconnecting":
      if (!state.retryAt) return "reconnecting";
      return `reconnecting in ${Math.max(0, Math.ceil((state.retryAt - now) / 1000))} s`;
    case "offline":
      return "offline · goes on when the network is back";
    case "ended":
      return "ended · the publisher has closed the stream";
    case "error":
      return "not connected";
    default:
      return state.name;
  }
}

/** A note as one sentence. */
export function noteWords(note) {
  if (note.kind === "joined") return `${note.channel} joins here; a reload of the page shows its lines from before`;
  if (note.kind === "closed") return `${note.channel}: its publisher has closed the stream`;
  const many = Number.isFinite(note.lost);
  const count = many ? `${grouped(note.lost)} ${note.lost === 1 ? "line" : "lines"}` : "an unknown number of lines";
  const where = note.channel ? `${note.channel}: ` : "";
  return `${where}${count} not delivered${span(note)} · ${REASONS[note.reason] ?? note.reason ?? "reason unknown"}`;
}

function span({ from, to }) {
  const sameDay = !from || !to || dateOf(from) === dateOf(to);
  const clock = (ms) => `${sameDay ? "" : `${dateOf(ms)} `}${timeOfDay(ms).slice(0, 8)}`;
  if (from && to) return `, ${clock(from)}–${clock(to)}`;
  if (to) return `, up to ${clock(to)}`;
  return from ? `, from ${clock(from)}` : "";
}

/** What becomes of older lines, for the top of the list. */
export function topWords(state, channels, held) {
  switch (state.name) {
    case "loading":
      return "Loading older lines…";
    case "begin":
      return `No older lines: this is where the log of ${channels.length > 3 ? `${channels.length} channels` : listed(channels)} begins`;
    case "failed":
      return `Older lines could not be loaded: ${state.detail}`;
    case "full":
      return `The page holds ${grouped(held)} lines, the most it can; older ones are not loaded`;
    default:
      return "";
  }
}

const listed = (names) => (names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`);

/** "2,345 new (12 errors)" */
export function newsWords(lines, errors) {
  if (lines === 0) return "to the latest";
  const failed = errors > 0 ? ` (${grouped(errors)} ${errors === 1 ? "error" : "errors"})` : "";
  return `${grouped(lines)} new${failed}`;
}
