// What the page shows of its own state: counts, connection, lag, unread events; and for tests, `window.sseHub`.

import { FILTERED_PATIENCE_MS, Liveness } from "../connection/liveness.js";
import { Outage } from "../connection/outage.js";
import { outageText } from "../format/messages.js";
import { shortRange } from "../format/time-range.js";
import { covers, isPattern } from "../protocol/channels.js";
import { firstChannels } from "./channels.js";
import { LiveRegion } from "../views/live-region.js";
import { OutageBar } from "../views/outage-bar.js";
import { Status } from "../views/status.js";
import { TitleBadge } from "../views/title-badge.js";

// The answers to the polls of the channel list are signs of life as well.
const STALE_MS = 30_000;
const TICK_MS = 1_000;

/** `on` has `allLevelsHidden()`, `histogramMs()` and `older`, see rows.js, and `visible`: the names and patterns of the channels that the reader may see. */
export function addStatus(page, on) {
  const { workspace, settings } = page;
  const { ring, list, ingest, stream } = workspace;
  const status = new Status({
    retry: () => stream.retryNow(),
    // The pill disappears and must not take the focus with it.
    follow: () => (page.grid.view.follow(), page.grid.view.focus()),
    showLevels: () => page.setFilter({ hidden: new Set() }),
    clearFilter: () => page.clearFilter(),
    older: on.older.act,
    openAllowed: () => page.changeChannels(firstChannels(on.visible)),
  });
  const liveRegion = new LiveRegion(ring, list);
  const badge = new TitleBadge();
  const liveness = new Liveness();
  const outage = new Outage();
  const outageBar = new OutageBar({ retry: () => (stream.running ? stream.retryNow() : stream.start()), leave: () => page.grid.view.focus() });
  let ready = true;
  let heardAt = Date.now();

  const forbidden = () => workspace.channels.filter((name) => !isPattern(name) && !covers(on.visible, name));

  function showFollow() {
    const { view } = page.grid;
    status.showFollow(view.following, view.paused, view.unseen, { selecting: view.selecting, inPast: workspace.past !== null });
  }

  function pastShown() {
    const { past, history } = workspace;
    return past && { range: shortRange(past, settings.get("zone"), Date.now()), loading: history.state.name === "loading" };
  }

  function update() {
    const { gaps } = ingest;
    const { text, range, hidden } = workspace.filter;
    status.showNumbers({ held: ring.held, shown: list.shown, gaps: gaps.count, dropped: gaps.lost });
    showFollow();
    const now = Date.now();
    const { lastMatch } = workspace.lists;
    const filtered = text !== "" || range !== null || hidden.size > 0;
    const sinceMatch = lastMatch === null ? null : now - ingest.clockSkew - lastMatch;
    status.showEmpty(workspace.channels, {
      held: ring.held, shown: list.shown, hidden: on.allLevelsHidden(), filtered, sinceMatch, older: on.older.state(), pinned: workspace.pinned?.q ?? null,
      past: pastShown(), forbidden: forbidden(), visible: on.visible,
    });
    status.tick(ingest.lastLineAt, now, ingest.replay, settings.get("zone"));
  }

  // A page that holds no line says in its middle what is wrong.
  function showOutage(now = Date.now()) {
    const found = ring.held > 0 ? outage.at(now) : null;
    const zone = settings.get("zone");
    outageBar.show(found, stream.state, now, zone);
    status.announceOutage(found ? outageText(found, stream.state, zone) : "");
    badge.warn(outage.at(now) !== null);
  }

  function tick() {
    const now = Date.now();
    showOutage(now);
    status.sample(ingest.live);
    status.tick(ingest.lastLineAt, now, ingest.replay, settings.get("zone"));
    status.showHeap(performance.memory?.usedJSHeapSize ?? null);
    status.showLag(ingest.lag, ingest.lastLineAt, now);
    if (settings.get("announce")) liveRegion.tick(page.grid.view.following, now);
    badge.update(list.errors, document.hidden);
    // A hidden tab polls too rarely for this test, and misses nothing without it.
    if (!document.hidden && stream.state.name === "live" && now - Math.max(ingest.lastLineAt ?? 0, heardAt) > STALE_MS) stream.restart();
  }

  // The hub has answered, and says when each of its channels last had a line.
  function checkLiveness(channels) {
    heardAt = Date.now();
    if (stream.state.name !== "live") return;
    const times = channels.filter(({ name, last_line: last }) => last && covers(workspace.channels, name)).map(({ last_line: last }) => Date.parse(last));
    const { received, duplicates, gaps } = ingest;
    const newest = times.length > 0 ? Math.max(...times) : null;
    // The list knows nothing of the filter: a stream that has one shows by its position that it is there.
    const dead = workspace.pinned
      ? liveness.isDead(newest, stream.cursor, heardAt, FILTERED_PATIENCE_MS)
      : liveness.isDead(newest, received + duplicates + gaps.count + gaps.lost, heardAt);
    if (dead) stream.restart();
  }

  page.on("state", (state) => {
    outage.note(state, ready, Date.now());
    status.showState(state, ingest.lastLineAt, Date.now());
    showOutage();
  });
  page.on("follow", showFollow);
  page.on("update", update);
  page.on("notable", () => badge.addEvent(document.hidden));
  page.on("channels", (channels) => badge.setTitle(`${channels.join(", ")} · sse-hub`));
  page.on("polled", ({ ready: hasRedis, recording, channels }) => {
    ready = hasRedis;
    checkLiveness(channels);
    outage.note(stream.state, ready, Date.now());
    status.showReady(ready, ingest.lastLineAt, Date.now());
    status.showRecording(recording || !ready);
  });
  window.addEventListener("online", () => stream.retryNow());
  document.addEventListener("visibilitychange", () => {
    heardAt = Date.now();
    badge.update(list.errors, document.hidden);
    if (document.hidden) return;
    stream.retryNow();
    page.drawSoon();
  });
  setInterval(tick, TICK_MS);

  const sseHub = Object.freeze({
    stats: () => ({
      received: ingest.received,
      held: ring.held,
      shown: list.shown,
      buffered: workspace.undrawn,
      dropped: ingest.gaps.lost,
      dupes: ingest.duplicates,
      gaps: ingest.gaps.count,
      rowsInDom: page.grids.reduce((sum, { view }) => sum + view.rowsInDom, 0),
      state: stream.state.name,
      connection: stream.connection,
      lastId: ingest.lastId,
      histMs: on.histogramMs(),
    }),
    bars: () => workspace.counter.bars(),
  });
  Object.defineProperty(window, "sseHub", { value: sseHub });

  return {
    /** The lists are in place: lines that arrive from here on are new. */
    begin() {
      status.sample(ingest.live);
      liveRegion.tick(false, Date.now());
    },
    commands: {},
  };
}
