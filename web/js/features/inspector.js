// The drawer and the fields: from a look into lines to a filter, a column or a count.

import { t } from "../i18n/translate.js";
import { traceIdOf } from "../normalise/trace.js";
import { addTerm, fieldTerm, removeTerm, replaceTerm } from "../query/terms.js";
import { Drawer } from "../views/drawer.js";
import { FacetsView } from "../views/facets-view.js";
import { loadLater } from "../views/later.js";
import { toast } from "../views/toast.js";

/** `on` has `plot(field)`, `linksOf(seqs)`: see alert-marks.js, and `lineCommands()`: `[{name, label, run}, …]` for the line in the drawer. */
export function addInspector(page, on) {
  const { workspace, settings, style } = page;
  const { ring, list, facets } = workspace;
  const drawer = new Drawer({
    close: () => hide(),
    value: openValueMenu,
    commands: on.lineCommands,
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
  async function openValueMenu(entry, button) {
    const module = await loadLater(() => import("./value-menu.js"));
    module?.openValueMenu(page, { ...entry, button }, { filterFor, toggleColumn, plot: on.plot });
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

  page.on("open", show);
  page.on("select", (seq) => {
    if (seq === null) close();
    else if (drawer.shown) show(seq);
  });
  page.on("leaving", hide);
  page.on("update", () => fields.update());

  return {
    toggleColumn,
    /** Close the drawer; true when it was open. */
    close() {
      if (!drawer.shown) return false;
      hide();
      return true;
    },
    commands: {
      trace: filterForTrace,
      drawer: () => (drawer.shown ? hide() : page.openLine(page.grid.selected)),
      raw() {
        if (!drawer.shown) page.openLine(page.grid.selected);
        drawer.toggleRaw();
      },
    },
  };
}
