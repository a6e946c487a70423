// A line among its neighbours: the filter hides nothing until the reader goes back to its hits, and stays what it is. The context is a step
// of its own in the address: Back leads out of it, as Esc and the button of its bar do.

import { formatClock } from "../format/format-time.js";
import { rowText, visible } from "../format/text.js";
import { t } from "../i18n/translate.js";
import { MatchIndex } from "../store/matcher.js";
import { ContextBar } from "../views/context-bar.js";
import { toast } from "../views/toast.js";

const SLICE_MS = 8;
const LONGEST_SHOWN = 80;

/** `pushes()` is how many steps that Back undoes have been added to the address. */
export function addContextPlace(page, pushes) {
  const { workspace, style } = page;
  const { ring } = workspace;
  const bar = new ContextBar({ next: () => goToHit(1), previous: () => goToHit(-1), back: leave });
  // Where the reader was, `{grid, seq, position, pushes}`; null while the filter applies.
  let place = null;
  let around = null;
  let hits = null;
  let version = -1;
  let searching = 0;

  /** Show a line among its neighbours. */
  async function show(wanted = page.grid.selected) {
    if (wanted === null || !ring.has(wanted)) return;
    const seq = await withNeighbours(wanted);
    if (seq === null) return;
    const { grid } = page;
    if (place === null && workspace.filtered) {
      place = { grid, seq, position: grid.view.following ? null : grid.view.scrollPosition(), pushes: null };
      page.lift(true);
      place.pushes = pushes();
    }
    await goTo(grid, seq);
  }

  // A line that the search of the log has found stands alone until those around it are loaded.
  async function withNeighbours(seq) {
    const held = await workspace.holdAround(seq);
    if (held === null) toast(t("search.tooFar"));
    return held;
  }

  async function goTo(grid, seq) {
    around = seq;
    await workspace.settled;
    grid.goTo(around);
    // With as many lines before it as after it.
    grid.view.centre(around, true);
    grid.view.flash(around);
    draw();
  }

  async function goToHit(step) {
    const { grid } = place;
    const row = hits?.next(grid.list.rowOf(around), step) ?? null;
    const seq = row === null ? null : await withNeighbours(grid.list.seqAt(row));
    if (seq !== null && place !== null) goTo(grid, seq);
  }

  // A step that Back undoes is undone, so that Back doesn't lead in again.
  function leave() {
    if (place.pushes !== pushes()) return page.lift(false);
    if (!place.leaving) history.back();
    place.leaving = true;
    return undefined;
  }

  // The filter applies again: the reader is where they were.
  async function goBack({ grid, seq, position }) {
    await workspace.settled;
    if (seq !== null && ring.has(seq)) grid.select(seq);
    if (position) grid.view.scrollToSeq(...position);
    else grid.view.follow();
  }

  // The filter is lifted or not, as the address or another filter has it.
  function update() {
    if (workspace.lifted) place ??= { grid: page.grid, seq: null, position: null, pushes: null };
    else {
      place = null;
      around = null;
      hits = null;
      clearTimeout(searching);
    }
    draw();
  }

  function draw() {
    document.querySelector(".app").toggleAttribute("data-context", place !== null);
    mark();
    if (place === null) return bar.hide();
    countHits();
    return undefined;
  }

  // Row numbers are those of one version of the list.
  function countHits() {
    clearTimeout(searching);
    const { list } = place.grid;
    if (hits === null || version !== list.version) {
      version = list.version;
      hits = new MatchIndex((seq) => workspace.isHit(seq), list);
    }
    if (!hits.search(SLICE_MS)) searching = setTimeout(countHits);
    const known = around !== null && ring.has(around);
    bar.show(known ? words(around) : null, known ? hits.numberOf(list.rowOf(around)) : 0, hits.count);
  }

  function words(seq) {
    const { msg, raw } = style.recordOf(ring, seq);
    return { time: formatClock(ring.shownTime(seq), style.zone).slice(0, 8), text: visible(rowText(msg ?? raw).shown).slice(0, LONGEST_SHOWN) };
  }

  function mark() {
    for (const { view } of page.grids) for (const { element, seq } of view.rows) element.toggleAttribute("data-hit", place !== null && ring.has(seq) && workspace.isHit(seq));
  }

  page.on("context", () => {
    const left = workspace.lifted ? null : place;
    update();
    if (left) goBack(left);
  });
  // With null, an address is restored: then it is known only afterwards whether it is that of the context.
  page.on("filter", ({ committed }) => committed !== null && update());
  function enter() {
    if (!workspace.filtered) return;
    page.lift(true, null);
    // The line may have come into sight before this was loaded.
    around ??= page.grid.selected;
    draw();
  }

  page.on("restored", (state) => {
    if (state.context) enter();
    else if (place !== null) {
      const left = place;
      state.at = null;
      update();
      goBack(left);
    }
  });
  page.on("select", (seq) => {
    if (place === null || around !== null || seq === null) return;
    around = seq;
    draw();
  });
  page.on("moved", (moved) => {
    if (around !== null) around = moved(around);
    if (place?.seq) place.seq = moved(place.seq);
  });
  page.on("drawn", () => place !== null && mark());
  page.on("update", () => place !== null && (!hits?.done || version !== place.grid.list.version) && countHits());
  page.on("leaving", () => {
    place = null;
    if (workspace.lifted) page.lift(false, null);
  });

  return {
    show,
    /** Show the context that an address names. */
    enter,
    /** Leave the context; true when there was one. */
    close() {
      if (place === null) return false;
      leave();
      return true;
    },
  };
}
