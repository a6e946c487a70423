// Loads older lines: pages of the hub's log, one request at a time, put above the oldest line held. For a channel that is opened beside
// others it loads the lines since then, and Ingest puts them to their places among the lines held.
//
//     idle -> loading -> idle ...      begin (the log has no older lines)   failed (until retry)   full (no room)
//                                      edge (there are none within the chosen range of time)

import { OWN, covers, isPattern } from "../protocol/channels.js";
import { errorText } from "../protocol/errors.js";
import { gapPosition, isAfter, parseId } from "../protocol/ids.js";

const PAGE_LINES = 500;
// A filter may pass only a few lines: one request loads pages until this many are shown, but not the whole log.
const ENOUGH_SHOWN = 100;
const MAX_PAGES = 10;
const TIMEOUT_MS = 30_000;
// The time that a line says may be so far from the time at which it came.
const CLOCKS_APART_MS = 5_000;

export class HistoryLoader {
  #ring;
  #ingest;
  #changed;
  #channels = [];
  #filter = null;
  #loadedFiltered = false;
  #before = null;
  #range = null;
  // Channels that were opened beside others, whose lines since `since` (a fence) are missing before the position `before`.
  #joining = [];
  #request = null;
  #loading = null;
  #state = { name: "idle" };

  /** `changed()` is called whenever the state or the lines held have changed. */
  constructor(ring, ingest, changed) {
    this.#ring = ring;
    this.#ingest = ingest;
    this.#changed = changed;
    /** Called before lines are loaded: all lines from there on must be held. */
    this.onStart = () => {};
    /** The channels that the reader may see, as patterns. */
    this.visibleChannels = ["*"];
  }

  /** `{name, detail}`; while the ring has no room the state is `full`, whatever the log has. */
  get state() {
    return this.#ring.room === 0 ? { name: "full" } : this.#state;
  }

  /** Start over: other channels are open, or lines of them were forgotten. */
  reset(channels) {
    this.#request?.abort();
    this.#request = null;
    this.#channels = channels;
    this.#before = this.#range && `${this.#range[1] + CLOCKS_APART_MS + 1}-0`;
    this.#joining = this.#joining.filter(({ channel }) => channels.includes(channel));
    this.#setState({ name: "idle" });
  }

