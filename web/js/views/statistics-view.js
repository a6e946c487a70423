// The dialog of the statistics: what is counted, how far, the picture, and the values as a table. Log text is text here, too.

import { LEAST_LEVELS, STATS_RANGES } from "../app/url-state.js";
import { noteText, rangeText } from "../format/messages.js";
import { visible } from "../format/text.js";
import { formatClock } from "../format/format-time.js";
import { formatQuantity } from "../format/units.js";
import { formatNumber, t } from "../i18n/translate.js";
import { timeOfId } from "../protocol/ids.js";
import { PERCENTILES } from "../store/statistics.js";
import { button } from "./button.js";
import { openDialog } from "./dialog.js";
import { StatisticsPicture } from "./statistics-picture.js";

const PARTS = { dialog: ".statistics" };
const TOP = 7;
const MAX_GAPS = 3;
const HUES = ["0", "1", "2", "3", "4", "5", "6"];
const LINE_HUES = { p50: "1", p90: "2", p99: "5" };

export class StatisticsView {
  #dialog = $(PARTS.dialog)[0];
  #on;
  #zoneOf;
  #picture;
  #hues = new Map();
  #parts = null;

  /**
   * `on` has `change({range, least, by, field})` with some of these, `value(name, value, not)`, `jump(time)`, `stop()`, `goOn()` and
   * `closed()`. `zoneOf()` is the zone of its times.
   */
  constructor(zoneOf, on) {
    this.#on = on;
    this.#zoneOf = zoneOf;
    this.#picture = new StatisticsPicture(zoneOf, { jump: on.jump });
    this.#dialog.addEventListener("close", () => on.closed());
  }

  get open() {
    return this.#dialog.open;
  }

  close() {
    this.#dialog.close();
  }

  /** Open the dialog for these channels. */
  show(channels) {
    const $words = $("<span>", { role: "status", "data-testid": "stats-words" });
    const $act = button("button", { "data-testid": "stats-act" }).prop("hidden", true);
    const $gaps = $("<ul>", { class: "stats-gaps", "data-testid": "stats-gaps" });
    const $values = $("<div>", { class: "stats-values", "data-testid": "stats-values" });
    const $steps = $("<div>", { class: "visually-hidden" });
    const $names = $("<datalist>", { id: "stats-fields" });
    const $fields = $("<div>", { class: "stats-controls" });
    this.#parts = { $words, $act, $gaps, $values, $steps, $names, $fields };
    const ranges = [...STATS_RANGES, "shown"].map((range) => [range, t(`stats.range.${range}`)]);
    const controls = [
      this.#segments("range", ranges, (range) => ({ range })),
      this.#segments("least", LEAST_LEVELS.map((level) => [level ?? "all", t(`stats.least.${level ?? "all"}`)]), (level) => ({ least: level === "all" ? null : level })),
      $fields,
      this.#anyField($names),
    ];
    this.#picture.clear();
    openDialog(
      this.#dialog, `${t("stats.title")} · ${channels.join(", ")}`,
      $("<div>", { class: "stats-controls" }).append(controls), $("<p>", { class: "stats-line" }).append($words, $act), $gaps, this.#picture.element, $values, $steps,
    );
  }

  /** Offer these fields: `by` are names to count by, `of` those of numbers, `all` every known name. */
  showFields({ by, of, all }) {
    const { $fields, $names } = this.#parts;
    $names.empty().append(all.map((value) => $("<option>", { value })));
    $fields.empty().append(
      this.#segments("by", by.map((name) => [name, nameText(name)]), (name) => ({ by: name, field: null })),
      of.length > 0 ? this.#segments("of", of.map((name) => [name, visible(name)]), (name) => ({ by: null, field: name })) : [],
    );
  }

  /** Show what is asked for. */
  showQuestion({ range, least, by, field }) {
    const chosen = { range: Array.isArray(range) ? "shown" : range, least: least ?? "all", by, of: field };
    for (const choice of this.#dialog.querySelectorAll("[data-choice]")) {
      choice.setAttribute("aria-pressed", String(chosen[choice.dataset.choice] === choice.dataset.value));
    }
  }

