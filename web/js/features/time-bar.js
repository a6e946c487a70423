// The time bar: live, paused or past; the range of time that is shown; and the bars of how many lines there were when.
//
//     live      lines arrive; the bars show the lines held, or a span up to now, counted by the hub
//     paused    lines arrive, and the view stands still
//     past      a range of time: lines held that are of it, or its lines out of the log, while live lines wait
//
// The range is a part of the filter (`range`), so it is in the address and Back undoes it.

import { SPANS, shortRange, spanStart, yesterday, zoomedOut } from "../format/time-range.js";
import { t } from "../i18n/translate.js";
import { IDLE_STATES } from "../connection/event-stream.js";
import { HistogramView } from "../views/histogram-view.js";
import { loadLater } from "../views/later.js";
import { LiveButton } from "../views/live-button.js";

const DAYS = ["today", "yesterday"];

/** `goToTime(time)` shows the lines of a time. */
export function addTimeBar(page, goToTime) {
  const { workspace, settings } = page;
  const { stream, counter } = workspace;
  const zoneOf = () => settings.get("zone");
  let hubCounter = null;
  // False while the hub has lost Redis: then nothing can arrive, whatever the stream says.
  let ready = true;

  const live = new LiveButton({
    press, choose, zoomOut, start: () => workspace.start(), stop: () => workspace.stop(),
    leave: () => (workspace.filter.range ? page.setFilter({ range: null }) : page.setSpan(null)),
    menu: () => [
      ...SPANS.filter((span) => !DAYS.includes(span)).map((span) => ({ label: t(`span.${span}`), run: () => chooseSpan(span) })),
      { label: t("span.today"), run: () => chooseSpan("today") },
      { label: t("span.yesterday"), run: () => chooseRange(yesterday(Date.now(), zoneOf())) },
      { label: t("range.choose"), run: choose },
      ...(page.span ? [{ label: t("span.held"), run: () => page.setSpan(null) }] : []),
      stream.running ? { label: t("live.disconnect"), run: () => workspace.stop() } : { label: t("live.connect"), run: () => workspace.start() },
    ],
  });
  const bars = new HistogramView({
    bars: () => (asked() && hubCounter ? hubCounter.bars(asked()) : counter.bars()),
    version: () => `${counter.version} ${hubCounter?.version} ${page.span && Math.floor(Date.now() / 1_000)}`,
    countedFrom: () => (asked() && hubCounter ? hubCounter.countedFrom : -Infinity),
    stopped: () => asked() !== null && hubCounter !== null && hubCounter.stopped,
  }, zoneOf, {
    range: (range) => page.setFilter({ range }),
    jump: (at, width) => (workspace.holds([at, at]) || !asked() ? goToTime(at) : page.setFilter({ range: [at, at + width - 1] })),
    goOn: () => hubCounter?.goOn(),
  });

  // The range that the bars show, or null: that of the lines held.
  function asked() {
    if (workspace.past) return workspace.past;
    const now = Date.now();
    return page.span && [spanStart(page.span, now, zoneOf()), now];
  }

  const inPast = () => workspace.past !== null || workspace.filter.range !== null;

  function press() {
    if (inPast()) return page.setFilter({ range: null });
    if (IDLE_STATES.includes(stream.state.name)) return workspace.start();
    return page.grid.view.following ? page.grid.view.pause() : page.grid.view.follow();
  }

  function chooseRange(range) {
    page.setFilter({ range });
  }

  function chooseSpan(span) {
    if (workspace.filter.range) page.setFilter({ range: null }, false);
    page.setSpan(span);
  }

  async function choose() {
    const module = await loadLater(() => import("../views/range-prompt.js"));
    module?.askForRange(workspace.filter.range, zoneOf(), chooseRange);
  }

  function zoomOut() {
    const { range } = workspace.filter;
    if (range) page.setFilter({ range: zoomedOut(range, Date.now()) });
  }

  // A range that is not held comes out of the log. `restored`: it is of an address; a time that lines only say, long before they
  // came, is not found in the log, but may be among the newest lines.
  async function showRange(range, restored) {
    if (range === null) return workspace.past && page.showPast(null);
    if (workspace.holds(range)) return undefined;
    page.showPast(range);
    if (!restored) return undefined;
    await workspace.history.loadUntil(() => workspace.ring.held > 0);
    if (workspace.past === range && workspace.ring.held === 0 && workspace.history.state.name !== "failed") page.showPast(null);
    return undefined;
  }

  async function count() {
    if (!asked() || !settings.get("hist")) return hubCounter?.drop();
    const module = hubCounter ? null : await loadLater(() => import("./range-counter.js"));
    if (module) hubCounter ??= new module.RangeCounter(page, () => bars.update());
    return hubCounter?.count(asked());
  }

  function show() {
    const { range } = workspace.filter;
    live.showRange(range ? shortRange(range, zoneOf(), Date.now()) : page.span && t(`span.${page.span}`), range !== null);
    bars.show(settings.get("hist"), workspace.past ? null : range);
    showLive();
  }

  function showLive() {
    const { following, paused, unseen } = page.grid.view;
    live.show({ stream: ready || stream.state.name !== "live" ? stream.state.name : "degraded", inPast: inPast(), following, paused, unseen: workspace.past ? workspace.waiting : unseen.lines });
  }

  page.on("filter", ({ changes, committed }) => {
    if ("range" in changes) showRange(changes.range, committed === null);
    show();
    count();
  });
  page.on("span", () => (show(), count()));
  page.on("channels", () => count());
  page.on("state", () => (live.showRunning(stream.running), showLive()));
  page.on("polled", (answer) => {
    ready = answer.ready;
    showLive();
  });
  page.on("follow", showLive);
  page.on("update", () => {
    showLive();
    bars.update();
  });
  settings.on(["hist", "zone"], () => (show(), count()));
  show();

  return {
    /** How long the last drawing of the bars took, in ms. */
    histogramMs: () => bars.lastMs,
    commands: {
      histogram: () => settings.set("hist", !settings.get("hist")),
      pause: () => (page.grid.view.following ? page.grid.view.pause() : page.grid.view.follow()),
      live: () => (inPast() ? page.setFilter({ range: null }) : stream.running || workspace.start(), page.grid.view.follow()),
      timeRange: () => live.openMenu(),
      chooseRange: () => void choose(),
      zoomOut,
      start: () => workspace.start(),
      stop: () => workspace.stop(),
    },
  };
}
