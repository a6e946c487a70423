// The filter: the box it is typed in, the chips of its terms, and the chips of the levels.

import { suggest } from "../query/suggest.js";
import { removeTerm } from "../query/terms.js";
import { FilterBox } from "../views/filter-box.js";
import { FilterChips } from "../views/filter-chips.js";
import { LevelChips } from "../views/level-chips.js";

export function addFiltering(page) {
  const { workspace, style } = page;
  const levels = new LevelChips({ levels: (hidden) => page.setFilter({ hidden }) });
  const box = new FilterBox({
    filter: (text, committed) => page.setFilter({ text, off: new Set() }, committed),
    suggest: (text, caret) => suggest(text, caret, { channels: page.channelNames, fields: workspace.facets.fields() }),
    leave: () => page.grid.view.focus(),
  });
  const chips = new FilterChips({
    toggle(term) {
      const off = new Set(workspace.filter.off);
      if (!off.delete(term.text)) off.add(term.text);
      page.setFilter({ off });
    },
    remove: (term) => page.setFilter({ text: removeTerm(workspace.filter.text, term) }),
    removeColumn: (name) => page.setColumns(style.columns.filter((other) => other !== name)),
  });

  function showChips() {
    chips.show(workspace.query.terms, style.columns);
  }

  page.on("filter", ({ changes }) => {
    if ("text" in changes && box.text !== workspace.filter.text) box.show(workspace.filter.text);
    if ("hidden" in changes) levels.show(workspace.filter.hidden);
    showChips();
  });
  page.on("columns", showChips);
  page.on("update", () => levels.showCounts(workspace.ring.perLevel));

  return {
    /** Show the filter of an address, `{text, hidden, range}`; a text that is wrong is shown with its fault. */
    restore({ text, hidden, range }) {
      levels.show(hidden);
      box.show(text, page.setFilter({ text, off: new Set(), hidden, range }, null));
    },
    takeEarlyText: () => box.takeEarlyText(),
    /** Say at the box what is wrong with the filter. */
    showFault: (message) => box.showFault({ message }),
    /** True when every level with a visible chip is hidden. */
    allLevelsHidden: () => levels.allHidden,
    commands: {
      filter: () => box.focus(),
      lowestLevel: (event) => levels.setLowest(Number(event.key)),
      allLevels: () => levels.setLowest(0),
    },
  };
}
