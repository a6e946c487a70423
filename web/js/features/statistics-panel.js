// The statistics: how many lines came when, by a field, or how great a number was, counted by the hub over its log.

import { STATS_RANGES } from "../app/url-state.js";
import { StatsRequest } from "../connection/stats-request.js";
import { hubFilter, hubZone } from "../query/hub-filter.js";
import { addTerm, fieldTerm } from "../query/terms.js";
import { isPattern } from "../protocol/channels.js";
import { Statistics } from "../store/statistics.js";
import { StatisticsView } from "../views/statistics-view.js";

const USUAL = { range: "6h", least: null, by: "level", field: null };
const MAX_FIELDS = 6;
const MAX_NUMBERS = 4;

/** `goToTime(time)` shows the lines of a time. */
export function addStatisticsPanel(page, goToTime) {
  const { workspace, settings } = page;
  const { ring } = workspace;
  // The last question of this page, and its counts so far.
  let asked = USUAL;
  let counts = new Statistics();
  let request = null;
  let state = { name: "counting" };
  let offered = "";
  // How many lines were held when the fields were offered.
  let lines = 0;

  const view = new StatisticsView(() => settings.get("zone"), {
    change: (change) => ask({ ...asked, ...change }),
    value: addValue,
    jump: (time) => (view.close(), goToTime(time)),
    stop: () => request?.stop(),
    goOn: () => request?.run(),
    closed: () => (request?.drop(), tell(null)),
  });

  // The address has the statistics while they are open.
  function tell(statistics, committed = undefined) {
    page.statistics = statistics;
    page.emit("statistics", { committed });
  }

  function open() {
    if (view.open) return;
    show(asked);
    tell(asked, true);
  }

  function show(question) {
    view.show(workspace.channels);
    offered = "";
    ask(question);
  }

  function ask(question) {
    asked = { ...question, range: question.range === "shown" ? shownRange() : question.range };
    offerFields();
    if (page.statistics) tell(asked);
    count();
  }

  function count() {
    request?.drop();
    counts = new Statistics();
    const { least, by, field, range } = asked;
    const filter = hubFilter(workspace.filter, { zone: settings.get("zone") });
    const q = least ? addTerm(filter, `level>=${least}`) : filter;
    request = new StatsRequest({ channels: workspace.channels, q, zone: hubZone(settings.get("zone"), Date.now()), by, field, range }, {
      answer: (answer) => (counts.add(answer), view.showCounts(counts, state)),
      state: (next) => ((state = next), view.showCounts(counts, state)),
    });
    request.run();
  }

  // The fields of the lines held that may be of use, and the one that is asked for. They stay while the reader looks at them.
  function offerFields() {
    const { channels } = workspace;
    const fields = workspace.facets.fields({ top: 2 });
    // An id has too many values, and what is the same in all lines says nothing.
    const groups = fields.filter(({ many, values, count }) => !many && values.length > 1 && values[0].count > Math.max(1, count / 20)).map(({ name }) => name);
    const first = channels.length > 1 || channels.some(isPattern) ? ["level", "channel"] : ["level"];
    const numbers = fields.filter(({ numeric }) => numeric).map(({ name }) => name);
    const by = [...new Set([...first, ...groups.slice(0, MAX_FIELDS), ...(asked.by ? [asked.by] : [])])];
    const of = [...new Set([...numbers.slice(0, MAX_NUMBERS), ...(asked.field ? [asked.field] : [])])];
    if (offered !== String([by, of])) view.showFields({ by, of, all: ["level", "channel", ...fields.map(({ name }) => name)] });
    offered = String([by, of]);
    lines = workspace.ring.held;
    view.showQuestion(asked);
  }

  // From the first line that is shown to the last one.
  function shownRange() {
    const { list } = page.grid;
    if (list.first >= list.end) return STATS_RANGES[0];
    return [ring.arrivedAt(list.seqAt(list.first)), ring.arrivedAt(list.seqAt(list.end - 1)) + 1];
  }

  // For lines without the field, `value` is null.
  function addValue(name, value, not) {
    const term = value === null ? fieldTerm(name, "", { op: "exists", not: !not }) : fieldTerm(name, value, { not });
    page.setFilter({ text: addTerm(workspace.filter.text, term), off: workspace.filter.off });
  }

  page.on("filter", () => view.open && count());
  // Opened by its address, it knows no field before the first lines.
  page.on("update", () => view.open && lines === 0 && (lines = workspace.ring.held) > 0 && offerFields());
  page.on("channels", () => view.open && show(asked));
  settings.on("zone", () => view.open && view.showCounts(counts, state));

  // Show the statistics of the address, or none.
  function restore() {
    if (page.statistics) show(page.statistics);
    else if (view.open) view.close();
  }

  return { commands: { statistics: open, restore } };
}
