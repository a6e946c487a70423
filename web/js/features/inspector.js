// The drawer, the fields and the histogram: from a look into lines to a filter, a column or a count.

import { stripAnsi } from "../format/ansi.js";
import { pathText } from "../format/json-tree.js";
import { textOf } from "../format/text.js";
import { formatNumber, t } from "../i18n/translate.js";
import { traceIdOf } from "../normalise/trace.js";
import { valueOf } from "../query/fields.js";
import { addTerm, fieldTerm, removeTerm, replaceTerm } from "../query/terms.js";
import { copyText } from "../views/clipboard.js";
import { Drawer } from "../views/drawer.js";
import { FacetsView } from "../views/facets-view.js";
import { HistogramView } from "../views/histogram-view.js";
import { openMenu } from "../views/menu.js";
import { toast } from "../views/toast.js";

const MAX_COUNTED = 10;

/** `on` has `goToTime(time)`, `plot(field)`, `linksOf(seqs)`: see alert-marks.js, and `lineCommands()`: `[{name, label, run}, …]` for the line in the drawer. */
export function addInspector(page, on) {
  const { workspace, settings, style } = page;
  const { ring, list, facets } = workspace;
  const drawer = new Drawer({
    close: () => hide(),
    value: openValueMenu,
    commands: on.lineCommands,
  });
  const histogram = new HistogramView(workspace.counter, () => settings.get("zone"), {
    range: (range) => page.setFilter({ range }),
    jump: on.goToTime,
  });
  const fields = new FacetsView(facets, {
    value: filterFor, takeBack, column: toggleColumn, plot: on.plot, filtered: () => workspace.result.active, excluded,
  });

  function filterFor(name, value, not = false) {
    page.setFilter({ text: addTerm(workspace.filter.text, fieldTerm(name, value, { not })) });
  }

  const exclusions = () => workspace.query.terms.filter(({ kind, op, negated, off }) => kind === "field" && op === "=" && negated && !off);

  // The values that the filter excludes, by the names of their fields.
  function excluded() {
    const found = new Map();
    for (const { name, values } of exclusions()) found.set(name, [...(found.get(name) ?? []), ...values]);
    return found;
  }

  // Show the lines with a value again that was filtered out.
  function takeBack(name, value) {
    const term = exclusions().find((each) => each.name === name && each.values.includes(value));
    if (!term) return;
    const { text } = workspace.filter;
    const rest = term.values.filter((other) => other !== value).map((other) => fieldTerm("x", other).slice(2));
    page.setFilter({ text: rest.length > 0 ? replaceTerm(text, term, `-${fieldTerm(name, "", { op: "exists" }).slice(0, -2)}=${rest.join(",")}`) : removeTerm(text, term) });
  }

  function toggleColumn(name) {
    const { columns } = style;
    page.setColumns(columns.includes(name) ? columns.filter((other) => other !== name) : [...columns, name]);
  }

  // The menu of a value in the tree.
  function openValueMenu({ name, path, node }, button) {
    const value = node.kind === "string" ? node.value : node.text;
    const leaf = !node.entries;
    openMenu(button, [
      ...(leaf ? [{ label: t("node.for"), run: () => filterFor(name, value) }, { label: t("node.out"), run: () => filterFor(name, value, true) }] : []),
      { label: t("node.column"), run: () => toggleColumn(name) },
      ...(leaf && Number.isFinite(Number(value)) && value !== "" ? [{ label: t("node.plot"), run: () => on.plot(name) }] : []),
      { label: t("node.copyValue"), run: async () => toast(t((await copyText(stripAnsi(value))) ? "drawer.copied" : "drawer.denied")) },
      { label: t("node.copyPath"), run: async () => toast(t((await copyText(pathText(path))) ? "drawer.copied" : "drawer.denied")) },
      ...(leaf ? [{ label: t("node.count"), run: () => showCounts(name, button) }] : []),
    ]);
  }

  // Counted over the lines shown, as a filter would find them.
  function showCounts(name, button) {
    const counts = new Map();
    for (let row = list.first; row < list.end; row += 1) {
      for (const seq of ring.isNote(list.seqAt(row)) ? [] : [list.seqAt(row), ...list.foldedSeqs(row)]) {
        const value = valueOf(workspace.line.at(seq), name);
        if (value !== undefined) counts.set(textOf(value), (counts.get(textOf(value)) ?? 0) + 1);
      }
    }
    const top = [...counts].sort(([, one], [, other]) => other - one).slice(0, MAX_COUNTED);
    const $lines = top.map(([value, count]) => $("<div>").append($("<b>").text(formatNumber(count)), document.createTextNode(value.slice(0, 80) || t("row.empty"))));
    const $counts = $("<div>", { class: "counts", "data-testid": "counts" }).append($lines);
    const $item = $(button).closest("[role=treeitem]");
    $item.children(".counts").remove();
    $item.children(".node-line").after($counts);
  }

  // The row of the line in the details does not show its stack, too.
  function markInDetails(seq) {
    const before = style.inDetails;
    style.inDetails = seq;
    if (before !== seq && [before, seq].some((each) => each !== null && style.isOpen(each))) page.rewrite();
  }

  function close() {
    drawer.hide();
    markInDetails(null);
  }

  function show(seq) {
    if (!ring.has(seq)) return close();
    const note = ring.isNote(seq) ? ring.text(seq) : null;
    const line = note ? (note.raw ?? JSON.stringify(note)) : ring.text(seq);
    const row = list.rowOf(seq);
    const more = !note && list.seqAt(row) === seq && list.foldedCount(row) > 0 ? list.foldedSeqs(row) : [];
    const record = note ? style.parse(line, ring.arrivedAt(seq), ring.channel(seq)) : style.joinedRecord(ring, seq, more);
    const raw = [line, ...more.map((each) => ring.text(each))].join("\n");
    drawer.show({ channel: ring.channel(seq), id: note && !note.raw ? null : ring.id(seq), line, raw, record, times: style.timesOf(record, ring.arrivedAt(seq)), alerts: note ? [] : on.linksOf([seq, ...more]) });
    markInDetails(seq);
    return undefined;
  }

  function hide() {
    const { focused } = drawer;
    close();
    // The lines may have been behind it.
    if (focused) page.grid.view.focus();
  }

  // Filters for the trace or request of the selected line, over all open channels.
  function filterForTrace() {
    const { selected } = page.grid;
    const id = selected === null || ring.isNote(selected) ? null : traceIdOf(style.recordOf(ring, selected));
    if (id === null) return toast(t("jump.noTrace"));
    return page.setFilter({ text: fieldTerm("x", id).slice(2) });
  }

  const showHistogram = () => histogram.show(settings.get("hist"), workspace.filter.range);

  page.on("open", show);
  page.on("select", (seq) => {
    if (seq === null) close();
    else if (drawer.shown) show(seq);
  });
  page.on("leaving", hide);
  page.on("filter", showHistogram);
  page.on("update", () => {
    histogram.update();
    fields.update();
  });
  settings.on(["hist", "zone"], showHistogram);
  showHistogram();

  return {
    toggleColumn,
    /** Close the drawer; true when it was open. */
    close() {
      if (!drawer.shown) return false;
      hide();
      return true;
    },
    /** How long the last drawing of the histogram took, in ms. */
    histogramMs: () => histogram.lastMs,
    commands: {
      trace: filterForTrace,
      histogram: () => settings.set("hist", !settings.get("hist")),
      drawer: () => (drawer.shown ? hide() : page.openLine(page.grid.selected)),
      raw() {
        if (!drawer.shown) page.openLine(page.grid.selected);
        drawer.toggleRaw();
      },
    },
  };
}
