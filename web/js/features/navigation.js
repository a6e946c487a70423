// Going from line to line: errors, warnings, lines of the same trace, pins, a time.

import { parseMoment } from "../format/parse-time.js";
import { t } from "../i18n/translate.js";
import { ERROR, WARN } from "../normalise/levels.js";
import { traceIdOf } from "../normalise/trace.js";
import { loadLater } from "../views/later.js";
import { toast } from "../views/toast.js";

export function addNavigation(page) {
  const { workspace, style } = page;
  const { ring } = workspace;

  // Goes to the next row whose seq passes, from the selected line on, or from the edge of what is in sight.
  function jump(step, passes) {
    const { grid } = page;
    const { list } = grid;
    const from = grid.selected ?? (step > 0 ? grid.view.topSeq : null);
    let row = from === null ? list.end : list.firstRowFrom(from);
    if (grid.selected === null && step > 0) row -= 1;
    for (row += step; row >= list.first && row < list.end; row += step) {
      const seq = list.seqAt(row);
      if (ring.isNote(seq) || !passes(seq)) continue;
      grid.goTo(seq);
      return;
    }
    toast(t("jump.none"));
  }

  const jumpToLevel = (step, from, to) => jump(step, (seq) => ring.level(seq) >= from && ring.level(seq) <= to);

  function jumpInTrace(step) {
    const id = page.grid.selected === null ? null : traceIdOf(style.recordOf(ring, page.grid.selected));
    if (id === null) return toast(t("jump.noTrace"));
    return jump(step, (seq) => ring.text(seq).includes(id) && traceIdOf(style.recordOf(ring, seq)) === id);
  }

  function pin(seq = page.grid.selected) {
    if (seq === null || ring.isNote(seq)) return;
    if (!style.pins.delete(seq)) style.pins.add(seq);
    page.grid.view.rewrite();
  }

  function nextPin() {
    for (const seq of style.pins) if (!ring.has(seq)) style.pins.delete(seq);
    const pins = [...style.pins].filter((seq) => page.grid.has(ring.channel(seq))).sort((one, other) => one - other);
    if (pins.length === 0) return toast(t("jump.noPins"));
    return page.grid.goTo(pins.find((seq) => page.grid.selected === null || seq > page.grid.selected) ?? pins[0]);
  }

  /** Go to the first line shown at or after a time (ms); older lines are loaded as needed. */
  async function goToTime(time) {
    // The oldest of all lines shown: for a pane whose channel has no line of that time, the whole log would be loaded.
    const { list: all } = workspace;
    const oldest = () => (all.first < all.end ? ring.shownTime(all.seqAt(all.first)) : Infinity);
    await workspace.history.loadUntil(() => oldest() <= time);
    const { list } = page.grid;
    for (let row = list.first; row < list.end; row += 1) {
      const seq = list.seqAt(row);
      if (ring.isNote(seq) || ring.shownTime(seq) < time) continue;
      return page.grid.goTo(seq);
    }
    return page.grid.view.follow();
  }

  async function promptForTime() {
    const module = await loadLater(() => import("../views/prompt.js"));
    module?.openPrompt({
      title: t("command.goToTime"),
      fields: [{ name: "time", label: t("goTo.time"), placeholder: "03:50 · -15m · yesterday 17:30 · 2026-11-21T03:50" }],
      hint: t("goTo.hint"),
      label: t("goTo.go"),
      submit({ time }) {
        const moment = parseMoment(time, { zone: page.settings.get("zone") });
        if (moment === null) return t("goTo.fault", { time });
        goToTime(moment);
        return null;
      },
    });
  }

  return {
    goToTime,
    pin,
    commands: {
      follow: () => page.grid.view.follow(),
      oldest: () => page.grid.view.scrollToOldest(),
      next: () => page.grid.move(1),
      previous: () => page.grid.move(-1),
      pageUp: () => page.grid.view.scrollByPages(-1),
      pageDown: () => page.grid.view.scrollByPages(1),
      halfUp: () => page.grid.view.scrollByPages(-0.5),
      halfDown: () => page.grid.view.scrollByPages(0.5),
      extendDown: () => page.grid.extendBy(1),
      extendUp: () => page.grid.extendBy(-1),
      nextError: () => jumpToLevel(1, ERROR, Infinity),
      previousError: () => jumpToLevel(-1, ERROR, Infinity),
      nextWarning: () => jumpToLevel(1, WARN, WARN),
      previousWarning: () => jumpToLevel(-1, WARN, WARN),
      nextTrace: () => jumpInTrace(1),
      previousTrace: () => jumpInTrace(-1),
      pin: () => pin(),
      nextPin,
      goToTime: () => void promptForTime(),
    },
  };
}
