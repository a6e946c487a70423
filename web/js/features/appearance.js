// How the page looks: what the settings say, put where it shows.

import { t } from "../i18n/translate.js";
import { TIME_FORMS } from "../format/time-forms.js";
import { toast } from "../views/toast.js";
import { zoneWords } from "../format/zones.js";

const PARTS = { wrap: "[data-testid=wrap]", zone: ".zone-open", viewport: ".viewport" };
const ROWS = ["wrap", "density", "size", "time", "zone", "publisherZone", "tokens", "rules"];
const AGAIN_MS = 1_000;

export function looking(page) {
  const { settings } = page;
  const root = document.documentElement;

  function show() {
    for (const name of ["theme", "density", "rail"]) root.dataset[name] = String(settings.get(name));
    root.style.setProperty("--size", `${settings.get("size")}px`);
    root.style.setProperty("--drawer", `${settings.get("drawer")}px`);
    root.dataset.time = settings.get("time");
    $(PARTS.viewport).attr("data-wrap", String(settings.get("wrap")));
    $(PARTS.wrap).attr("aria-pressed", String(settings.get("wrap")));
    $(PARTS.zone).text(zoneWords(settings.get("zone"), Date.now()).replace("local", t("zone.local")));
    $(window).trigger("themechange");
  }

  function showRows() {
    show();
    for (const grid of page.grids) grid.resized();
    page.rewrite();
  }

  function nextTime() {
    const next = TIME_FORMS[(TIME_FORMS.indexOf(settings.get("time")) + 1) % TIME_FORMS.length];
    settings.set("time", next);
    toast(`${t("set.time")}: ${t(`time.${next}`)}`);
  }

  settings.on("repeats", (wanted) => page.desk.foldRepeats(wanted));
  if (settings.get("repeats")) page.desk.foldRepeats(true);
  const readIn = (zone) => page.desk.readIn(zone === "auto" ? null : zone);
  settings.on("publisherZone", readIn);
  readIn(settings.get("publisherZone"));
  settings.on(["theme", "rail", "drawer"], show);
  settings.on(ROWS, () => (showRows(), page.showAddress()));
  $(PARTS.wrap).on("click", () => settings.set("wrap", !settings.get("wrap")));
  // "3 s ago" is true for a second.
  setInterval(() => {
    if (settings.get("time") === "relative" && !document.hidden) page.rewrite();
  }, AGAIN_MS);

  return {
    show: showRows,
    act: {
      wrap: () => settings.set("wrap", !settings.get("wrap")),
      timeForm: nextTime,
      repeats: () => settings.set("repeats", !settings.get("repeats")),
      rail: () => page.rail.toggle(),
    },
  };
}
