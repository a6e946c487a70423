// Older lines: pages of the hub's log, asked for one at a time and put above the oldest line held.
//
//     idle -> loading -> idle ...      begin (the log has no older ones)   failed (until asked again)   full (no room)

import { MARKERS, isPattern } from "../protocol/channels.js";
import { isAfter, parseId } from "../protocol/ids.js";
import { errorText } from "../protocol/errors.js";

const PAGE_LINES = 500;
// A filter may pass few lines: one wish goes on until so many are shown, but not through the whole log.
const ENOUGH_SHOWN = 100;
const MAX_PAGES = 10;
const PATIENCE_MS = 30_000;

export class Older {
  #ring;
  #intake;
  #changed;
  #channels = [];
  #before = null;
  #wish = null;
  #going = null;
  #state = { name: "idle" };

  /** `changed()` is called whenever the state or what is held has changed. */
  constructor(ring, intake, changed) {
    this.#ring = ring;
    this.#intake = intake;
    this.#changed = changed;
  }

  /** `{name, detail}`; without room in the ring there is nothing to load, whatever the log has. */
  get state() {
    return this.#ring.room === 0 ? { name: "full" } : this.#state;
  }

  /** Other channels are watched, or lines of them were forgotten: begin anew. */
  reset(channels) {
    this.#wish?.abort();
    this.#wish = null;
    this.#channels = channels;
    this.#before = null;
    this.#become({ name: "idle" });
  }

  /** Load older lines, unless that goes on already or cannot be; after a failure only `retry` does. */
  load() {
    if (this.state.name === "idle" && this.#channels.length > 0) this.#load();
  }

  /** Load older lines until `enough()`, or there are none, or no room, or other channels are watched. */
  async until(enough) {
    const channels = this.#channels;
    await this.#going;
    while (channels === this.#channels && !enough() && this.state.name === "idle" && this.#channels.length > 0) {
      this.#load();
      await this.#going;
    }
  }

  retry() {
    if (this.state.name === "failed") this.#load();
  }

  #load() {
    this.#going = this.#fulfil();
  }

  async #fulfil() {
    const wish = new AbortController();
    this.#wish = wish;
    this.#become({ name: "loading" });
    const state = await this.#pages(wish.signal);
    if (this.#wish === wish) this.#become(state);
  }

  async #pages(signal) {
    let shown = 0;
    for (let count = 0; count < MAX_PAGES && shown < ENOUGH_SHOWN && this.#ring.room > 0; count += 1) {
      const { page, fault } = await this.#ask(signal);
      if (signal.aborted) return null;
      if (fault) return { name: "failed", detail: fault };
      shown += this.#intake.older(page);
      if (!page.more || page.lines.length === 0) return { name: "begin" };
      this.#before = this.#after(page.first);
      this.#changed();
    }
    return { name: "idle" };
  }

  async #ask(signal) {
    try {
      const answer = await get(this.#url(), signal);
      if (!answer.ok) return { fault: await errorText(answer) };
      const { lines, more, gaps = [] } = await answer.json();
      if (!Array.isArray(lines) || !Array.isArray(gaps)) return { fault: "the answer is not the hub's" };
      const markers = lines.length > 0 && !this.#channels.includes(MARKERS) ? await this.#markers(parseId(lines[0][0]), signal) : [];
      return { page: { lines: inOrder(lines, markers), first: lines[0]?.[0], more, gaps: gaps.filter((gap) => !isBeginning(gap)) } };
    } catch (error) {
      return { fault: error.name === "TimeoutError" ? "the hub took too long" : "the hub cannot be reached" };
    }
  }

  #url() {
    const query = new URLSearchParams(this.#channels.map((channel) => ["channel", channel]));
    this.#before ??= this.#beforeAllHeld();
    if (this.#before) query.append("before", this.#before);
    query.append("limit", String(PAGE_LINES));
    return `history?${query}`;
  }

  // Markers are a channel of their own, which counts for itself: all from the first line's fence on, which the intake takes once.
  // Without them the page is whole all the same.
  async #markers(first, signal) {
    const query = new URLSearchParams({ channel: MARKERS, after: `${first.fence}-0`, ...(this.#before ? { before: this.#before } : {}), limit: String(PAGE_LINES) });
    try {
      const answer = await get(`history?${query}`, signal);
      const { lines } = answer.ok ? await answer.json() : { lines: [] };
      return Array.isArray(lines) ? lines : [];
    } catch {
      return [];
    }
  }

  get #alone() {
    return this.#channels.length === 1 && !isPattern(this.#channels[0]);
  }

  // Of several channels, lines of one fence may be held in part: ask for all of that fence, the intake drops what it has.
  #beforeAllHeld() {
    const ids = [...this.#ring.oldestIds().values()];
    if (ids.length === 0) return null;
    const { fence, count } = ids.reduce((oldest, id) => (isAfter(oldest, id) ? id : oldest));
    return this.#alone ? `${fence}-${count}` : `${fence + 1}-0`;
  }

  // Channels count each for itself: lines that share the id of a page's first may be left on the page before.
  #after(first) {
    const { fence, count } = parseId(first);
    const shared = `${fence}-${count + 1}`;
    return this.#alone || shared === this.#before ? first : shared;
  }

  #become(state) {
    this.#state = state;
    this.#changed();
  }
}

const get = (url, signal) => fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]) });

// Both in the order of their fences: channels count each for itself, so a marker stands behind the lines of its own.
function inOrder(lines, markers) {
  const merged = lines.slice();
  for (const marker of markers) {
    const id = parseId(marker[0]);
    const at = id ? merged.findIndex(([other]) => parseId(other)?.fence > id.fence) : -1;
    merged.splice(at < 0 ? merged.length : at, 0, marker);
  }
  return merged;
}

// Before there was a log nobody recorded: that is where it begins, and nothing that is missing in it.
const isBeginning = (gap) => gap.after === "0-0" && gap.reason === "recorder-down";
