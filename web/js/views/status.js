// The status bar, the pill and the words for an empty page: the page says the truth about itself.

import { isPattern } from "../channels.js";
import { grouped, rate } from "../format.js";
import { newsWords, stateWords } from "../words.js";

const $ = window.jQuery;
const PARTS = {
  app: ".app", said: ".state-said", state: "[data-testid=state]", detail: ".state-detail", retry: ".retry", follow: ".follow", pill: ".pill",
  stage: ".stage", empty: ".empty", title: ".empty-title", hint: ".empty-hint", command: ".empty-command", lost: ".count-lost",
  unrecorded: ".not-recording", shown: ".count-shown", levels: ".show-levels",
};
const HIDDEN_WORDS = ["All levels are hidden", "", ""];
const NOT_RECORDING = "Not recording: lines are live only";
const STILL = ["stopped", "ended", "error"];
const RATE_SAMPLES = 4;

export class Status {
  #state = { name: "connecting" };
  #ready = true;
  #recording = true;
  #samples = [];

  /** `on` has `retry()`, `follow()` and `levels()`, which shows all of them. */
  constructor(on) {
    $(PARTS.retry).on("click", () => on.retry());
    $(PARTS.pill).on("click", () => on.follow());
    $(PARTS.levels).on("click", () => on.levels());
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
    write(PARTS.unrecorded, recording || this.#recording ? "" : NOT_RECORDING);
    this.#recording = recording;
  }

  /** What changes by the passing of time alone. */
  tick(lastLineAt, now) {
    write(PARTS.state, stateWords(this.#said, lastLineAt, now));
  }

  /** Lines per second over the last few seconds; called once a second with all live lines ever received. */
  sample(received) {
    if (STILL.includes(this.#state.name)) return this.#still();
    this.#samples.push(received);
    if (this.#samples.length > RATE_SAMPLES) this.#samples.shift();
    const seconds = Math.max(1, this.#samples.length - 1);
    number("rate", rate(Math.max(0, (received - this.#samples[0]) / seconds)));
  }

  #still() {
    this.#samples = [];
    number("rate", "\u2013");
  }

  showNumbers({ held, shown, received, gaps, dropped }) {
    number("held", grouped(held));
    number("shown", grouped(shown));
    number("seen", grouped(received));
    number("gaps", grouped(gaps));
    number("dropped", grouped(dropped));
    $(PARTS.shown).prop("hidden", shown === held);
    $(PARTS.lost).eq(0).prop("hidden", gaps === 0);
    $(PARTS.lost).eq(1).prop("hidden", dropped === 0);
  }

  showFollow(following, paused, { lines, errors }) {
    write(PARTS.follow, following ? "following" : paused ? "paused" : "scrolled up");
    $(PARTS.stage).attr("data-paused", String(paused));
    $(PARTS.pill).prop("hidden", following).attr("data-errors", String(errors > 0));
    if (!following) write(PARTS.pill, `↓ ${newsWords(lines, errors)}`);
  }

  /** Say why there is no line to see, or nothing when there is one. */
  showEmpty(channels, { held, shown, hidden }) {
    const empty = shown === 0;
    $(PARTS.empty).prop("hidden", !empty);
    if (!empty) return;
    const levels = held > 0 && hidden;
    $(PARTS.levels).prop("hidden", !levels);
    const [title, hint, command] = levels ? HIDDEN_WORDS : held > 0 ? filteredWords(held) : this.#emptyWords(channels);
    write(PARTS.title, title);
    write(PARTS.hint, hint);
    write(PARTS.command, command);
  }

  get #said() {
    return this.#state.name === "live" && !this.#ready ? { name: "degraded" } : this.#state;
  }

  #showName() {
    const { name, detail } = this.#said;
    $(PARTS.app).attr("data-state", name);
    // Read out once per change; the words in sight change every second.
    const words = name === "degraded" ? "live, but the hub has lost Redis" : name;
    write(PARTS.said, [words, detail].filter(Boolean).join(": "));
  }

  #emptyWords(channels) {
    if (this.#state.name === "error") return ["The hub refuses this", this.#state.detail ?? "", ""];
    return this.#ready ? emptyWords(channels) : [nothingOn(channels), "The hub has lost Redis. Lines come again when it is back.", ""];
  }
}

function emptyWords(channels) {
  const name = channels.length > 0 ? channels[0].replaceAll("*", "example") : "log";
  const hint = channels.some(isPattern) ? "Any channel that fits joins by itself. Publish a line:" : "Publish a line:";
  return [nothingOn(channels), hint, `redis-cli PUBLISH ${name} '{"level": "info", "message": "hello"}'`];
}

const nothingOn = (channels) => `Nothing yet on ${channels.map((name) => `\u2018${name}\u2019`).join(", ")}`;

const filteredWords = (held) => [`None of ${grouped(held)} lines passes the filter`, "Esc in the filter box clears it.", ""];

// jQuery's .text() replaces the node each time; an unchanged text is left alone, also for screen readers.
function write(selector, text) {
  const [element] = $(selector);
  if (element.textContent !== text) element.textContent = text;
}

const number = (testid, text) => write(`[data-testid=${testid}]`, text);
