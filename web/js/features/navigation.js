// Going from line to line: errors, warnings, the same trace, pins, a time, the line of a link.

import { parseMoment } from "../format/parse-time.js";
import { ERROR, WARN } from "../normalise/levels.js";
import { t } from "../i18n/translate.js";
import { askFor } from "../views/prompt.js";
import { toast } from "../views/toast.js";

const IDS = ["request_id", "requestId", "req_id", "reqId", "correlation_id", "correlationId", "x-request-id"];

export function moving(page) {
  const { desk, style } = page;
  const { ring } = desk;

  // The next place from the selected line on, or from the edge of what is in sight, whose seq passes.
  function jump(step, passes) {
    const { grid } = page;
    const { view } = grid;
    const at = grid.selected ?? (step > 0 ? grid.topSeq : null);
    let place = at === null ? view.end : view.placeOf(at);
    if (grid.selected === null && step > 0) place -= 1;
    for (place += step; place >= view.first && place < view.end; place += step) {
      const seq = view.at(place);
      if (ring.isNote(seq) || !passes(seq)) continue;
      grid.goTo(seq);
      return true;
    }
    toast(t("jump.none"));
    return false;
  }

  const byLevel = (step, from, to) => jump(step, (seq) => ring.level(seq) >= from && ring.level(seq) <= to);

  function trace(step) {
    const id = page.grid.selected === null ? null : traceOf(style.recordOf(ring, page.grid.selected));
    if (id === null) return toast(t("jump.noTrace"));
    return jump(step, (seq) => ring.text(seq).includes(id) && traceOf(style.recordOf(ring, seq)) === id);
  }

  function pin(seq = page.grid.selected) {
    if (seq === null || ring.isNote(seq)) return;
    if (!style.pins.delete(seq)) style.pins.add(seq);
    page.grid.rewrite();
  }

  function nextPin() {
    for (const seq of style.pins) if (!ring.has(seq)) style.pins.delete(seq);
    const pins = [...style.pins].filter((seq) => page.grid.has(ring.channel(seq))).sort((one, other) => one - other);
    if (pins.length === 0) return toast(t("jump.noPins"));
    page.grid.goTo(pins.find((seq) => page.grid.selected === null || seq > page.grid.selected) ?? pins[0]);
  }

  /** Go to the first line shown at or after a moment; older lines are loaded as far as needed. */
  async function goTo(moment) {
    // Of all lines shown: a pane whose channel has none of that time would ask for the whole log.
    const { view: all } = desk;
    const oldest = () => (all.first < all.end ? ring.moment(all.at(all.first)) : Infinity);
    await desk.older.until(() => oldest() <= moment);
    const { view } = page.grid;
    for (let place = view.first; place < view.end; place += 1) {
      const seq = view.at(place);
      if (ring.isNote(seq) || ring.moment(seq) < moment) continue;
      return page.grid.goTo(seq);
    }
    page.grid.follow();
  }

  function goToTime() {
    askFor({
      title: t("act.goToTime"),
      fields: [{ name: "time", label: t("goTo.time"), placeholder: "03:50 · -15m · yesterday 17:30 · 2026-11-21T03:50" }],
      hint: t("goTo.hint"),
      go: t("goTo.go"),
      act({ time }) {
        const moment = parseMoment(time, { zone: page.settings.get("zone") });
        if (moment === null) return t("goTo.fault", { time });
        goTo(moment);
        return null;
      },
    });
  }

  return {
    goTo,
    pin,
    act: {
      follow: () => page.grid.follow(),
      oldest: () => page.grid.toOldest(),
      next: () => page.grid.move(1),
      previous: () => page.grid.move(-1),
      pageUp: () => page.grid.page(-1),
      pageDown: () => page.grid.page(1),
      halfUp: () => page.grid.page(-0.5),
      halfDown: () => page.grid.page(0.5),
      extendDown: () => page.grid.stretch(1),
      extendUp: () => page.grid.stretch(-1),
      pause: () => (page.grid.following ? page.grid.pause() : page.grid.follow()),
      nextError: () => byLevel(1, ERROR, Infinity),
      previousError: () => byLevel(-1, ERROR, Infinity),
      nextWarning: () => byLevel(1, WARN, WARN),
      previousWarning: () => byLevel(-1, WARN, WARN),
      nextTrace: () => trace(1),
      previousTrace: () => trace(-1),
      pin: () => pin(),
      nextPin,
      goToTime,
    },
  };
}

/** The id that a line shares with others of the same request, or null. */
export function traceOf({ trace, fields }) {
  const found = [trace, ...IDS.map((name) => fields[name]), fields.req?.id].find((id) => id && typeof id !== "object");
  return found === undefined ? null : String(found);
}
