// Where the parts meet.
//
//     Stream, Older --> Intake --> Ring, ViewList, Series --> Grid, Plot          Toolbar, Rail, keys --> Stream, ViewList

import { covers, isPattern, nameFault } from "./channels.js";
import { compileFilter } from "./filter.js";
import { Intake } from "./intake.js";
import { Older } from "./older.js";
import { Ring } from "./ring.js";
import { Series } from "./series.js";
import { Stream } from "./stream.js";
import { ViewList } from "./view-list.js";
import { Announcer } from "./views/announcer.js";
import { Details } from "./views/details.js";
import { Grid } from "./views/grid.js";
import { listenToKeys } from "./views/keys.js";
import { Plot } from "./views/plot.js";
import { Rail } from "./views/rail.js";
import { Status } from "./views/status.js";
import { Toolbar } from "./views/toolbar.js";
import { Top } from "./views/top.js";

const HELD_LINES = 100_000;
const FLUSH_MS = 100;
const TAIL_LINES = 500;
const CLOSE_AFTER_MS = 200;

const ring = new Ring(HELD_LINES);
const view = new ViewList(ring);
const series = new Series();
const intake = new Intake(ring, view, series);
const asked = { text: "", hidden: new Set() };
let flushTimer = 0;
let flushedAt = 0;
let ending = 0;
let unshown = 0;

const stream = new Stream({
  lines(batch) {
    clearTimeout(ending);
    unshown += batch.length;
    const closed = intake.lines(batch, Date.now());
    // A replay may go on after an old "closed": the publisher has finished when nothing follows it.
    if (closed !== null && stream.channels.length === 1 && stream.channels[0] === closed) {
      ending = setTimeout(() => stream.running && stream.stop("ended"), CLOSE_AFTER_MS);
    }
    flushSoon();
  },
  gap(gap) {
    intake.gap(gap, Date.now());
    flushSoon();
  },
  state(state) {
    toolbar.showState(state);
    status.showState(state, intake.lastLineAt, Date.now());
    flushSoon();
  },
});

const toolbar = new Toolbar({
  start: () => stream.start(),
  stop: () => stop(),
  remove: (name) => change(stream.channels.filter((other) => other !== name)),
  rail: () => rail.open(),
  filter(text) {
    asked.text = text;
    refilter();
  },
  levels(hidden) {
    asked.hidden = hidden;
    refilter();
  },
});
const rail = new Rail({
  only: (name) => change([name]),
  add: (name) => change([...stream.channels, name]),
  remove: (name) => change(stream.channels.filter((other) => other !== name)),
  hub({ ready, recording }) {
    status.showReady(ready, intake.lastLineAt, Date.now());
    status.showRecording(recording || !ready);
    flushSoon();
  },
});
const status = new Status({ retry: () => stream.retryNow(), follow: () => goLive(), levels: () => toolbar.showAll() });
const details = new Details({ close: () => closeDetails() });
const plot = new Plot(series);
const announcer = new Announcer(ring, view);
const grid = new Grid(document.querySelector(".stage"), ring, view, {
  follow: (following) => status.showFollow(following, grid.paused, grid.news),
  select: (seq) => showDetails(seq),
  top: () => older.load(),
});
const older = new Older(ring, intake, () => flushSoon());
// The button goes away and must not take the focus with it.
const top = new Top({ load: () => (older.load(), grid.focus()), retry: () => (older.retry(), grid.focus()) });

// The first lines and one that comes alone are drawn at once, a stream of them ten times a second. Lines are in the ring before this
// is called, so a hidden tab, whose timers and frames rest, misses nothing.
function flushSoon() {
  if (flushTimer) return;
  const since = performance.now() - flushedAt;
  const first = grid.rowsInDom === 0 && !document.hidden;
  flushTimer = setTimeout(flush, first || since > 2 * FLUSH_MS ? 0 : FLUSH_MS);
}

function flush() {
  flushTimer = 0;
  flushedAt = performance.now();
  unshown = 0;
  view.trim();
  const { received, gaps, dropped } = intake;
  status.showNumbers({ held: ring.held, shown: view.shown, received, gaps, dropped });
  status.showFollow(grid.following, grid.paused, grid.news);
  status.showEmpty(stream.channels, { held: ring.held, shown: view.end - view.first, hidden: toolbar.allHidden });
  status.tick(intake.lastLineAt, Date.now());
  toolbar.showCounts(ring.perLevel);
  top.show(older.state, stream.channels, ring.held);
  plot.update();
  grid.draw();
}

