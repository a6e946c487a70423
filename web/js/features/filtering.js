// The filter: the box it is typed in, the chips of its terms, and the chips of the levels.

import { t } from "../i18n/translate.js";
import { isIncomplete, suggest } from "../query/suggest.js";
import { removeTerm } from "../query/terms.js";
import { FilterBox } from "../views/filter-box.js";
import { FilterChips } from "../views/filter-chips.js";
import { loadLater } from "../views/later.js";
import { LevelChips } from "../views/level-chips.js";

// What a filter of another tool may have; only then foreign.js is needed.
const MAY_BE_FOREIGN = /[\w"'](?::|==|\s=)|![\w"']|&&|\||\b(?:AND|NOT)\b|^\s*(?:[{.]|select\b)/i;

export function addFiltering(page) {
  const { workspace, style } = page;
  // foreign.js, once it is loaded, and the texts that the reader wants as they are.
  let foreign = null;
  const kept = new Set();
  let noted = null;
  const levels = new LevelChips({ levels: (hidden) => page.setFilter({ hidden }) });
  const box = new FilterBox({
    filter,
    suggest: (text, caret) => suggest(text, caret, known()),
    isIncomplete: (text, caret) => isIncomplete(text, caret, known()),
    waiting(waits, text) {
      // The lines are those of the filter before.
      document.querySelector(".main").dataset.stale = String(waits);
      if (waits) offerTranslation(text);
    },
    leave: () => page.grid.view.focus(),
  });
  const known = () => ({ channels: page.channelNames, fields: workspace.facets.fields({ top: 50 }) });

  function filter(text, committed) {
    const found = translationOf(text);
    if (committed && found?.sure) {
      noted = found.text;
      box.showNote({
        text: t("foreign.translated", { from: text, to: found.text }), label: t("foreign.undo"),
        run: () => (kept.add(text), page.setFilter({ text, off: new Set() })),
      });
      return page.setFilter({ text: found.text, off: new Set() });
    }
    noted = null;
    offerTranslation(text, committed);
    return page.setFilter({ text, off: new Set() }, committed);
  }

  const translationOf = (text) => (foreign === null || kept.has(text) ? null : foreign.translate(text, workspace.facets.fields({ top: 0 }).map(({ name }) => name)));

  // Says at the box what a text of another tool's syntax would be here.
  async function offerTranslation(text, committed = false) {
    if (kept.has(text) || !MAY_BE_FOREIGN.test(text)) return box.showNote(null);
    foreign ??= await loadLater(() => import("../query/foreign.js"));
    if (box.text !== text) return undefined;
    const found = translationOf(text);
    if (found === null) return box.showNote(null);
    if (committed && found.sure && workspace.filter.text === text) return filter(text, true);
    const words = found.hint ? t(`foreign.${found.hint}`) : t("foreign.meant");
    return box.showNote({ text: words, label: found.text, run: () => page.setFilter({ text: found.text, off: new Set() }) });
  }

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
    if ("text" in changes && ![noted, box.text].includes(changes.text)) box.showNote(null);
    if ("text" in changes && box.text !== workspace.filter.text) box.show(workspace.filter.text);
    if ("hidden" in changes) levels.show(workspace.filter.hidden);
    showChips();
  });
  page.on("columns", showChips);
  page.on("update", () => levels.showCounts(workspace.ring.perLevel, workspace.result.active ? workspace.result.perLevel : null));

  return {
    /** Show the filter of an address, `{text, hidden, range}`; a text that is wrong is shown with its fault. */
    restore({ text, hidden, range }) {
      levels.show(hidden);
      box.show(text, page.setFilter({ text, off: new Set(), hidden, range }, null));
      offerTranslation(text);
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
