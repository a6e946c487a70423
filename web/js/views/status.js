// The status bar, the pill, and what an empty page shows.

import { isPattern } from "../protocol/channels.js";
import { formatAge, formatBytes, formatRate, visible } from "../format/text.js";
import { formatNumber, t } from "../i18n/translate.js";
import { IDLE_STATES } from "../connection/event-stream.js";
import { formatSpan } from "../format/format-time.js";
import { newLinesText, stateText } from "../format/messages.js";
import { OLDER_LABELS } from "./load-older-bar.js";

const PARTS = {
  app: ".app", announced: ".state-announced", state: "[data-testid=state]", detail: ".state-detail", retry: ".retry", follow: ".follow", pill: ".pill",
  stage: ".stage", empty: ".empty", title: ".empty-title", hint: ".empty-hint", command: ".empty-command", lost: ".count-gap", lag: ".count-lag",
  held: "[data-testid=held]", unrecorded: ".not-recording", shown: ".count-shown", levels: ".show-levels", test: ".test-line", filter: ".clear-filter", older: ".search-log", allowed: ".open-allowed",
};
const RATE_SAMPLES = 4;
const LAG_SHOWN_MS = 10_000;
// States of the older lines that say more than how many lines are held.
const OF_SEARCH = ["searching", "stopped", "failed", "searched"];
// A publisher's clock that is this far ahead is wrong, beyond the usual inaccuracy.
const AHEAD_MS = 1_000;

export class Status {
  #state = { name: "connecting" };
  #ready = true;
  #recording = true;
  #samples = [];
  #outage = "";

  #olderAction = null;