  /** Show the counts so far, a Statistics; `state` is that of its StatsRequest. */
  showCounts(counts, state) {
    const { $words, $act } = this.#parts;
    const going = state.name === "counting";
    $words.text(this.#wordsOf(counts, state));
    $act.prop("hidden", state.name === "done").text(t(going ? "stats.stop" : "stats.goOn")).off("click").on("click", () => (going ? this.#on.stop() : this.#on.goOn()));
    if (!counts.last) {
      this.#picture.clear();
      for (const name of ["$gaps", "$values", "$steps"]) this.#parts[name].empty();
      return;
    }
    this.#showGaps(counts.gaps);
    // The table is made anew with each answer; a reader who is in it stays there.
    const buttons = () => [...this.#parts.$values[0].querySelectorAll("button")];
    const focused = buttons().indexOf(document.activeElement);
    const { values, series } = counts.last.field === null ? this.#tabulateValues(counts) : this.#tabulateNumbers(counts);
    if (focused >= 0) buttons()[focused]?.focus();
    const bars = counts.bars(values);
    this.#picture.show({ counts, bars, series, countedFrom: countedFrom(counts) });
    // A table of every step, for readers who do not see the picture; it is made when there is no more to come.
    if (!going) this.#tabulateSteps(counts, bars, series);
  }

  #wordsOf(counts, state) {
    if (!counts.last) return state.name === "failed" ? t("stats.failed", { detail: state.detail }) : t("stats.begin");
    const from = countedFrom(counts);
    const values = { n: counts.count, read: counts.lookedAt, time: formatClock(from, this.#zoneOf()).slice(0, 8), range: rangeText([from, counts.until], this.#zoneOf()) };
    const words = t(state.name === "counting" ? "stats.counting" : "stats.counted", values);
    return state.name === "failed" ? `${words} · ${t("stats.failed", { detail: state.detail })}` : words;
  }

  #showGaps(gaps) {
    const notes = gaps.slice(-MAX_GAPS).map(({ channel, after, before, lost, reason }) => noteText({ kind: "gap", channel, lost, reason, from: timeOfId(after), to: timeOfId(before) }, this.#zoneOf()));
    const more = gaps.length - notes.length;
    if (more > 0) notes.unshift(t("stats.moreGaps", { n: more }));
    this.#parts.$gaps.empty().append(notes.map((text) => $("<li>").text(text)));
  }

  // Values that are counted get colours, which they keep while others come and go.
  #hueOf(value, top) {
    for (const known of this.#hues.keys()) if (!top.has(known)) this.#hues.delete(known);
    if (!this.#hues.has(value)) this.#hues.set(value, HUES.find((hue) => ![...this.#hues.values()].includes(hue)));
    return this.#hues.get(value);
  }

  #tabulateValues(counts) {
    const { by } = counts.last;
    const top = counts.top(by === "level" ? Infinity : TOP);
    const names = new Set(top.map(({ value }) => value));
    const rows = top.map(({ value, count }, index) => {
      const $swatch = $("<i>", { class: "stats-swatch", ...(by === "level" ? { "data-level": value } : { "data-hue": this.#hueOf(value, names) }) });
      return { label: valueText(by, value), count, $swatch, value, amount: ({ parts }) => parts[index] };
    });
    const listed = top.reduce((sum, { count }) => sum + count, 0);
    const valued = counts.top(Infinity).reduce((sum, { count }) => sum + count, counts.others);
    const rest = [];
    if (valued > listed) rest.push({ label: t("stats.others", { n: counts.distinct - top.length }), count: valued - listed, $swatch: $("<i>", { class: "stats-swatch stats-others" }), amount: ({ others }) => others });
    if (counts.without > 0) rest.push({ label: t("stats.without", { name: visible(by) }), count: counts.without, $swatch: $("<i>", { class: "stats-swatch stats-without" }), value: null, amount: ({ without }) => without });
    const all = [...rows, ...rest];
    const $rows = all.map((row) => $("<tr>").append(
      $("<th>", { scope: "row" }).append(this.#valueButton(by, row)),
      $("<td>").text(formatNumber(row.count)), $("<td>").text(percentText(row.count, counts.count)), $("<td>").append(this.#outButton(by, row)),
    ));
    const head = [t("stats.value"), t("stats.lines"), t("stats.share"), ""].map((text) => (text ? $("<th>", { scope: "col" }).text(text) : $("<td>")));
    const $note = counts.partial ? $("<p>", { class: "hint" }).text(t("stats.partial")) : [];
    this.#parts.$values.empty().append(all.length > 0 ? tableOf(t("stats.values"), head, $rows) : [], $note);
    return { values: [...names], series: all.map(({ label, $swatch, amount }) => ({ label, amount, colourOf: () => getComputedStyle($swatch[0]).backgroundColor })) };
  }

  #valueButton(by, { label, $swatch, value }) {
    if (value === undefined) return $("<span>", { class: "stats-value" }).append($swatch, $("<span>").text(label));
    const title = t("facets.value", { value: label });
    return button("stats-value", { title, "data-testid": "stats-value" }).append($swatch, $("<span>").text(label)).on("click", (event) => this.#on.value(by, value, event.altKey));
  }

  #outButton(by, { label, value }) {
    if (value === undefined) return [];
    return button("stats-out", { "aria-label": t("stats.exclude", { value: label }), title: t("stats.exclude", { value: label }) }).text("−").on("click", () => this.#on.value(by, value, true));
  }

  #tabulateNumbers(counts) {
    const { whole, last: { kind } } = counts;
    const swatches = Object.fromEntries(PERCENTILES.map((name) => [name, $("<i>", { class: "stats-swatch", "data-hue": LINE_HUES[name] })]));
    const $rows = whole ? ["min", ...PERCENTILES, "max"].map((name) => $("<tr>").append(
      $("<th>", { scope: "row" }).append($("<span>", { class: "stats-value" }).append(swatches[name] ?? $("<i>", { class: "stats-swatch" }), $("<span>").text(name))),
      $("<td>").text(formatQuantity(kind, whole[name])),
    )) : [];
    const head = [t("stats.measured"), visible(counts.last.field)].map((text) => $("<th>", { scope: "col" }).text(text));
    const words = whole ? t("stats.numbers", { n: whole.numbers }) : t("stats.noNumbers", { name: visible(counts.last.field) });
    this.#parts.$values.empty().append(whole ? tableOf(t("stats.percentiles"), head, $rows) : [], $("<p>", { class: "hint" }).text(words));
    return { values: [], series: PERCENTILES.map((name) => ({ label: name, colourOf: () => getComputedStyle(swatches[name][0]).backgroundColor })) };
  }

  #tabulateSteps(counts, bars, series) {
    const { field, kind } = counts.last;
    const points = new Map(counts.points().map((point) => [point.at, point]));
    const cells = (bar) => field === null
      ? [bar.count, ...series.map(({ amount }) => amount(bar))].map(formatNumber)
      : [formatNumber(bar.count), ...PERCENTILES.map((name) => (points.has(bar.at) ? formatQuantity(kind, points.get(bar.at)[name]) : "–"))];
    const $rows = bars.map((bar) => $("<tr>").append($("<th>", { scope: "row" }).text(rangeText([bar.at, bar.at + counts.stepMs], this.#zoneOf())), cells(bar).map((text) => $("<td>").text(text))));
    const head = [t("fact.time"), t("stats.lines"), ...series.map(({ label }) => label)].map((text) => $("<th>", { scope: "col" }).text(text));
    this.#parts.$steps.empty().append(tableOf(t("hist.label"), head, $rows));
  }

  #segments(name, choices, changeOf) {
    const buttons = choices.map(([value, label]) => button("button", { type: "button", "data-choice": name, "data-value": value, "data-testid": `stats-${name}-${value}`, "aria-pressed": "false" }).text(label).on("click", () => this.#on.change(changeOf(value))));
    return $("<div>", { class: "stats-choice" }).append($("<span>", { "aria-hidden": "true" }).text(t(`stats.${name}`)), $("<div>", { class: "segments", role: "group", "aria-label": t(`stats.${name}`) }).append(buttons));
  }

  #anyField($names) {
    const $input = $("<input>", { class: "field", list: "stats-fields", "data-testid": "stats-field", placeholder: t("stats.anyField"), "aria-label": t("stats.anyField"), maxlength: 128, spellcheck: "false", autocapitalize: "none", autocomplete: "off" });
    const name = () => $input.val().trim();
    const $count = button("button", { "data-testid": "stats-count" }).text(t("stats.count"));
    const $measure = button("button", { type: "button", "data-testid": "stats-measure" }).text(t("stats.measure")).on("click", () => name() && this.#on.change({ field: name(), by: null }));
    const $form = $("<form>", { class: "stats-choice" }).append($input, $names, $count, $measure);
    return $form.on("submit", (event) => {
      event.preventDefault();
      if (name()) this.#on.change({ by: name(), field: null });
    });
  }
}

/** Since when all lines are counted, in ms: an answer that is not the last one says how far it came. */
const countedFrom = ({ last, since }) => (last.more ? Math.max(since, timeOfId(last.reached) ?? since) : since);

const nameText = (name) => (name === "level" || name === "channel" ? t(`stats.by.${name}`) : visible(name));

const valueText = (by, value) => (by === "level" && value === "none" ? t("levels.none") : value === "" ? t("row.empty") : visible(value));

const percentText = (part, whole) => (whole > 0 ? `${((100 * part) / whole).toFixed(1)} %` : "");

const tableOf = (caption, head, $rows) => $("<table>").append($("<caption>", { class: "visually-hidden" }).text(caption), $("<thead>").append($("<tr>").append(head)), $("<tbody>").append($rows));
