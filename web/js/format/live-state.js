// What the button of the stream says and does: one of live, waiting, away, paused, past, stopped. Pure.
//
//     liveState({stream: "live", following: false, paused: true, unseen: 1953})      {name: "paused", words: "Paused · 1,953 new"}

import { t } from "../i18n/translate.js";

const IDLE = ["stopped", "ended", "error"];

/** `inPast`: a range of the past is shown; `unseen` is how many lines have come that are not in sight. */
export function liveState({ stream, inPast = false, following = true, paused = false, unseen = 0 }) {
  const name = inPast ? "past" : IDLE.includes(stream) ? "stopped" : !following ? (paused ? "paused" : "away") : stream === "live" ? "live" : "waiting";
  const counted = unseen > 0 && ["past", "paused", "away"].includes(name);
  return { name, words: counted ? t("live.new", { words: t(`live.${name}`), n: unseen }) : t(`live.${name}`) };
}
