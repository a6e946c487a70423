// Where the parts meet.
//
//     Desk (stream, ring, lists) --> Grid, Plot, Status        Toolbar, FilterBox, Levels, Rail, keys --> Desk
//
// What the reader can do beyond that stands in features/, each a function of the page that returns its actions.

import { actionsOf } from "./app/commands.js";
import { readAddress } from "./app/url-state.js";
import { isPattern, nameFault } from "./protocol/channels.js";
import { Desk } from "./app/workspace.js";
import { alarming } from "./features/silence-alarm.js";
import { askingHub } from "./features/trace-and-patterns.js";
import { commanding } from "./features/command-palette.js";
import { copying } from "./features/copy-and-export.js";
import { finding } from "./features/find.js";
import { counting, inspecting } from "./features/inspector.js";
import { looking } from "./features/appearance.js";
import { moving } from "./features/navigation.js";
import { plotting } from "./features/chart.js";
import { publishing } from "./features/publish.js";
import { ruling } from "./features/highlighting.js";
import { sharing } from "./features/url-and-views.js";
import { splitting } from "./features/split-panes.js";
import { telling } from "./features/status.js";
import { paced } from "./app/throttle.js";
import { suggest } from "./query/suggest.js";
import { removeTerm } from "./query/terms.js";
import { chooseLanguage, t, loadLanguage } from "./i18n/translate.js";
import { Settings } from "./app/settings.js";
import { Details } from "./views/drawer.js";
import { FilterBox } from "./views/filter-box.js";
import { Grid } from "./views/log-grid.js";
import { listenToKeys } from "./views/keyboard.js";
import { Levels } from "./views/level-chips.js";
import { listenToRows } from "./views/row-events.js";
import { Rail } from "./views/channel-list.js";
import { showWho, whoAsks } from "./views/sign-in.js";
import { Status } from "./views/status.js";
import { Style } from "./views/row-style.js";
import { Terms } from "./views/filter-chips.js";
import { toast } from "./views/toast.js";
import { Toolbar } from "./views/toolbar.js";
import { Top } from "./views/load-older-bar.js";
import { rangeWords } from "./format/messages.js";

const TAIL_LINES = 500;

const settings = new Settings(() => localStorage);
const language = chooseLanguage(settings.get("lang"), navigator.languages);
const [who] = await Promise.all([whoAsks(), loadLanguage(document, language, new URL("../lang/", import.meta.url))]);

const opened = readAddress(location.search);
// Lines are in the ring before this is called, so a hidden tab, whose timers and frames rest, misses nothing.
const flushSoon = paced(flush, () => page.grid.rowsInDom === 0 && !document.hidden);

const desk = new Desk(settings.get("held"), settings.get("guard"), () => settings.get("zone"), {
  changed: () => flushSoon(),
  abandoned: (source) => toast(t("filter.abandoned", { source })),
  state(state) {
    toolbar.showState(state);
    status.showState(state, desk.intake.lastLineAt, Date.now());
    flushSoon();
  },
});
const { ring, view, intake, older, stream } = desk;
stream.seen = who.subscribe;
intake.ahead = who.ahead;

const counts = counting(desk, (moved) => [style, ...page.grids].forEach((each) => each.shift(moved)));
intake.onLate = (name) => style.late(name);

const remove = (name) => change(desk.channels.filter((other) => other !== name));
const toolbar = new Toolbar({
  start: () => desk.start(), stop: () => desk.stop(), pause: () => act.pause(),
  remove,
  rail: () => rail.open(),
});
const levels = new Levels({ levels: (hidden) => ask({ hidden }) });
const filter = new FilterBox({
  filter: (text, committed) => ask({ text, off: new Set() }, committed),
  suggest: (text, caret) => suggest(text, caret, { channels: rail.names, fields: counts.facets.fields() }),
  leave: () => page.grid.focus(),
});
const terms = new Terms({
  toggle(term) {
    const off = new Set(desk.asked.off);
    if (!off.delete(term.text)) off.add(term.text);
    ask({ off });
  },
  remove: (term) => ask({ text: removeTerm(desk.asked.text, term) }),
  removeRange: () => ask({ range: null }),
  removeColumn: (name) => setColumns(style.columns.filter((other) => other !== name)),
});
const rail = new Rail({
  fold: () => settings.set("rail", !settings.get("rail")),
  only: (name) => change([name]),
  add: (name) => change([...desk.channels, name]),
  remove,
  hub({ ready, recording, channels }) {
    tells.heard(channels);
    alarms.look(channels, Date.now() - who.ahead);
    status.showReady(ready, intake.lastLineAt, Date.now());
    status.showRecording(recording || !ready);
    flushSoon();
  },
});
const status = new Status({
  retry: () => stream.retryNow(),
  // The pill goes away and must not take the focus with it.
  follow: () => (page.grid.follow(), page.grid.focus()),
  levels: () => (levels.show([]), ask({ hidden: new Set() })),
  filter: () => askAll(),
});
const details = new Details({
  close: () => closeDetails(),
  value: (entry, button) => inspects.offer(entry, button),
  width: (px) => settings.set("drawer", px),
  acts: () => commands.ofLine(act),
});
const style = new Style(settings, ring);
const [stage] = document.querySelectorAll(".stage");
const inGrid = { follow: () => tells.showFollow(), select: (seq) => selected(seq), top: () => older.load(), drawn: () => finds.drawn() };
const grid = new Grid(stage, ring, view, style, inGrid);
const page = {
  desk, settings, style, grid, grids: [grid], details, levels, filter, rail, status, toolbar, ask, askAll, change, flushSoon, showAsked, setColumns, open, unfold,
  showAddress: () => shared.showAddress(),
  flash: (seq) => page.grid.flash(seq),
  goToLine: (place) => shared.showLine(place),
  unread: () => tells.mark(),
  /** Write all rows again. */
  rewrite: () => page.grids.forEach((each) => each.rewrite()),
};
const look = looking(page);
const tells = telling(page, counts.counter);
const moves = moving(page);
const finds = finding(page);
const inspects = inspecting(page, counts);
page.moves = moves;
page.inspects = inspects;
const plots = plotting(page);
const copies = copying(page);
const rules = ruling(page);
intake.onNew = rules.heard;
const alarms = alarming(page);
const shared = sharing(page, opened);
page.shared = shared;
// The button goes away and must not take the focus with it.
const top = new Top({ load: () => (older.load(), grid.focus()), retry: () => (older.retry(), grid.focus()) });
const splits = splitting(page, grid, inGrid, (each) => listenToRows(each, onRows));
const commands = commanding(page, () => actions);
const act = {
  filter: () => filter.focus(),
  open: () => open(page.grid.selected),
  drawer: () => (details.shown ? closeDetails() : open(page.grid.selected)),
  lowest: (event) => levels.setLowest(Number(event.key)), allLevels: () => levels.setLowest(0),
  unfold: () => unfold(page.grid.selected, true),
  fold: () => unfold(page.grid.selected, false),
  close: () => close(),
  ...commands.act,
  ...look.act,
  ...moves.act,
  ...finds.act,
  ...inspects.act,
  ...plots.act,
  ...copies.act,
  ...rules.act,
  ...shared.act,
  ...publishing(page).act,
  ...alarms.act,
  ...splits.act,
  ...askingHub(page).act,
};
const actions = actionsOf(act);
listenToKeys(actions, {
  single: () => settings.get("keys"),
  typing: () => page.grid.focus(),
});
const onRows = {
  open,
  extend: (seq) => page.grid.extend(seq),
  unfold: (seq) => unfold(seq, !style.isOpen(seq)),
  times: (seq) => style.allTimes(seq),
  link: (seq) => shared.copyLink(seq), copy: (seq) => copies.copyOne(seq),
  pin: (seq) => moves.pin(seq),
  context: (seq) => finds.context(seq),
};
listenToRows(stage, onRows);

