// The split view: a pane for each channel, up to four, linked by time: where one is scrolled to, the others follow.

import { isPattern } from "../protocol/channels.js";
import { t } from "../i18n/translate.js";
import { Grid } from "../views/log-grid.js";
import { toast } from "../views/toast.js";

const MAX_PANES = 4;

/** `whole` is the grid of all lines; `on` its callbacks, which the panes share; `rows(stage)` makes rows react to the mouse. */
export function splitting(page, whole, on, rows) {
  const { desk, style } = page;
  const { ring } = desk;
  const main = whole.stage.parentElement;
  let panes = [];
  let linking = false;

  /** The channels to part, those with the most lines first where a pattern has many. */
  function names() {
    const counts = new Map(desk.channels.filter((name) => !isPattern(name)).map((name) => [name, 0]));
    for (let seq = ring.first; seq < ring.end; seq += 1) if (!ring.isNote(seq)) counts.set(ring.channel(seq), (counts.get(ring.channel(seq)) ?? 0) + 1);
    return [...counts].sort(([, one], [, other]) => other - one).slice(0, MAX_PANES).map(([name]) => name).sort();
  }

  function paneOf(name, list, at) {
    const stage = whole.stage.cloneNode(true);
    for (const part of stage.querySelectorAll(".row, .top > *")) part.remove();
    for (const part of stage.querySelectorAll("[data-testid]")) delete part.dataset.testid;
    stage.hidden = false;
    stage.dataset.pane = String(at);
    stage.dataset.testid = "pane";
    stage.dataset.none = t("split.none");
    const [title] = stage.querySelectorAll(".pane-name");
    title.textContent = name;
    title.hidden = false;
    for (const part of stage.querySelectorAll("[aria-label]")) part.setAttribute("aria-label", name);
    stage.querySelector(".spacer").removeAttribute("style");
    stage.querySelector(".viewport").dataset.many = "false";
    main.insertBefore(stage, main.querySelector(".empty"));
    const grid = new Grid(stage, ring, list, style, {
      ...on,
      follow: () => link(grid, (other) => (grid.following ? other.follow() : other.detach())),
      scrolled: () => grid === page.grid && link(grid, (other) => !grid.following && grid.topSeq !== null && other.scrollToSeq(grid.topSeq)),
    });
    for (const kind of ["pointerover", "wheel", "focusin"]) stage.addEventListener(kind, () => (page.grid = grid), { passive: true });
    /** The only channel it shows. */
    grid.channel = name;
    rows(stage);
    return grid;
  }

  // What one pane does to the others must not come back to it.
  function link(leader, act) {
    on.follow();
    if (linking) return;
    linking = true;
    for (const each of panes) if (each !== leader) act(each);
    linking = false;
  }

  function begin() {
    const wanted = names();
    if (wanted.length < 2) return toast(t("split.few"));
    const lists = desk.shown.split(wanted.map((name) => (channel) => channel === name));
    whole.stage.hidden = true;
    panes = wanted.map((name, at) => paneOf(name, lists[at], at));
    show(panes);
    return undefined;
  }

  /** One list again. */
  function end() {
    if (panes.length === 0) return;
    for (const each of panes) each.drop();
    panes = [];
    desk.shown.split([]);
    whole.stage.hidden = false;
    show([whole]);
  }

  function show(grids) {
    page.grids = grids;
    page.grid = grids[0];
    for (const each of grids) {
      each.resized();
      each.rewrite();
      each.follow();
    }
    page.grid.focus();
    page.flushSoon();
  }

  return { end, act: { split: () => (panes.length > 0 ? end() : begin()) } };
}
