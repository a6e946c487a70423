// Where the parts of the page are and how large: borders that can be dragged, the place of the details, headings of columns, and where
// the keyboard goes in them. All of it is remembered by the browser.

import { CHOICES, RANGES } from "../app/settings.js";
import { t } from "../i18n/translate.js";
import { ColumnHeads } from "../views/column-heads.js";
import { rove } from "../views/roving.js";
import { makeSeparator } from "../views/separator.js";

const PARTS = { skip: ".skip", rail: ".rail", list: ".rail-list", facets: ".facets", fields: ".facets-list", details: ".details", places: ".details-places button" };
// The settings, and the properties that the style sheets read.
const SIZES = { railWidth: "--rail-width", channelsHeight: "--channels-height", drawer: "--drawer", drawerHeight: "--drawer-height", channelWidth: "--channel-set", loggerWidth: "--logger-set" };
const WIDE = "(min-width: 1600px)";
// The lines keep this part of the window, and the fields this much of the list.
const MOST_OF_WINDOW = 0.7;
const LEAST_FIELDS = 120;

export function addLayout(page) {
  const { settings, style } = page;
  const root = document.documentElement;
  const wide = window.matchMedia(WIDE);
  const boxOf = (part) => document.querySelector(part).getBoundingClientRect();
  const upTo = (name, most) => [RANGES[name][0], Math.max(RANGES[name][0], Math.min(RANGES[name][1], most))];
  const heads = new ColumnHeads({
    resize: (column, px) => settings.set(`${column}Width`, px),
    range: (column) => RANGES[`${column}Width`],
    drop: (name) => page.setColumns(style.columns.filter((other) => other !== name)),
  });

  function addSeparator(part, side, setting, size, range) {
    document.querySelector(part).append(makeSeparator(side, { label: t(`layout.${setting}`), size, range, set: (px) => settings.set(setting, px) }));
  }

  function showSizes() {
    for (const [name, property] of Object.entries(SIZES)) {
      const px = settings.get(name);
      if (px > 0) root.style.setProperty(property, `${px}px`);
      else root.style.removeProperty(property);
    }
  }

  const place = () => (settings.get("details") === "auto" ? (wide.matches ? "right" : "below") : settings.get("details"));

  function showPlace() {
    root.dataset.details = place();
    for (const button of document.querySelectorAll(PARTS.places)) button.setAttribute("aria-pressed", String(button.dataset.place === place()));
  }

  function nextPlace() {
    const places = CHOICES.details.slice(1);
    settings.set("details", places[(places.indexOf(place()) + 1) % places.length]);
  }

  addSeparator(PARTS.rail, "right", "railWidth", () => boxOf(PARTS.rail).width, () => RANGES.railWidth);
  addSeparator(PARTS.facets, "down", "channelsHeight", () => boxOf(PARTS.list).height, () => upTo("channelsHeight", boxOf(PARTS.facets).bottom - boxOf(PARTS.list).top - LEAST_FIELDS));
  addSeparator(PARTS.details, "left", "drawer", () => boxOf(PARTS.details).width, () => upTo("drawer", window.innerWidth * MOST_OF_WINDOW));
  addSeparator(PARTS.details, "up", "drawerHeight", () => boxOf(PARTS.details).height, () => upTo("drawerHeight", window.innerHeight * MOST_OF_WINDOW));
  rove(document.querySelector(PARTS.fields));
  $(PARTS.places).on("click", ({ currentTarget }) => settings.set("details", currentTarget.dataset.place));
  $(PARTS.skip).on("click", () => page.grid.view.focus());
  wide.addEventListener("change", showPlace);
  settings.on(Object.keys(SIZES), showSizes);
  settings.on("details", showPlace);
  page.on("columns", () => heads.showFields(style.columns));
  heads.showFields(style.columns);
  showSizes();
  showPlace();

  return { commands: { detailsPlace: nextPlace } };
}
