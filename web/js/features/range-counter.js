// Counts the lines of a range over the hub's log, for the bars: again with each filter, and from time to time while the range goes on.

import { StatsRequest } from "../connection/stats-request.js";
import { timeOfId } from "../protocol/ids.js";
import { hubFilter, hubZone } from "../query/hub-filter.js";
import { RangeCounts } from "../store/range-counts.js";

// A filter that is being typed is not counted at each letter.
const TYPING_MS = 400;
// Lines that come later are known from the stream; this often they are counted again, in case the page could not hold them.
const AGAIN_PART = 8;
const LEAST_AGAIN_MS = 30_000;
// The bars are beside the point of most visits: the hub reads no more for them unless it is asked to.
const MAX_ANSWERS = 12;

export class RangeCounter {
  #page;
  #changed;
  #counts = new RangeCounts();
  #request = null;
  #asked = "";
  #timer = 0;
  #version = 0;

  /** `changed()` is called with each answer. */
  constructor(page, changed) {
    this.#page = page;
    this.#changed = changed;
    /** True where the hub counts no further unless `goOn` is called. */
    this.stopped = false;
  }

  /** Changes with everything that is counted. */
  get version() {
    return this.#version + this.#counts.version;
  }

  /** Since when all lines are counted, in ms; Infinity before the first answer. */
  get countedFrom() {
    return this.#counts.countedFrom;
  }

  bars(range) {
    return this.#counts.bars(range, this.#page.workspace.counter);
  }

  /** Count a range, `[from, to]` in ms, unless that has been done. */
  count(range) {
    const { workspace, settings, span } = this.#page;
    const now = Date.now();
    const filter = hubFilter(workspace.filter, { zone: settings.get("zone"), now });
    const asked = JSON.stringify([workspace.channels, filter, settings.get("zone"), span && !workspace.past ? span : range]);
    if (asked === this.#asked) return;
    const first = this.#asked === "";
    this.drop();
    this.#asked = asked;
    this.#counts = new RangeCounts();
    this.#version += 1_000;
    this.#timer = setTimeout(() => this.#ask(range, filter), first ? 0 : TYPING_MS);
  }

  /** Go on with a count that has stopped by itself. */
  goOn() {
    this.#request?.run();
  }

  /** Stop counting, and forget what was asked. */
  drop() {
    clearTimeout(this.#timer);
    this.#request?.drop();
    this.#request = null;
    this.#asked = "";
    this.stopped = false;
  }

  #ask(range, q) {
    const { workspace, settings, span } = this.#page;
    const question = { channels: workspace.channels, q, zone: hubZone(settings.get("zone"), Date.now()), by: "level", field: null, range, maxAnswers: MAX_ANSWERS };
    const counts = new RangeCounts();
    this.#request = new StatsRequest(question, {
      answer: (answer) => {
        counts.add(answer, answer.more ? timeOfId(answer.reached) : range[0]);
        this.#counts = counts;
        this.#version += 1;
        this.#changed();
      },
      state: ({ name }) => {
        this.stopped = name === "stopped" || name === "failed";
        this.#version += 1;
        this.#changed();
      },
    });
    this.#request.run();
    if (!span || workspace.past) return;
    this.#timer = setTimeout(() => {
      const now = Date.now();
      this.#request?.drop();
      this.#ask([now - (range[1] - range[0]), now], q);
    }, Math.max(LEAST_AGAIN_MS, (range[1] - range[0]) / AGAIN_PART));
  }
}
