// The status bar, the pill and the words for an empty page: the page says the truth about itself.

import { isPattern } from "../protocol/channels.js";
import { formatAge, formatBytes, formatRate } from "../format/text.js";
import { formatNumber, t } from "../i18n/translate.js";
import { STILL } from "../connection/event-stream.js";
import { formatSpan } from "../format/format-time.js";
import { newsWords, stateWords } from "../format/messages.js";

const PARTS = {
  app: ".app", said: ".state-said", state: "[data-testid=state]", detail: ".state-detail", retry: ".retry", follow: ".follow", pill: ".pill",
  stage: ".stage", empty: ".empty", title: ".empty-title", hint: ".empty-hint", command: ".empty-command", lost: ".count-lost", lag: ".count-lag",
  held: "[data-testid=held]", unrecorded: ".not-recording", shown: ".count-shown", levels: ".show-levels", test: ".test-line", filter: ".clear-filter",
};
const RATE_SAMPLES = 4;
const LAG_SHOWN_MS = 10_000;
// A publisher's clock that is so far ahead is wrong, and not just a little.
const AHEAD_MS = 1_000;

export class Status {
  #state = { name: "connecting" };
  #ready = true;
  #recording = true;
  #samples = [];

  /** `on` has `retry()`, `follow()`, `levels()`, which shows all of them, and `filter()`, which clears it. */
  constructor(on) {
    $(PARTS.retry).on("click", () => on.retry());
    $(PARTS.pill).on("click", () => on.follow());
    $(PARTS.levels).on("click", () => on.levels());
    $(PARTS.filter).on("click", () => on.filter());
  }

  showState(state, lastLineAt, now) {
    this.#state = state;
    if (STILL.includes(state.name)) this.#still();
    this.#showName();
    $(PARTS.detail).text(state.detail ?? "").attr("title", state.detail ?? null);
    $(PARTS.retry).prop("hidden", state.name !== "reconnecting");
    this.tick(lastLineAt, now);
  }

  /** Take in whether the hub has Redis: without it a live stream says so. */
  showReady(ready, lastLineAt, now) {
    if (ready === this.#ready) return;
    this.#ready = ready;
    this.#showName();
    this.tick(lastLineAt, now);
  }

  /** Say when lines do not get into the log, once it is told twice: a hub that has just started takes a moment. */
  showRecording(recording) {
    write(PARTS.unrecorded, recording || this.#recording ? "" : t("state.notRecording"));
    this.#recording = recording;
  }

  /** What changes by the passing of time alone. */
  tick(lastLineAt, now, replay, zone) {
    write(PARTS.state, stateWords(this.#said, lastLineAt, now, replay, zone));
  }

  /** Lines per second over the last few seconds; called once a second with all live lines ever received. */
  sample(received) {
    if (STILL.includes(this.#state.name)) return this.#still();
    this.#samples.push(received);
    if (this.#samples.length > RATE_SAMPLES) this.#samples.shift();
    const seconds = Math.max(1, this.#samples.length - 1);
    number("rate", formatRate(Math.max(0, (received - this.#samples[0]) / seconds)));
  }

  /** How far the newest line is behind, while lines come. */
  showLag(lag, lastLineAt, now) {
    const shown = lag !== null && lastLineAt !== null && now - lastLineAt < LAG_SHOWN_MS;
    $(PARTS.lag).prop("hidden", !shown);
    if (shown) number("lag", lag < -AHEAD_MS ? t("status.ahead", { span: formatSpan(-lag) }) : formatSpan(Math.max(0, lag)));
  }

  /** What the page takes of memory, where the browser tells: a tooltip, since it is rarely what one looks for. */
  showHeap(heap) {
    if (heap !== null) $(PARTS.held).attr("title", t("status.heap", { size: formatBytes(heap) }));
  }

  #still() {
    this.#samples = [];
    number("rate", "\u2013");
  }

  showNumbers({ held, shown, received, gaps, dropped }) {
    number("held", formatNumber(held));
    number("shown", formatNumber(shown));
    number("seen", formatNumber(received));
    number("gaps", formatNumber(gaps));
    number("dropped", formatNumber(dropped));
    $(PARTS.shown).prop("hidden", shown === held);
    $(PARTS.lost).eq(0).children("span").text(t("status.gaps", { n: gaps }));
    $(PARTS.lost).eq(0).prop("hidden", gaps === 0);
    $(PARTS.lost).eq(1).prop("hidden", dropped === 0);
  }

  showFollow(following, paused, { lines, errors }) {
    write(PARTS.follow, t(following ? "follow.following" : paused ? "follow.paused" : "follow.away"));
    $(PARTS.stage).attr("data-paused", String(paused));
    $(PARTS.pill).prop("hidden", following).attr("data-errors", String(errors > 0));
    if (!following) write(PARTS.pill, `↓ ${newsWords(lines, errors)}`);
  }

  /** Say why there is no line to see, or nothing when there is one. `sinceMatch`: ms since a line passed the filter, or null. */
  showEmpty(channels, { held, shown, hidden, filtered, sinceMatch }) {
    const empty = shown === 0;
    $(PARTS.empty).prop("hidden", !empty);
    if (!empty) return;
    const levels = held > 0 && hidden;
    $(PARTS.levels).prop("hidden", !levels);
    $(PARTS.filter).prop("hidden", held === 0 || levels || !filtered);
    const [title, hint, command] = levels ? [t("empty.levels"), "", ""] : held > 0 ? filteredWords(held, sinceMatch) : this.#emptyWords(channels);
    write(PARTS.title, title);
    write(PARTS.hint, hint);
    write(PARTS.command, command);
    $(PARTS.test).prop("hidden", command === "" || channels.every(isPattern));
  }

  get #said() {
    return this.#state.name === "live" && !this.#ready ? { name: "degraded" } : this.#state;
  }

  #showName() {
    const { name, detail } = this.#said;
    $(PARTS.app).attr("data-state", name);
    // Read out once per change; the words in sight change every second.
    const words = t(`state.${name}`);
    write(PARTS.said, [words, detail].filter(Boolean).join(": "));
  }

  #emptyWords(channels) {
    if (this.#state.name === "error") return [t("empty.refused"), this.#state.detail ?? "", ""];
    return this.#ready ? emptyWords(channels) : [nothingOn(channels), t("empty.redis"), ""];
  }
}

function emptyWords(channels) {
  const name = channels.length > 0 ? channels[0].replaceAll("*", "example") : "log";
  const hint = t(channels.some(isPattern) ? "empty.pattern" : "empty.publish");
  return [nothingOn(channels), hint, `redis-cli PUBLISH ${name} '{"level": "info", "message": "hello"}'`];
}

const nothingOn = (channels) => t("empty.nothing", { names: channels.map((name) => `\u2018${name}\u2019`).join(", ") });

const filteredWords = (held, sinceMatch) => [t("empty.filtered", { n: held }), sinceMatch === null ? t("empty.filteredHint") : t("empty.lastMatch", { age: formatAge(sinceMatch) }), ""];

// jQuery's .text() replaces the node each time; an unchanged text is left alone, also for screen readers.
function write(selector, text) {
  const [element] = $(selector);
  if (element.textContent !== text) element.textContent = text;
}

const number = (testid, text) => write(`[data-testid=${testid}]`, text);