  /** Load only lines that came within a range of time from now on, `[from, to]` in ms; null: all. Starts over. */
  within(range) {
    this.#range = range;
    this.#joining = [];
    this.reset(this.#channels);
  }

  /** These channels were opened beside others: load their lines since the oldest line held. */
  join(channels) {
    const since = Math.min(...[...this.#ring.oldestIds().values()].map(({ fence }) => fence));
    if (since < Infinity) this.#joining.push(...channels.map((channel) => ({ channel, since, before: null })));
    if (this.#joining.length > 0) this.#start();
    else if (channels.length > 0) this.load();
  }

  /** Start over: the stream begins with the last lines of these channels, as far as they pass the filter. */
  begin(channels) {
    this.reset(channels);
    this.#loadedFiltered = this.#filter !== null;
  }

  /** Load only lines that pass this filter from now on, `{q, zone}`; null: all. Returns true when the oldest lines held are those that passed another one. */
  refilter(filter) {
    const filtered = this.#loadedFiltered;
    this.#filter = filter;
    this.#loadedFiltered = false;
    this.reset(this.#channels);
    return filtered;
  }

  /** Load older lines, unless they are being loaded or there are none; after a failure only `retry` does. */
  load() {
    if (this.state.name === "idle" && this.#channels.length > 0) this.#start();
  }

  /** Load older lines until `enough()` is true, the log or the room ends, or other channels are opened. */
  async loadUntil(enough) {
    const channels = this.#channels;
    await this.#loading;
    while (channels === this.#channels && !enough() && this.state.name === "idle" && this.#channels.length > 0) {
      this.#start();
      await this.#loading;
    }
  }

  retry() {
    if (this.state.name === "failed") this.#start();
  }

  /** Resolved when nothing is being loaded. */
  get settled() {
    return this.#loading ?? Promise.resolve();
  }

  /** The position before which no line is held, as an id; null if none is held. */
  get position() {
    return this.#before ?? this.#beforeAllHeld();
  }

  #start() {
    this.onStart();
    this.#loading = this.#run();
  }

  async #run() {
    const request = new AbortController();
    this.#request = request;
    this.#setState({ name: "loading" });
    const state = await this.#loadPages(request.signal);
    if (this.#request === request) this.#setState(state);
  }

  async #loadPages(signal) {
    if (this.#joining.length > 0) return this.#loadJoining(signal);
    let shown = 0;
    for (let count = 0; count < MAX_PAGES && shown < ENOUGH_SHOWN && this.#ring.room > 0; count += 1) {
      this.#before ??= this.#beforeAllHeld();
      const { page, fault } = await this.#fetchPage(this.#channels, this.#before, signal);
      if (signal.aborted) return null;
      if (fault) return { name: "failed", detail: fault };
      const edge = this.#range !== null && this.#range[0] - CLOCKS_APART_MS;
      const passedEdge = edge !== false && [page.first, page.reached].some((id) => id && parseId(id)?.fence < edge);
      if (passedEdge) page.lines = page.lines.filter(([id]) => parseId(id)?.fence >= edge);
      shown += this.#ingest.addOlder(page);
      this.#loadedFiltered ||= this.#filter !== null && page.lines.length > 0;
      if (passedEdge) return { name: "edge" };
      if (!page.more || (page.lines.length === 0 && page.reached === null)) return { name: "begin" };
      this.#before = page.reached ?? this.#positionBefore(page.first, this.#before, this.#oneChannel);
      this.#changed();
    }
    return { name: "idle" };
  }

  // The pages of a channel are put to their places at once: rows move only once.
  async #loadJoining(signal) {
    for (let pages = MAX_PAGES; this.#joining.length > 0 && pages > 0 && this.#ring.room > 0; ) {
      const [joining] = this.#joining;
      const found = { lines: [], gaps: [] };
      let more = true;
      for (; more && pages > 0 && found.lines.length < this.#ring.room; pages -= 1) {
        const { page, fault } = await this.#fetchPage([joining.channel], joining.before, signal);
        if (signal.aborted) return null;
        if (fault) return { name: "failed", detail: fault };
        found.lines.unshift(...page.lines.filter(([id]) => parseId(id)?.fence >= joining.since));
        found.gaps.unshift(...page.gaps.filter((gap) => gapPosition(gap).fence >= joining.since));
        more = page.more && (page.first !== undefined || page.reached !== null);
        if (!more) break;
        joining.before = page.reached ?? this.#positionBefore(page.first, joining.before, !isPattern(joining.channel));
        more = parseId(joining.before).fence >= joining.since;
      }
      this.#loadedFiltered ||= this.#filter !== null && found.lines.length > 0;
      if (!more) this.#joining.shift();
      this.#ingest.addOlder(found);
      this.#ingest.noteNotLoaded(joining.channel, more);
      this.#changed();
    }
    return { name: "idle" };
  }

  async #fetchPage(channels, before, signal) {
    try {
      const answer = await get(this.#url(channels, before), signal);
      if (!answer.ok) return { fault: await errorText(answer) };
      const { lines, more, gaps = [], reached = null } = await answer.json();
      if (!Array.isArray(lines) || !Array.isArray(gaps)) return { fault: "the answer is not the hub's" };
      const own = lines.length > 0 ? await this.#fetchOwn(channels, parseId(lines[0][0]), before, signal) : [];
      return { page: { lines: mergeByFence(lines, own), first: lines[0]?.[0], more, reached, gaps: gaps.filter((gap) => !isBeginning(gap)) } };
    } catch (error) {
      return { fault: error.name === "TimeoutError" ? "the hub took too long" : "the hub cannot be reached" };
    }
  }

  #url(channels, before) {
    const query = new URLSearchParams(channels.map((channel) => ["channel", channel]));
    if (before) query.append("before", before);
    query.append("limit", String(PAGE_LINES));
    if (this.#filter) {
      query.append("q", this.#filter.q);
      query.append("zone", this.#filter.zone);
    }
    return `history?${query}`;
  }

  // Markers and alerts are channels with counts of their own: request all from the fence of the first line on, and let Ingest drop
  // those it has. Without them the page of lines is still complete.
  async #fetchOwn(channels, first, before, signal) {
    const own = OWN.filter((name) => !covers(channels, name) && covers(this.visibleChannels, name));
    if (own.length === 0) return [];
    const query = new URLSearchParams([...own.map((name) => ["channel", name]), ["after", `${first.fence}-0`]]);
    if (before) query.append("before", before);
    query.append("limit", String(PAGE_LINES));
    try {
      const answer = await get(`history?${query}`, signal);
      const { lines } = answer.ok ? await answer.json() : { lines: [] };
      return Array.isArray(lines) ? lines : [];
    } catch {
      return [];
    }
  }

  get #oneChannel() {
    return this.#channels.length === 1 && !isPattern(this.#channels[0]);
  }

  // With several channels, the page may hold only some lines of the oldest fence: request all of that fence, Ingest drops the rest.
  #beforeAllHeld() {
    const ids = [...this.#ring.oldestIds().values()];
    if (ids.length === 0) return null;
    const { fence, count } = ids.reduce((oldest, id) => (isAfter(oldest, id) ? id : oldest));
    return this.#oneChannel ? `${fence}-${count}` : `${fence + 1}-0`;
  }

  // Each channel counts by itself: lines that share the id of a page's first line may be missing from that page.
  #positionBefore(first, before, oneChannel) {
    const { fence, count } = parseId(first);
    const shared = `${fence}-${count + 1}`;
    return oneChannel || shared === before ? first : shared;
  }

  #setState(state) {
    this.#state = state;
    this.#changed();
  }
}

const get = (url, signal) => fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]) });

// In the order of fences: each channel counts by itself, so a marker stands behind the lines of its fence.
function mergeByFence(lines, own) {
  const merged = lines.slice();
  for (const marker of own) {
    const id = parseId(marker[0]);
    const index = id ? merged.findIndex(([other]) => parseId(other)?.fence > id.fence) : -1;
    merged.splice(index < 0 ? merged.length : index, 0, marker);
  }
  return merged;
}

// Before the log began nothing was recorded: that is the log's beginning and not a gap in it.
const isBeginning = (gap) => gap.after === "0-0" && gap.reason === "recorder-down";
