// Asks the hub for counts over its log, answer by answer, until all of a range is counted or somebody stops it.
//
//     const request = new StatsRequest({channels, q, zone, by, field, range}, (answer) => …, (state) => …);
//     request.run(); request.stop()              states: counting, done, stopped, failed (with a detail)

import { errorText } from "../protocol/errors.js";

// Each answer lists this many values, so that values that are rare in one part of the range are complete nonetheless.
const TOP = 50;
// A question that nobody meant to take long stops by itself; the reader may go on.
const MAX_ANSWERS = 40;
const TIMEOUT_MS = 60_000;

export class StatsRequest {
  #question;
  #on;
  #abort = null;
  #since;
  #until;
  #step = null;
  #maxAnswers;

  /** `range` is `[from, to]` in ms, or how far to go back, such as "6h"; `by` or `field` may be null; it stops by itself after `maxAnswers`. `on` has `answer(answer)` and `state({name, detail})`. */
  constructor({ range, maxAnswers = MAX_ANSWERS, ...question }, on) {
    this.#maxAnswers = maxAnswers;
    this.#question = question;
    this.#on = on;
    const bounds = Array.isArray(range) ? range.map((time) => new Date(time).toISOString()) : null;
    [this.#since, this.#until] = bounds ?? [`-${range}`, null];
  }

  /** Begin, or go on after a stop or a failure. */
  async run() {
    const abort = new AbortController();
    this.#abort = abort;
    this.#on.state({ name: "counting" });
    for (let count = 0; count < this.#maxAnswers; count += 1) {
      const { answer, fault } = await this.#ask(abort.signal);
      if (abort.signal.aborted) return;
      if (fault) return this.#end({ name: "failed", detail: fault });
      this.#since = answer.since;
      this.#step = `${answer.step_seconds}s`;
      this.#until = answer.reached ?? this.#until;
      this.#on.answer(answer);
      if (!answer.more) return this.#end({ name: "done" });
    }
    return this.#end({ name: "stopped" });
  }

  /** Stop; the counts so far remain true. */
  stop() {
    if (!this.#abort) return;
    this.#abort.abort();
    this.#end({ name: "stopped" });
  }

  /** Stop, and say nothing more. */
  drop() {
    this.#on = { answer() {}, state() {} };
    this.stop();
  }

  #end(state) {
    this.#abort = null;
    this.#on.state(state);
  }

  async #ask(signal) {
    const { channels, q, zone, by, field } = this.#question;
    const query = new URLSearchParams(channels.map((channel) => ["channel", channel]));
    const more = { q, zone: q ? zone : null, by, field, since: this.#since, until: this.#until, step: this.#step, top: by ? TOP : null };
    for (const [name, value] of Object.entries(more)) if (value) query.set(name, String(value));
    try {
      const answer = await fetch(`stats?${query}`, { signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]) });
      return answer.ok ? { answer: await answer.json() } : { fault: await errorText(answer) };
    } catch (error) {
      return { fault: error.name === "TimeoutError" ? "the hub took too long" : "the hub cannot be reached" };
    }
  }
}