  /**
   * `on` has `retry()`, `follow()`, `showLevels()`, which shows all of them, `clearFilter()`, `older(action)`, see older-text.js,
   * and `openAllowed()`, which opens a channel that may be seen.
   */
  constructor(on) {
    $(PARTS.retry).on("click", () => on.retry());
    $(PARTS.pill).on("click", () => on.follow());
    $(PARTS.levels).on("click", () => on.showLevels());
    $(PARTS.filter).on("click", () => on.clearFilter());
    $(PARTS.older).on("click", () => on.older(this.#olderAction));
    $(PARTS.allowed).on("click", () => on.openAllowed());
  }

  showState(state, lastLineAt, now) {
    this.#state = state;
    if (IDLE_STATES.includes(state.name)) this.#clearRate();
    this.#showName();
    $(PARTS.detail).text(state.detail ?? "").attr("title", state.detail ?? null);
    $(PARTS.retry).prop("hidden", state.name !== "reconnecting");
    this.tick(lastLineAt, now);
  }

  /** Show whether the hub has Redis: without it, a live stream is degraded. */
  showReady(ready, lastLineAt, now) {
    if (ready === this.#ready) return;
    this.#ready = ready;
    this.#showName();
    this.tick(lastLineAt, now);
  }

  /** Read an outage out, once; "": it is over. */
  announceOutage(text) {
    if (text === this.#outage) return;
    this.#outage = text;
    if (text) write(PARTS.announced, text);
    else this.#showName();
  }

  /** Show that lines do not get into the log, once the hub has said so twice: one that has just started needs a moment. */
  showRecording(recording) {
    write(PARTS.unrecorded, recording || this.#recording ? "" : t("state.notRecording"));
    this.#recording = recording;
  }

  /** Update what changes with time alone. */
  tick(lastLineAt, now, replay, zone) {
    write(PARTS.state, stateText(this.#shownState, lastLineAt, now, replay, zone));
  }

  /** Show the lines per second of the last few seconds; called once a second with the number of all live lines so far. */
  sample(received) {
    if (IDLE_STATES.includes(this.#state.name)) return this.#clearRate();
    this.#samples.push(received);
    if (this.#samples.length > RATE_SAMPLES) this.#samples.shift();
    const seconds = Math.max(1, this.#samples.length - 1);
    number("rate", formatRate(Math.max(0, (received - this.#samples[0]) / seconds)));
  }

  /** Show how old the newest line was when it arrived, while lines arrive. */
  showLag(lag, lastLineAt, now) {
    const shown = lag !== null && lastLineAt !== null && now - lastLineAt < LAG_SHOWN_MS;
    $(PARTS.lag).prop("hidden", !shown);
    if (shown) number("lag", lag < -AHEAD_MS ? t("status.ahead", { span: formatSpan(-lag) }) : formatSpan(Math.max(0, lag)));
  }

  /** Show the memory in use, if the browser reports it, as a tooltip: few readers need it. */
  showHeap(heap) {
    if (heap !== null) $(PARTS.held).attr("title", t("status.heap", { size: formatBytes(heap) }));
  }

  #clearRate() {
    this.#samples = [];
    number("rate", "\u2013");
  }

  showNumbers({ held, shown, gaps, dropped }) {
    number("held", formatNumber(held));
    number("shown", formatNumber(shown));
    number("gaps", formatNumber(gaps));
    number("dropped", formatNumber(dropped));
    $(PARTS.shown).prop("hidden", shown === held);
    $(PARTS.lost).eq(0).children("span").text(t("status.gaps", { n: gaps }));
    $(PARTS.lost).eq(0).prop("hidden", gaps === 0);
    $(PARTS.lost).eq(1).prop("hidden", dropped === 0);
  }

  /** Show whether the grid follows new lines, or how many it has not shown; in the past there is nothing to follow. */
  showFollow(following, paused, { lines, errors }, { selecting = false, inPast = false } = {}) {
    const name = following ? "following" : selecting ? "selecting" : paused ? "paused" : "away";
    write(PARTS.follow, inPast && !selecting ? "" : t(`follow.${name}`));
    $(PARTS.stage).attr("data-paused", String(paused));
    $(PARTS.pill).prop("hidden", following).attr("data-errors", String(errors > 0));
    if (!following) write(PARTS.pill, `↓ ${newLinesText(lines, errors)}`);
  }

  /**
   * Explain why no line is shown, if none is. `sinceMatch`: ms since a line passed the filter, or null; `older`: see olderBar();
   * `pinned` is the pinned filter, and `past` `{range, loading}`, the text of a range of the past, or null; `forbidden` are the open
   * channels that the reader may not see, and `visible` those they may.
   */
  showEmpty(channels, { held, shown, hidden, filtered, sinceMatch, older, pinned = null, past = null, forbidden = [], visible = [] }) {
    const empty = shown === 0;
    $(PARTS.empty).prop("hidden", !empty);
    if (!empty) return;
    const levels = held > 0 && hidden;
    $(PARTS.levels).prop("hidden", !levels);
    $(PARTS.filter).prop("hidden", held === 0 || levels || !filtered);
    this.#olderAction = held > 0 && filtered && !levels ? older.action : null;
    $(PARTS.older).prop("hidden", this.#olderAction === null).text(this.#olderAction ? t(OLDER_LABELS[this.#olderAction]) : "");
    const denied = held === 0 && this.#state.name === "error" && forbidden.length > 0;
    let [title, hint, command] = [t("empty.levels"), "", ""];
    if (past && held === 0) [title, hint, command] = pastTexts(past);
    else if (denied) [title, hint, command] = forbiddenTexts(forbidden, visible);
    else if (!levels) [title, hint, command] = held > 0 ? filteredTexts(held, sinceMatch, older) : this.#emptyTexts(channels, pinned);
    $(PARTS.allowed).prop("hidden", !denied || visible.length === 0);
    if (denied) write(PARTS.allowed, t("empty.openAllowed"));
    write(PARTS.title, title);
    write(PARTS.hint, hint);
    write(PARTS.command, command);
    $(PARTS.test).prop("hidden", command === "" || channels.every(isPattern));
  }

  get #shownState() {
    return this.#state.name === "live" && !this.#ready ? { name: "degraded" } : this.#state;
  }

  #showName() {
    const { name, detail } = this.#shownState;
    $(PARTS.app).attr("data-state", name);
    // Read out once per change; the visible text changes every second. The attempts during an outage are no news.
    if (!this.#outage) write(PARTS.announced, [t(`state.${name}`), detail].filter(Boolean).join(": "));
  }

  #emptyTexts(channels, pinned) {
    if (this.#state.name === "error") return [t("empty.refused"), this.#state.detail ?? "", ""];
    if (this.#ready && pinned !== null) return [t("empty.pinned", { filter: visible(pinned) }), t("empty.pinnedHint"), ""];
    return this.#ready ? emptyTexts(channels) : [nothingOn(channels), t("empty.redis"), ""];
  }
}

// The title, the hint, and a command to try.
function emptyTexts(channels) {
  const name = channels.length > 0 ? channels[0].replaceAll("*", "example") : "log";
  const hint = t(channels.some(isPattern) ? "empty.pattern" : "empty.publish");
  return [nothingOn(channels), hint, `redis-cli PUBLISH ${name} '{"level": "info", "message": "hello"}'`];
}

const forbiddenTexts = (names, visible) => [
  t("empty.forbidden", { names: names.join(", ") }),
  visible.length > 0 ? t("empty.visible", { names: visible.join(", ") }) : t("empty.visibleNone"),
  "",
];
const pastTexts = ({ range, loading }) => [t("empty.past", { range }), t(loading ? "empty.pastLoading" : "empty.pastHint"), ""];

const nothingOn = (channels) => t("empty.nothing", { names: channels.map((name) => `\u2018${name}\u2019`).join(", ") });

// Nothing is found among the lines held; the log has more, unless it is searched.
function filteredTexts(held, sinceMatch, { state, text }) {
  const title = OF_SEARCH.includes(state) ? text : t("empty.filtered", { n: held });
  return [title, sinceMatch === null ? t("empty.filteredHint") : t("empty.lastMatch", { age: formatAge(sinceMatch) }), ""];
}

// jQuery's .text() replaces the node each time; an unchanged text must stay, so that screen readers do not repeat it.
function write(selector, text) {
  const [element] = $(selector);
  if (element.textContent !== text) element.textContent = text;
}

const number = (testid, text) => write(`[data-testid=${testid}]`, text);
