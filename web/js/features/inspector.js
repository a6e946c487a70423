// The drawer, the fields and the histogram: looking into lines, and from there to a filter, a column, a count.

import { stripAnsi } from "../format/ansi.js";
import { Counter } from "../store/line-counter.js";
import { Facets } from "../store/facets.js";
import { textOf } from "../format/text.js";
import { fieldTerm, addTerm } from "../query/terms.js";
import { valueOf } from "../query/fields.js";
import { formatNumber, t } from "../i18n/translate.js";
import { pathText } from "../format/json-tree.js";
import { copyText } from "../views/clipboard.js";
import { FacetsView } from "../views/facets-view.js";
import { HistView } from "../views/histogram-view.js";
import { menuAt } from "../views/menu.js";
import { toast } from "../views/toast.js";
import { traceOf } from "./navigation.js";

const MAX_COUNTED = 10;

/** Counts what comes and goes; made before the first line. `onMoved(moved)` is called when lines are in another order: `moved(seq)` is the new seq. */
export function counting(desk, onMoved) {
  const counter = new Counter(desk.ring);
  const facets = new Facets();
  desk.shown.counter = counter;
  desk.intake.onLine = (seq, record) => facets.add(seq, record);
  desk.intake.onMoved = (part, moved) => {
    facets.reorder(part);
    counter.reorder(part);
    onMoved(moved);
  };
  desk.ring.onDrop = (seq) => {
    counter.drop(seq);
    facets.remove(seq);
  };
  desk.ring.onMove = (from, to) => facets.move(from, to);
  return { counter, facets };
}

export function inspecting(page, { counter, facets }) {
  const { desk, settings, style, details } = page;
  const { ring, view } = desk;
  const hist = new HistView(counter, () => settings.get("zone"), { range: (range) => page.ask({ range }), jump: (moment) => page.moves.goTo(moment) });
  const fields = new FacetsView(facets, { value: (name, value, out) => filterFor(name, value, out), column: toggleColumn, plot: (name) => page.plot(name) });

  function filterFor(name, value, not = false) {
    page.ask({ text: addTerm(desk.asked.text, fieldTerm(name, value, { not })) });
  }

  function toggleColumn(name) {
    const { columns } = style;
    page.setColumns(columns.includes(name) ? columns.filter((other) => other !== name) : [...columns, name]);
  }

  /** What is offered for a value of the tree. */
  function offer({ name, path, node }, button) {
    const value = node.kind === "string" ? node.value : node.text;
    const leaf = !node.entries;
    menuAt(button, [
      ...(leaf ? [{ label: t("node.for"), run: () => filterFor(name, value) }, { label: t("node.out"), run: () => filterFor(name, value, true) }] : []),
      { label: t("node.column"), run: () => toggleColumn(name) },
      ...(leaf && Number.isFinite(Number(value)) && value !== "" ? [{ label: t("node.plot"), run: () => page.plot(name) }] : []),
      { label: t("node.copyValue"), run: async () => toast(t((await copyText(stripAnsi(value))) ? "drawer.copied" : "drawer.denied")) },
      { label: t("node.copyPath"), run: async () => toast(t((await copyText(pathText(path))) ? "drawer.copied" : "drawer.denied")) },
      ...(leaf ? [{ label: t("node.count"), run: () => showCounts(name, button) }] : []),
    ]);
  }

  // Counted over the lines shown, as a filter would find them.
  function showCounts(name, button) {
    const counts = new Map();
    for (let place = view.first; place < view.end; place += 1) {
      for (const seq of ring.isNote(view.at(place)) ? [] : [view.at(place), ...view.foldedAt(place)]) {
        const value = valueOf(desk.line.at(seq), name);
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

  function show(seq) {
    if (!ring.has(seq)) return details.hide();
    const note = ring.isNote(seq) ? ring.text(seq) : null;
    const line = note ? (note.raw ?? JSON.stringify(note)) : ring.text(seq);
    const place = view.rowOf(seq);
    const more = !note && view.at(place) === seq && view.foldOf(place) > 0 ? view.foldedAt(place) : [];
    const record = note ? style.read(line, ring.time(seq)) : style.joined(ring, seq, more);
    const raw = [line, ...more.map((each) => ring.text(each))].join("\n");
    details.show({ channel: ring.channel(seq), id: note && !note.raw ? null : ring.id(seq), line, raw, record, times: style.timesOf(record) });
  }

  /** Only the lines of the trace or request of the selected one, over all channels that are open. */
  function trace() {
    const { selected } = page.grid;
    const id = selected === null || ring.isNote(selected) ? null : traceOf(style.recordOf(ring, selected));
    if (id === null) return toast(t("jump.noTrace"));
    page.ask({ text: fieldTerm("x", id).slice(2) });
  }

  return {
    show,
    offer,
    trace,
    toggleColumn,
    hist,
    facets,
    update() {
      hist.update();
      fields.update();
    },
    act: {
      trace,
      hist: () => settings.set("hist", !settings.get("hist")),
      raw() {
        if (!details.shown) page.open(page.grid.selected);
        details.toggleRaw();
      },
    },
  };
}