function refilter() {
  const text = compileFilter(asked.text);
  const { hidden } = asked;
  const test = (seq) => !hidden.has(ring.level(seq)) && (text === null || text(ring.text(seq)));
  view.refilter(text === null && hidden.size === 0 ? null : test, flushSoon);
}

/** Watch other channels. What stays open loses nothing, what is closed is forgotten. */
function change(channels) {
  if (channels.length === 0 || String(channels) === String(stream.channels)) return;
  const kept = channels.some((name) => stream.channels.includes(name)) && stream.state.name !== "ended";
  clearTimeout(ending);
  closeDetails();
  intake.forget((channel) => kept && covers(channels, channel));
  if (kept) for (const name of channels) if (!covers(stream.channels, name)) intake.joined(name, Date.now());
  refilter();
  grid.follow();
  if (kept) stream.change(channels);
  else stream.watch(channels, tailOf());
  showOpen();
}

function showOpen() {
  const { channels } = stream;
  older.reset(channels);
  rail.showOpen(channels);
  toolbar.showOpen(channels);
  grid.showChannels(channels.length > 1 || channels.some(isPattern));
  document.title = `${channels.join(", ")} · sse-hub`;
  const query = new URLSearchParams(channels.map((channel) => ["channel", channel]));
  const tail = new URLSearchParams(location.search).get("tail");
  if (tail !== null) query.set("tail", tail);
  history.replaceState(null, "", `?${query}`);
}

function tailOf() {
  const tail = Number(new URLSearchParams(location.search).get("tail") ?? TAIL_LINES);
  return Number.isInteger(tail) && tail >= 0 && tail <= 10_000 ? tail : TAIL_LINES;
}

function stop() {
  clearTimeout(ending);
  stream.stop();
}

// The pill goes away and must not take the focus with it.
function goLive() {
  grid.follow();
  grid.focus();
}

function showDetails(seq) {
  if (seq === null || !ring.has(seq)) return details.hide();
  const note = ring.isNote(seq) ? ring.text(seq) : null;
  const line = note ? (note.raw ?? JSON.stringify(note)) : ring.text(seq);
  details.show({ channel: ring.channel(seq), id: note && !note.raw ? null : ring.id(seq), line, time: ring.time(seq) });
}

function closeDetails() {
  if (details.focused) grid.focus();
  if (grid.selected !== null) grid.select(null);
}

listenToKeys({
  filter: () => toolbar.focusFilter(),
  follow: () => grid.follow(),
  oldest: () => grid.toOldest(),
  next: () => grid.move(1),
  previous: () => grid.move(-1),
  pageUp: () => grid.page(-1),
  pageDown: () => grid.page(1),
  open: () => showDetails(grid.selected),
  pause: () => (grid.following ? grid.pause() : grid.follow()),
  close: closeDetails,
  leave(field) {
    if (field.classList.contains("filter") && field.value) toolbar.clearFilter();
    else grid.focus();
  },
});

window.addEventListener("online", () => stream.retryNow());
document.addEventListener("visibilitychange", () => document.hidden || (stream.retryNow(), flushSoon()));
setInterval(() => {
  const now = Date.now();
  status.sample(intake.live);
  status.tick(intake.lastLineAt, now);
  announcer.tick(grid.following, now);
}, 1_000);

window.sseHub = Object.freeze({
  stats: () => ({
    received: intake.received,
    held: ring.held,
    shown: view.shown,
    buffered: unshown,
    dropped: intake.dropped,
    dupes: intake.dupes,
    gaps: intake.gaps,
    rowsInDom: grid.rowsInDom,
    state: stream.state.name,
    lastId: intake.lastId,
  }),
});

const named = new URLSearchParams(location.search).getAll("channel");
const wanted = named.filter((name) => nameFault(name) === null);
const refused = named.find((name) => nameFault(name) !== null);
if (refused !== undefined) rail.refuse(refused);
if (refused !== undefined && wanted.length === 0) stream.refuse([refused], nameFault(refused));
else stream.watch(wanted.length > 0 ? wanted : ["log"], tailOf());
showOpen();
flushSoon();
