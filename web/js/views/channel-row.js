// One row of the channel list: a channel or pattern, a group, a section, what is left of one, or what was typed. Plain DOM, text only.

import { formatAge, formatRate, visible } from "../format/text.js";
import { headAndTail } from "../format/channel-names.js";
import { formatNumber, t } from "../i18n/translate.js";
import { totalsOf } from "../store/channel-rows.js";

const ACTIVE_MS = 10_000;
const QUIET_BELOW = 0.05;
const SPARK_POINTS = 40;
const FEWEST_POINTS = 5;
const SVG = "http://www.w3.org/2000/svg";

/** The last rates of a channel, as many as its line shows. */
export const withRate = (rates, rate) => [...rates.slice(1 - SPARK_POINTS), rate];

/** The view of a row. `state` has what all rows need: `channels` (the hub's entries by name), `open`, `marks`, `rates(name)`, `covered(pattern)` and `now`. */
export function makeRow({ kind }, state) {
  const element = make("div", "channel");
  element.setAttribute("role", "treeitem");
  element.dataset.kind = kind;
  const mark = element.appendChild(make("i", kind === "channel" ? "channel-dot" : "channel-twist"));
  mark.setAttribute("aria-hidden", "true");
  const [name, head, tail] = nameParts();
  const why = make("i", "channel-why");
  const errors = make("b", "channel-errors");
  errors.dataset.testid = "channel-errors";
  const figure = make("span", "channel-figure");
  const figures = make("span", "channel-figures");
  figures.append(why, errors, figure);
  element.append(name, figures);
  const spark = kind === "channel" ? element.appendChild(makeSpark()) : null;
  const add = kind === "channel" || kind === "group" ? element.appendChild(make("button", "channel-add")) : null;
  if (add) add.tabIndex = -1;
  const parts = { element, mark, head, tail, why, errors, figure, spark, add };
  return {
    element,
    fill(row) {
      element.style.setProperty("--indent", String(Math.max(0, row.level - 2)));
      FILL[kind](parts, row, state);
    },
  };
}

const FILL = {
  channel(parts, { name, label, from, why }, state) {
    const known = state.channels.get(name);
    const open = state.open.includes(name);
    const totals = totalsOf(known ? [name] : state.covered(name), state.channels);
    const last = known?.last_line ? Date.parse(known.last_line) : null;
    const { dataset } = parts.element;
    const { hue, shape } = state.marks.of(name);
    Object.assign(dataset, { testid: `${from}-${name}`, open: String(open), hue: String(hue), shape: String(shape), active: String(last !== null && state.now - last < ACTIVE_MS) });
    // A name that has a row in a section above as well is found there.
    if (from !== "all" || !state.above.has(name)) dataset.testid = `channel-${name}`;
    const busy = totals.rate >= QUIET_BELOW;
    const figure = busy ? `${formatRate(totals.rate)}/s` : last === null ? "" : formatAge(state.now - last);
    const reason = why === "silent" || why === "new" ? t(`channels.${why}`) : "";
    fillName(parts, from === "open" ? state.marks.of(name).text : label, name);
    fillFigures(parts, totals.errors, figure, reason);
    if (open) parts.element.setAttribute("aria-current", "true");
    else parts.element.removeAttribute("aria-current");
    fillButton(parts.add, open, name, open && state.open.length === 1);
    drawSpark(parts.spark, state.rates(name));
  },

  group(parts, { name, label, names, unfolded }, state) {
    const { count, rate, errors } = totalsOf(names, state.channels);
    const open = state.open.includes(name);
    Object.assign(parts.element.dataset, { testid: `group-${name}`, open: String(open) });
    fillName(parts, label, name);
    const rated = rate >= QUIET_BELOW ? `${formatRate(rate)}/s` : "";
    fillFigures(parts, errors, [formatNumber(count), rated].filter(Boolean).join(" · "), "");
    parts.mark.textContent = unfolded ? "▾" : "▸";
    fillButton(parts.add, open, name, open && state.open.length === 1);
  },

  section(parts, { name, count, unfolded }) {
    parts.element.dataset.testid = `section-${name}`;
    write(parts.head, t(`channels.section.${name}`));
    write(parts.figure, formatNumber(count));
    parts.mark.textContent = unfolded ? "▾" : "▸";
  },

  more(parts, { count, unfolded }) {
    write(parts.head, unfolded ? t("channels.fewer") : t("channels.more", { n: count }));
  },

  typed(parts, { name }) {
    parts.element.dataset.testid = "typed";
    write(parts.head, t("channels.openTyped", { name: visible(name) }));
  },
};

const errorText = (errors) => (errors > 0 ? t("channels.errors", { n: errors }) : "");

function fillName({ element, head, tail }, label, name) {
  const [start, end] = headAndTail(label);
  write(head, start);
  write(tail, end);
  element.title = name;
}

function fillFigures({ why, errors, figure }, count, text, reason) {
  write(errors, count > 0 ? formatNumber(count) : "");
  errors.title = errorText(count);
  errors.hidden = count === 0;
  write(figure, text);
  write(why, reason);
}

function fillButton(button, open, name, alone) {
  write(button, open ? "−" : "+");
  button.disabled = alone;
  button.setAttribute("aria-label", t(open ? "channels.close" : "channels.add", { name }));
  button.title = t(open ? "channels.closeIt" : "channels.addIt");
}

function make(tag, className) {
  const element = document.createElement(tag);
  element.className = className;
  return element;
}

// The name as two parts: where there is no room, the first is cut, and the end stays.
function nameParts() {
  const name = make("span", "channel-name cut-name");
  const [head, tail] = [make("span", ""), make("span", "")];
  name.append(head, tail);
  return [name, head, tail];
}

// An unchanged text stays the node that it is.
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function makeSpark() {
  const spark = document.createElementNS(SVG, "svg");
  spark.setAttribute("class", "channel-spark");
  spark.setAttribute("viewBox", `0 0 ${SPARK_POINTS - 1} 10`);
  spark.setAttribute("preserveAspectRatio", "none");
  spark.setAttribute("aria-hidden", "true");
  spark.append(document.createElementNS(SVG, "polyline"));
  return spark;
}

function drawSpark(spark, rates) {
  const highest = Math.max(1, ...rates);
  // A hidden line keeps its space, so that nothing jumps.
  spark.setAttribute("data-drawn", String(rates.length >= FEWEST_POINTS && rates.some((value) => value > 0)));
  const start = SPARK_POINTS - rates.length;
  const points = rates.map((value, at) => `${start + at},${(9.5 - (value / highest) * 9).toFixed(1)}`).join(" ");
  if (spark.firstChild.getAttribute("points") !== points) spark.firstChild.setAttribute("points", points);
}
