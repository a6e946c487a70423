// Text that is selected with the mouse: over several rows it stands for whole lines, within one it is a text to copy or to filter for.

import { t } from "../i18n/translate.js";
import { quote } from "../query/parse.js";
import { addTerm } from "../query/terms.js";
import { SelectionBar } from "../views/selection-bar.js";
import { giveUpText, selectedIn } from "../views/text-selection.js";
import { toast } from "../views/toast.js";

const LONGEST_FILTER = 200;

/** `copying` has `copy()`, `copyJson()`, `copyText(text)` and `textOf(grid, range)`. */
export function addSelectedText(page, copying) {
  const { workspace } = page;
  const bar = new SelectionBar({
    copy: () => (page.marked.text === null ? copying.copy() : copying.copyText(page.marked.text)),
    copyJson: () => copying.copyJson(),
    filterFor: () => filter(quote(page.marked.text)),
    filterOut: () => filter(`-${quote(page.marked.text)}`),
  });
  let pressed = false;
  let waiting = 0;

  function filter(term) {
    giveUpText();
    page.setFilter({ text: addTerm(workspace.filter.text, term) });
  }

  function show() {
    waiting = 0;
    const before = page.marked;
    const now = selectedIn(page.grids);
    page.marked = now;
    if (before && before.grid !== now?.grid) markRows(before.grid, null);
    if (now) markRows(now.grid, now.text === null ? now.range : null);
    if (now === null || pressed) return bar.hide();
    return bar.show(now.box, now.text !== null && now.text.length <= LONGEST_FILTER && now.text.trim() !== "");
  }

  // Whole lines are marked as those that are selected by keys.
  function markRows(grid, range) {
    grid.stage.toggleAttribute("data-lines", range !== null);
    grid.view.showSelection(grid.selected, range ?? grid.range);
  }

  const showSoon = () => (waiting ||= setTimeout(show));

  document.addEventListener("selectionchange", showSoon);
  document.addEventListener("mousedown", (event) => {
    if (bar.has(event.target)) return;
    pressed = event.button === 0;
    showSoon();
  });
  for (const event of ["mouseup", "blur"]) window.addEventListener(event, () => ((pressed = false), showSoon()));
  document.addEventListener("copy", (event) => {
    const marked = selectedIn(page.grids);
    if (marked === null) return;
    const { text, n } = marked.text === null ? copying.textOf(marked.grid, marked.range) : { text: marked.text, n: 0 };
    event.clipboardData.setData("text/plain", text);
    event.preventDefault();
    if (n > 0) toast(t("copy.done", { n }));
  });
  // Where it was the rows have moved on.
  page.on("drawn", () => page.marked && !pressed && showSoon());

  showSoon();

  return {
    /** Give up the text that is selected; true if there was any. */
    close() {
      if (selectedIn(page.grids) === null) return false;
      giveUpText();
      return true;
    },
  };
}
