// Find is not filter: hits are counted, marked and gone to, and nothing is hidden. And a line of a filtered list in its context.

import { Find, findPattern } from "../store/matcher.js";
import { quoted } from "../query/parse.js";
import { addTerm } from "../query/terms.js";
import { t } from "../i18n/translate.js";
import { markRows } from "../views/find-marks.js";

const PARTS = {
  bar: ".find", text: ".find-text", count: ".find-count", next: ".find-next", previous: ".find-previous", filter: ".find-filter",
  close: ".find-close", ticks: ".ticks",
};
const TYPING_MS = 120;
const TICKS_MS = 250;
const SLICE_MS = 8;

export function finding(page) {
  const { desk } = page;
  const { ring, view } = desk;
  let wanted = null;
  let hits = null;
  let epoch = -1;
  let current = null;
  let typing = 0;
  let working = 0;
  let ticksAt = 0;
  let before = null;

  const open = () => !$(PARTS.bar).prop("hidden");

  function find() {
    const chosen = String(document.getSelection() ?? "").trim();
    $(PARTS.bar).prop("hidden", false);
    if (chosen && !chosen.includes("\n")) $(PARTS.text).val(chosen);
    $(PARTS.text).trigger("focus").trigger("select");
    search();
  }

  function close() {
    $(PARTS.bar).prop("hidden", true);
    wanted = null;
    hits = null;
    current = null;
    showCount();
    page.grid.focus();
  }

  function search() {
    clearTimeout(typing);
    wanted = findPattern($(PARTS.text).val());
    hits = null;
    current = null;
    $(PARTS.text).attr({ "aria-invalid": wanted?.fault ? "true" : null, title: wanted?.fault ?? null });
    work();
  }

  // Places are those of one epoch of the list.
  function work() {
    clearTimeout(working);
    if (wanted === null || wanted.fault) return showCount();
    if (hits === null || epoch !== view.epoch) {
      epoch = view.epoch;
      hits = new Find((seq) => !ring.isNote(seq) && wanted.test(ring.text(seq)), view);
    }
    if (!hits.work(SLICE_MS)) working = setTimeout(work);
    return showCount();
  }

  function showCount() {
    const n = hits?.count ?? 0;
    const at = current === null || n === 0 ? 0 : hits.number(view.rowOf(current));
    const words = wanted === null ? "" : n === 0 ? t("find.none") : at > 0 ? t("find.count", { at, n }) : t("find.some", { n });
    if ($(PARTS.count).text() !== words) $(PARTS.count).text(words);
    marks();
    ticks();
  }

  function marks() {
    markRows(page.grids.flatMap((each) => each.rows), wanted, current);
  }

  function go(step) {
    if (!open()) return find();
    if (!hits) return;
    const { grid } = page;
    const from = current ?? grid.selected ?? grid.topSeq;
    let place = from === null ? view.end : view.placeOf(from);
    // Those of other panes are passed over.
    for (let left = hits.count; left > 0; left -= 1) {
      place = hits.next(place, step);
      const seq = view.at(place);
      if (!grid.has(ring.channel(seq))) continue;
      current = seq;
      grid.goTo(seq);
      return showCount();
    }
  }

  function asFilter() {
    const text = $(PARTS.text).val();
    if (text) page.ask({ text: addTerm(desk.asked.text, /^\/.+\/[a-z]*$/.test(text) ? text : quoted(text)) });
    close();
  }

  function ticks() {
    const now = performance.now();
    if (hits !== null && !hits.done && now - ticksAt < TICKS_MS) return;
    ticksAt = now;
    page.grids.forEach(ticksOf);
  }

  function ticksOf(grid) {
    const canvas = grid.stage.querySelector(PARTS.ticks);
    const { width, height } = canvas.getBoundingClientRect();
    canvas.width = width;
    canvas.height = height;
    if (hits === null || height < 2) return;
    const context = canvas.getContext("2d");
    context.fillStyle = getComputedStyle(canvas).color;
    hits.ticks(Math.floor(height), grid.view).forEach((tick, y) => tick && context.fillRect(2, y - 1, 6, 2));
  }

  /** Show a line among its neighbours: the filter is lifted until Esc brings it back, with the same line in sight. */
  async function context(seq = page.grid.selected) {
    if (seq === null) return;
    const { grid } = page;
    if (before?.lifted !== desk.asked) {
      const { place, offset } = grid.scroller.anchor();
      before = { asked: desk.asked, seq, grid, at: !grid.following && [grid.view.at(place), offset] };
    }
    page.askAll(false);
    before.lifted = desk.asked;
    await desk.settled;
    grid.goTo(seq);
    grid.flash(seq);
  }

  async function leaveContext() {
    const { asked, seq, grid, at } = before;
    before = null;
    page.levels.show(asked.hidden);
    page.ask(asked, false);
    await desk.settled;
    grid.select(seq);
    if (at) grid.scrollToSeq(...at);
    else grid.follow();
  }

  $(PARTS.text).on("input", () => {
    clearTimeout(typing);
    typing = setTimeout(search, TYPING_MS);
  });
  $(PARTS.text).on("keydown", (event) => {
    if (event.originalEvent.isComposing) return;
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && event.altKey) asFilter();
    else if (event.key === "Enter") {
      clearTimeout(typing);
      if (typing) search();
      typing = 0;
      go(event.shiftKey ? -1 : 1);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  $(PARTS.next).on("click", () => go(1));
  $(PARTS.previous).on("click", () => go(-1));
  $(PARTS.filter).on("click", asFilter);
  $(PARTS.close).on("click", close);

  return {
    context,
    drawn: () => wanted !== null && marks(),
    update() {
      if (wanted === null || (hits?.done && epoch === view.epoch)) return;
      work();
    },
    /** Close what Esc closes: the find bar, then the context. True when there was something. */
    leave() {
      if (open()) return close(), true;
      // What was asked for since is no context any more.
      if (before?.lifted === desk.asked) return leaveContext(), true;
      return false;
    },
    act: { find, nextHit: () => go(1), previousHit: () => go(-1), context: () => context() },
  };
}