function flush() {
  desk.unshown = 0;
  desk.shown.trim();
  tells.update();
  levels.showCounts(ring.perLevel);
  top.show(older.state, desk.channels, ring.held, ring.held > 0 ? ring.time(ring.first) : null, style.zone);
  plots.update();
  finds.update();
  inspects.update();
  for (const each of page.grids) each.draw();
}

/** Ask the desk for other lines; a committed wish is a step that Back undoes. */
function ask(wanted, committed = true) {
  const fault = desk.ask(wanted);
  if (fault) return fault;
  if ("text" in wanted && filter.text !== desk.asked.text) filter.show(desk.asked.text);
  showAsked();
  shared.showAddress(committed);
  return null;
}

/** Ask for all lines. */
function askAll(committed) {
  levels.show([]);
  ask({ text: "", off: new Set(), hidden: new Set(), range: null }, committed);
}

function showAsked() {
  const { text, range, hidden } = desk.asked;
  style.filtered = text !== "" || range !== null || hidden.size > 0;
  inspects.hist.show(settings.get("hist"), range);
  terms.show(desk.query.terms, range && rangeWords(range, settings.get("zone")), style.columns);
}

function setColumns(columns) {
  style.columns = columns;
  showAsked();
  page.rewrite();
  shared.showAddress(true);
}

function change(channels, anew = false) {
  if (channels.length === 0 || (!anew && String(channels) === String(desk.channels))) return;
  closeDetails();
  splits.end();
  desk[anew ? "anew" : "change"](channels, tailOf());
  grid.follow();
  showOpen();
}

function showOpen() {
  const { channels } = desk;
  desk.holdBack(settings.get("holdBack"));
  rail.showOpen(channels);
  toolbar.showOpen(channels);
  grid.showChannels(channels.length > 1 || channels.some(isPattern));
  tells.title(`${channels.join(", ")} · sse-hub`);
  shared.showAddress();
}

const tailOf = () => opened.tail ?? TAIL_LINES;

function selected(seq) {
  shared.showSelected(seq);
  if (seq === null) details.hide();
  else if (details.shown) inspects.show(seq);
}

function open(seq) {
  if (seq === null) return;
  if (seq !== page.grid.selected) page.grid.select(seq);
  // An older line must not run away from its reader.
  if (seq !== page.grid.view.at(page.grid.view.end - 1)) page.grid.detach();
  inspects.show(seq);
}

function unfold(seq, wanted) {
  if (seq === null) return;
  style.open(seq, wanted);
  page.grid.rewrite();
}

function closeDetails() {
  if (details.focused) page.grid.focus();
  details.hide();
}

function close() {
  if (details.shown) return closeDetails();
  if (finds.leave()) return;
  if (page.grid.selected !== null) page.grid.select(null);
}

for (const name of ["help", "find"]) document.querySelector(`[data-testid=${name}-open]`).addEventListener("click", () => act[name]());
settings.on(["hist", "zone"], showAsked);
settings.on("holdBack", (ms) => desk.holdBack(ms));
look.show();
const wanted = opened.channels.filter((name) => nameFault(name) === null);
const refused = opened.channels.find((name) => nameFault(name) !== null);
if (refused !== undefined) rail.refuse(refused);
if (refused !== undefined && wanted.length === 0) stream.refuse([refused], nameFault(refused));
else desk.open(wanted.length > 0 ? wanted : ["log"], tailOf());
showOpen();
showWho(who);
shared.take(opened);
tells.begin();
if (opened.at) shared.goToLine(opened.at);
flushSoon();
