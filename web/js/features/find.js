// Find is no filter: matches are counted, marked and gone to, and nothing is hidden.

import { t } from "../i18n/translate.js";
import { quote } from "../query/parse.js";
import { addTerm } from "../query/terms.js";
import { MatchIndex, compileMatcher } from "../store/matcher.js";
import { markRows } from "../views/find-marks.js";

const PARTS = {
  bar: ".find", text: ".find-text", count: ".find-count", next: ".find-next", previous: ".find-previous", filter: ".find-filter",
  close: ".find-close", ticks: ".ticks",
};
const TYPING_MS = 120;
const TICKS_MS = 250;
const SLICE_MS = 8;

export function addFind(page) {
  const { workspace } = page;
  const { ring, list } = workspace;
  let matcher = null;
  let matches = null;
  let version = -1;
  let current = null;
  let typing = 0;
  let searching = 0;
  let ticksAt = 0;

  const isOpen = () => !$(PARTS.bar).prop("hidden");

  function open() {
    const selected = String(document.getSelection() ?? "").trim();
    $(PARTS.bar).prop("hidden", false);
    if (selected && !selected.includes("\n")) $(PARTS.text).val(selected);
    $(PARTS.text).trigger("focus").trigger("select");
    start();
  }

  function close() {
    $(PARTS.bar).prop("hidden", true);
    matcher = null;
    matches = null;
    current = null;
    showCount();
    page.grid.view.focus();
  }

  function start() {
    clearTimeout(typing);
    matcher = compileMatcher($(PARTS.text).val());
    matches = null;
    current = null;
    $(PARTS.text).attr({ "aria-invalid": matcher?.fault ? "true" : null, title: matcher?.fault ?? null });
    search();
  }

  // Row numbers are those of one version of the list.
  function search() {
    clearTimeout(searching);
    if (matcher === null || matcher.fault) return showCount();
    if (matches === null || version !== list.version) {
      version = list.version;
      matches = new MatchIndex((seq) => !ring.isNote(seq) && matcher.test(ring.text(seq)), list);
    }
    if (!matches.search(SLICE_MS)) searching = setTimeout(search);
    return showCount();
  }

  function showCount() {
    const n = matches?.count ?? 0;
    const at = current === null || n === 0 ? 0 : matches.numberOf(list.rowOf(current));
    const text = matcher === null ? "" : n === 0 ? t("find.none") : at > 0 ? t("find.count", { at, n }) : t("find.some", { n });
    if ($(PARTS.count).text() !== text) $(PARTS.count).text(text);
    mark();
    drawTicks();
  }

  function mark() {
    markRows(page.grids.flatMap((each) => each.view.rows), matcher, current);
  }

  function goTo(step) {
    if (!isOpen()) return open();
    if (!matches) return;
    const { grid } = page;
    const from = current ?? grid.selected ?? grid.view.topSeq;
    let row = from === null ? list.end : list.firstRowFrom(from);
    // Matches in other panes are skipped.
    for (let left = matches.count; left > 0; left -= 1) {
      row = matches.next(row, step);
      const seq = list.seqAt(row);
      if (!grid.has(ring.channel(seq))) continue;
      current = seq;
      grid.goTo(seq);
      return showCount();
    }
  }

  function useAsFilter() {
    const text = $(PARTS.text).val();
    if (text) page.setFilter({ text: addTerm(workspace.filter.text, /^\/.+\/[a-z]*$/.test(text) ? text : quote(text)) });
    close();
  }

  function drawTicks() {
    const now = performance.now();
    if (matches !== null && !matches.done && now - ticksAt < TICKS_MS) return;
    ticksAt = now;
    page.grids.forEach(drawTicksOf);
  }

  function drawTicksOf(grid) {
    const canvas = grid.stage.querySelector(PARTS.ticks);
    const { width, height } = canvas.getBoundingClientRect();
    canvas.width = width;
    canvas.height = height;
    if (matches === null || height < 2) return;
    const context = canvas.getContext("2d");
    context.fillStyle = getComputedStyle(canvas).color;
    matches.ticks(Math.floor(height), grid.list).forEach((tick, y) => tick && context.fillRect(2, y - 1, 6, 2));
  }

  $(PARTS.text).on("input", () => {
    clearTimeout(typing);
    typing = setTimeout(start, TYPING_MS);
  });
  $(PARTS.text).on("keydown", (event) => {
    if (event.originalEvent.isComposing) return;
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && event.altKey) useAsFilter();
    else if (event.key === "Enter") {
      clearTimeout(typing);
      if (typing) start();
      typing = 0;
      goTo(event.shiftKey ? -1 : 1);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  $(PARTS.next).on("click", () => goTo(1));
  $(PARTS.previous).on("click", () => goTo(-1));
  $(PARTS.filter).on("click", useAsFilter);
  $(PARTS.close).on("click", close);
  $("[data-testid=find-open]").on("click", open);
  page.on("drawn", () => matcher !== null && mark());
  page.on("update", () => {
    if (matcher === null || (matches?.done && version === list.version)) return;
    search();
  });

  return {
    /** Close the find bar; true when it was open. */
    close() {
      if (!isOpen()) return false;
      close();
      return true;
    },
    commands: { find: open, nextHit: () => goTo(1), previousHit: () => goTo(-1) },
  };
}
