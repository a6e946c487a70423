// What the page says of itself: numbers, state, lag, what came unread; and to tests, `window.sseHub`.

import { covers } from "../protocol/channels.js";
import { Pulse } from "../connection/liveness.js";
import { Announcer } from "../views/live-region.js";
import { Unread } from "../views/title-badge.js";

// Heartbeats are hidden from scripts; the answers to the rail's questions are signs of life as well.
const STALE_MS = 30_000;
const TICK_MS = 1_000;

export function telling(page, counter) {
  const { desk, settings, status, toolbar, levels } = page;
  const { ring, view, intake, stream } = desk;
  const announcer = new Announcer(ring, view);
  const unread = new Unread();
  const pulse = new Pulse();
  let heardAt = Date.now();

  function showFollow() {
    const { grid } = page;
    status.showFollow(grid.following, grid.paused, grid.news);
    toolbar.showPaused(grid.paused);
  }

  function update() {
    const { received, told } = intake;
    const { text, range, hidden } = desk.asked;
    status.showNumbers({ held: ring.held, shown: view.shown, received, gaps: told.count, dropped: told.lost });
    showFollow();
    const now = Date.now();
    const { lastMatch } = desk.shown;
    const filtered = text !== "" || range !== null || hidden.size > 0;
    const sinceMatch = lastMatch === null ? null : now - intake.ahead - lastMatch;
    status.showEmpty(desk.channels, { held: ring.held, shown: view.shown, hidden: levels.allHidden, filtered, sinceMatch });
    status.tick(intake.lastLineAt, now, intake.replay, settings.get("zone"));
  }

  function tick() {
    const now = Date.now();
    status.sample(intake.live);
    status.tick(intake.lastLineAt, now, intake.replay, settings.get("zone"));
    status.showHeap(performance.memory?.usedJSHeapSize ?? null);
    status.showLag(intake.lag, intake.lastLineAt, now);
    if (settings.get("announce")) announcer.tick(page.grid.following, now);
    unread.update(view.errors, document.hidden);
    // In a hidden tab the questions rest, and nothing that they would have told is missed.
    if (!document.hidden && stream.state.name === "live" && now - Math.max(intake.lastLineAt ?? 0, heardAt) > STALE_MS) stream.restart();
  }

  window.addEventListener("online", () => stream.retryNow());
  document.addEventListener("visibilitychange", () => {
    heardAt = Date.now();
    unread.update(view.errors, document.hidden);
    if (document.hidden) return;
    stream.retryNow();
    page.flushSoon();
  });
  setInterval(tick, TICK_MS);

  const sseHub = Object.freeze({
    stats: () => ({
      received: intake.received,
      held: ring.held,
      shown: view.shown,
      buffered: desk.unshown,
      dropped: intake.told.lost,
      dupes: intake.dupes,
      gaps: intake.told.count,
      rowsInDom: page.grids.reduce((sum, each) => sum + each.rowsInDom, 0),
      state: stream.state.name,
      lastId: intake.lastId,
      histMs: page.inspects.hist.lastMs,
    }),
    bars: () => counter.bars(),
  });
  Object.defineProperty(window, "sseHub", { value: sseHub });

  return {
    /** The lists are in place: what comes from here on is news. */
    begin() {
      status.sample(intake.live);
      announcer.tick(false, Date.now());
    },
    update,
    showFollow,
    title: (words) => unread.title(words),
    /** Something happened that is to be seen in the title of a hidden page. */
    mark: () => unread.mark(document.hidden),
    /** The hub has given a sign of life, and says when each of its channels last spoke. */
    heard(channels) {
      heardAt = Date.now();
      if (stream.state.name !== "live") return;
      const times = channels.filter(({ name, last_line: last }) => last && covers(desk.channels, name)).map(({ last_line: last }) => Date.parse(last));
      const { received, dupes, told } = intake;
      if (pulse.dead(times.length > 0 ? Math.max(...times) : null, received + dupes + told.count + told.lost, heardAt)) stream.restart();
    },
  };
}
