// Searches the log for the lines that pass a filter, from a position back: the hub filters, and answers for 20,000 lines at a time.
//
//     idle -> searching -> done (all of the log)      stopped   failed (with a detail)   full (no room)      goOn() -> searching
//
// What is found is handed on with each answer.

import { errorText } from "../protocol/errors.js";
import { timeOfId } from "../protocol/ids.js";

const TIMEOUT_MS = 60_000;

export class LogSearch {
  #on;
  #question = null;
  #before = null;
  #request = null;
  #state = { name: "idle", back: null };

  /** `on` has `found({lines, gaps})`, which returns false when there is no room for more, and `changed()`. */
  constructor(on) {
    this.#on = on;
  }

  /** `{name, back, detail}`; the log is searched back to the time `back` (ms), or null. */
  get state() {
    return this.#state;
  }

  /** Search with a question `{channels, q, zone}`, before a position; null: from the newest line on. */
  begin(question, before) {
    this.reset();
    this.#question = question;
    this.#before = before;
    return this.#run();
  }

  /** Go on after a stop or a failure. */
  goOn() {
    return ["stopped", "failed"].includes(this.#state.name) ? this.#run() : undefined;
  }

  /** Stop; what was found stays. */
  stop() {
    if (this.#state.name !== "searching") return;
    this.#request.abort();
    this.#setState("stopped");
  }

  /** Stop, and begin anew with the next search. */
  reset() {
    this.#request?.abort();
    this.#request = null;
    this.#state = { name: "idle", back: null };
  }

  async #run() {
    const request = new AbortController();
    const { signal } = request;
    this.#request = request;
    this.#setState("searching");
    for (let more = true; more; ) {
      const answer = await this.#ask(signal);
      if (signal.aborted) return;
      if (answer.fault) return this.#setState("failed", answer.fault);
      ({ more } = answer);
      this.#before = answer.reached ?? this.#before;
      this.#state = { ...this.#state, back: timeOfId(answer.reached) ?? this.#state.back };
      const room = this.#on.found({ lines: answer.lines, gaps: answer.gaps ?? [] });
      if (!room) return this.#setState("full");
      if (more && !answer.reached) return this.#setState("failed", "the answer is not the hub's");
      this.#on.changed();
    }
    this.#setState("done");
  }

  #setState(name, detail = null) {
    this.#state = { name, back: this.#state.back, detail };
    this.#on.changed();
  }

  async #ask(signal) {
    const { channels, q, zone } = this.#question;
    const query = new URLSearchParams([...channels.map((channel) => ["channel", channel]), ["q", q], ["zone", zone]]);
    if (this.#before) query.set("before", this.#before);
    try {
      const answer = await fetch(`search?${query}`, { signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]) });
      return answer.ok ? await answer.json() : { fault: await errorText(answer) };
    } catch (error) {
      return { fault: error.name === "TimeoutError" ? "the hub took too long" : "the hub cannot be reached" };
    }
  }
}
