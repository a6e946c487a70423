// The split view: a pane for each channel, up to four, linked by time: when one is scrolled, the others follow.

import { t } from "../i18n/translate.js";
import { covers, isPattern } from "../protocol/channels.js";
import { busiestFirst } from "../store/channel-rows.js";
import { toast } from "../views/toast.js";

const MAX_PANES = 4;

/** `addGrid(stage, list, on, channel)` puts one more grid into the page. */
export function addSplitPanes(page, addGrid) {
  const { workspace } = page;
  const { ring } = workspace;
  const whole = page.grid;
  const main = whole.stage.parentElement;
  let panes = [];
  let linking = false;

  // The channels to show, the busiest where a pattern has many.
  function channelsToSplit() {
    const { channels } = workspace;
    const named = [...channels.filter((name) => !isPattern(name)), ...page.channelNames.filter((name) => covers(channels, name))];
    const held = new Map(named.map((name) => [name, 0]));
    for (let seq = ring.first; seq < ring.end; seq += 1) if (!ring.isNote(seq)) held.set(ring.channel(seq), (held.get(ring.channel(seq)) ?? 0) + 1);
    return busiestFirst([...held], page.rates).slice(0, MAX_PANES).sort();
  }

  function makePane(channel, list, index) {
    const stage = whole.stage.cloneNode(true);
    for (const part of stage.querySelectorAll(".row, .top > *, .heads")) part.remove();
    for (const part of stage.querySelectorAll("[data-testid]")) delete part.dataset.testid;
    stage.hidden = false;
    stage.removeAttribute("style");
    stage.dataset.pane = String(index);
    stage.dataset.testid = "pane";
    stage.dataset.none = t("split.none");
    const [title] = stage.querySelectorAll(".pane-name");
    title.textContent = channel;
    title.hidden = false;
    for (const part of stage.querySelectorAll("[aria-label]")) part.setAttribute("aria-label", channel);
    stage.querySelector(".spacer").removeAttribute("style");
    stage.querySelector(".viewport").dataset.many = "false";
    main.insertBefore(stage, main.querySelector(".empty"));
    const grid = addGrid(stage, list, {
      follow: () => link(grid, ({ view }) => (grid.view.following ? view.follow() : view.detach())),
      scrolled: () => grid === page.grid && link(grid, ({ view }) => !grid.view.following && grid.view.topSeq !== null && view.scrollToSeq(grid.view.topSeq)),
    }, channel);
    for (const kind of ["pointerover", "wheel", "focusin"]) stage.addEventListener(kind, () => page.useGrid(grid), { passive: true });
    return grid;
  }

  // What one pane does to the others must not come back to it.
  function link(leader, act) {
    page.emit("follow");
    if (linking) return;
    linking = true;
    for (const each of panes) if (each !== leader) act(each);
    linking = false;
  }

  function split() {
    const channels = channelsToSplit();
    if (channels.length < 2) return toast(t("split.few"));
    const lists = workspace.lists.split(channels.map((name) => (channel) => channel === name));
    whole.stage.hidden = true;
    panes = channels.map((channel, index) => makePane(channel, lists[index], index));
    return show(panes);
  }

  // Shows one list again.
  function unsplit() {
    if (panes.length === 0) return;
    for (const each of panes) each.view.remove();
    panes = [];
    workspace.lists.split([]);
    whole.stage.hidden = false;
    show([whole]);
  }

  function show(grids) {
    page.showGrids(grids);
    for (const { view } of grids) {
      view.resize();
      view.rewrite();
      view.follow();
    }
    page.grid.view.focus();
    page.drawSoon();
  }

  page.on("leaving", unsplit);

  return { commands: { split: () => (panes.length > 0 ? unsplit() : split()) } };
}
