// How the page looks: applies the settings to the page.

import { zoneText } from "../format/zones.js";
import { TIME_FORMS } from "../format/time-forms.js";
import { t } from "../i18n/translate.js";
import { ORDERS } from "../store/line-times.js";
import { toast } from "../views/toast.js";

const PARTS = { wrap: "[data-testid=wrap]", zone: ".zone-open", viewport: ".viewport" };
const OF_ROWS = ["wrap", "density", "size", "time", "order", "zone", "publisherZone", "tokens", "rules"];
const REFRESH_MS = 1_000;

export function addAppearance(page) {
  const { settings, workspace } = page;
  const root = document.documentElement;

  function show() {
    for (const name of ["theme", "density", "rail"]) root.dataset[name] = String(settings.get(name));
    root.style.setProperty("--size", `${settings.get("size")}px`);
    root.dataset.time = settings.get("time");
    $(PARTS.viewport).attr("data-wrap", String(settings.get("wrap")));
    $(PARTS.wrap).attr("aria-pressed", String(settings.get("wrap")));
    $(PARTS.zone).text(zoneText(settings.get("zone"), Date.now()).replace("local", t("zone.local")));
    $(window).trigger("themechange");
  }

  function showRows() {
    show();
    for (const grid of page.grids) grid.view.resize();
    page.rewrite();
  }

  function nextTimeForm() {
    const next = TIME_FORMS[(TIME_FORMS.indexOf(settings.get("time")) + 1) % TIME_FORMS.length];
    settings.set("time", next);
    toast(`${t("set.time")}: ${t(`time.${next}`)}`);
  }

  function orderBy(order) {
    settings.set("order", order);
    toast(`${t("set.order")}: ${t(`order.${order}`)}`);
  }

  const readTimesIn = (zone) => workspace.readTimesIn(zone === "auto" ? null : zone);
  const toggleWrap = () => settings.set("wrap", !settings.get("wrap"));

  settings.on("repeats", (folded) => workspace.foldRepeats(folded));
  if (settings.get("repeats")) workspace.foldRepeats(true);
  settings.on("publisherZone", readTimesIn);
  workspace.onReread = () => page.rewrite();
  readTimesIn(settings.get("publisherZone"));
  settings.on("order", (order) => workspace.orderBy(order));
  workspace.orderBy(settings.get("order"));
  settings.on(["theme", "rail"], show);
  settings.on(OF_ROWS, showRows);
  $(PARTS.wrap).on("click", toggleWrap);
  // "3 s ago" is right for a second only.
  setInterval(() => {
    if (settings.get("time") === "relative" && !document.hidden && page.marked === null) page.rewrite();
  }, REFRESH_MS);
  showRows();

  return {
    orderBy,
    commands: { wrap: toggleWrap, timeForm: nextTimeForm, order: () => orderBy(ORDERS[(ORDERS.indexOf(settings.get("order")) + 1) % ORDERS.length]), foldRepeats: () => settings.set("repeats", !settings.get("repeats")) },
  };
}
