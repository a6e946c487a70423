// The wiring of the page.
//
//     Workspace (stream, ring, lists) --> Page --> features/, each of which brings its views and its commands

import { commandList } from "./app/commands.js";
import { Page } from "./app/page.js";
import { Settings } from "./app/settings.js";
import { readUrlState } from "./app/url-state.js";
import { Workspace } from "./app/workspace.js";
import { TabConnection } from "./connection/tab-connection.js";
import { addAlertMarks } from "./features/alert-marks.js";
import { addAppearance } from "./features/appearance.js";
import { addChannels } from "./features/channels.js";
import { addChart } from "./features/chart.js";
import { addCommandPalette } from "./features/command-palette.js";
import { addContext } from "./features/context.js";
import { addCopyAndExport } from "./features/copy-and-export.js";
import { addFiltering } from "./features/filtering.js";
import { addFind } from "./features/find.js";
import { addHighlighting } from "./features/highlighting.js";
import { addHints } from "./features/hints.js";
import { addInspector } from "./features/inspector.js";
import { addLater } from "./features/later.js";
import { addLayout } from "./features/layout.js";
import { addNavigation } from "./features/navigation.js";
import { addPinnedFilter } from "./features/pinned-filter.js";
import { addRows } from "./features/rows.js";
import { addSelecting } from "./features/selecting.js";
import { addSilenceAlarm } from "./features/silence-alarm.js";
import { addStatistics } from "./features/statistics.js";
import { addStatus } from "./features/status.js";
import { addTimeBar } from "./features/time-bar.js";
import { addUrlAndViews } from "./features/url-and-views.js";
import { chooseLanguage, loadLanguage, t } from "./i18n/translate.js";
import { listenToKeys } from "./views/keyboard.js";
import { RowStyle } from "./views/row-style.js";
import { fetchIdentity, showIdentity } from "./views/sign-in.js";
import { toast } from "./views/toast.js";

const IN_DRAWER = ["copy", "link", "report", "context", "pin", "trace", "traceEverywhere"];

// HTTP/2 has no limit of connections. The worker has the same address in all versions of the page: what it limits is the browser's.
const protocol = performance.getEntriesByType("navigation")[0]?.nextHopProtocol;
const connection = new TabConnection(/^h[23]/.test(protocol) ? null : new URL("../../js/streams.js", import.meta.url));
const settings = new Settings(() => localStorage);
const language = chooseLanguage(settings.get("lang"), navigator.languages);
const [identity] = await Promise.all([fetchIdentity(), loadLanguage(document, language, new URL("../lang/", import.meta.url))]);
const opened = readUrlState(location.search);

const workspace = new Workspace(settings.get("held"), settings.get("guard"), () => settings.get("zone"), connection);
workspace.stream.visibleChannels = identity.subscribe;
workspace.history.visibleChannels = identity.subscribe;
workspace.stream.clockSkew = identity.clockSkew;
workspace.ingest.clockSkew = identity.clockSkew;
workspace.onAbandoned = (source) => toast(t("filter.abandoned", { source }));
const page = new Page(workspace, settings, new RowStyle(settings, workspace.ring, (channel) => workspace.ingest.zoneOf(channel)), opened.tail);

// All commands by name. A feature adds its own; those that list commands read them when they are opened.
const functions = {};
const use = (feature) => (Object.assign(functions, feature.commands), feature);

const filtering = use(addFiltering(page));
const pinnedFilter = use(addPinnedFilter(page, filtering.showFault));
const url = use(addUrlAndViews(page, opened, filtering.restore));
const navigation = use(addNavigation(page));
const find = use(addFind(page));
const context = use(addContext(page, url.pushes));
const copying = use(addCopyAndExport(page));
const selecting = use(addSelecting(page, copying));
const rows = use(addRows(page, { copy: copying.copyLine, link: url.copyLink, pin: navigation.pin, context: context.show, says: () => appearance.orderBy("line") }));
use(addLater(["report"], () => import("./features/report.js"), ({ addReport }) => addReport(page, { shownText: copying.shownText, linkTo: url.linkTo })));
use(addHighlighting(page));
const appearance = use(addAppearance(page));
const chart = use(addChart(page, navigation.goToTime));
const alertMarks = use(addAlertMarks(page, url.showLine));
const lineCommands = () => IN_DRAWER.map((name) => ({ name, label: t(`drawer.command.${name}`), run: () => functions[name]() }));
const timeBar = use(addTimeBar(page, navigation.goToTime));
const inspector = use(addInspector(page, { plot: chart.plot, lineCommands, linksOf: alertMarks.linksOf }));
use(addLayout(page));
use(addStatistics(page, navigation.goToTime));
use(addLater(["split"], () => import("./features/split-panes.js"), ({ addSplitPanes }) => addSplitPanes(page, rows.addGrid), { "[data-testid=split-open]": "split" }));
use(addLater(["traceEverywhere", "newPatterns"], () => import("./features/trace-and-patterns.js"), ({ addTraceAndPatterns }) => addTraceAndPatterns(page, url.showLine)));
use(addLater(["marker", "testLine"], () => import("./features/publish.js"), ({ addPublish }) => addPublish(page), { "[data-testid=test-line]": "testLine" }));
use(addSilenceAlarm(page, identity.clockSkew));
use(addLater(["alertRules", "alertFromFilter"], () => import("./features/alert-rules.js"), ({ addAlertRules }) => addAlertRules(page, { identity, showLine: alertMarks.show }), { "[data-testid=alerts-open]": "alertRules" }));
addHints(page);
const channels = use(addChannels(page, identity.subscribe));
const status = use(addStatus(page, { allLevelsHidden: filtering.allLevelsHidden, older: rows.older, histogramMs: timeBar.histogramMs, visible: identity.subscribe }));
use(addCommandPalette(page, { commands: () => commandList(functions), openView: url.openView, toggleColumn: inspector.toggleColumn }));
use({ commands: { close: () => selecting.close() || inspector.close() || find.close() || context.close() || (page.grid.selected !== null && page.grid.select(null)) } });

listenToKeys(commandList(functions), { singleKeys: () => settings.get("keys"), leaveField: () => page.grid.view.focus() });
pinnedFilter.begin(opened);
channels.open(opened.channels);
showIdentity(identity);
url.restore(opened);
filtering.takeEarlyText();
status.begin();
if (opened.at) url.goToLine(opened.at);
page.drawSoon();

// A page that the browser keeps without running it must not hold a connection that others could use.
for (const [target, event] of [[window, "pagehide"], [document, "freeze"]]) target.addEventListener(event, () => workspace.stream.suspend());
for (const [target, event] of [[window, "pageshow"], [document, "resume"]]) target.addEventListener(event, () => workspace.stream.resume());
