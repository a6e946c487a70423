// The channel list at the left: the channels the hub knows and how busy each is, and a field for any other name or pattern.

import { MARKERS, hueOf, nameFault } from "../protocol/channels.js";
import { formatAge, formatRate } from "../format/text.js";
import { formatNumber, t } from "../i18n/translate.js";
import { button } from "./button.js";

const PARTS = {
  app: ".app", rail: ".rail", form: ".rail-form", input: ".rail-form .field", fault: ".rail-fault", list: ".rail-list",
  empty: ".rail-empty", menu: ".menu", scrim: ".scrim",
};
const POLL_MS = 2_000;
const HIDDEN_MS = 30_000;
const ACTIVE_MS = 10_000;
const QUIET_BELOW = 0.05;
const SPARK_POINTS = 40;
const FEWEST_POINTS = 5;
const SVG = "http://www.w3.org/2000/svg";

export class ChannelList {
  #on;
  #items = new Map();
  #known = [];
  #open = [];
  #polledAt = 0;
  #narrow = window.matchMedia("(max-width: 899px)");

  /**
   * `on` has `toggle()`, called where the list is no sheet, `only(name)`, `add(name)`, `remove(name)` and
   * `polled({ready, recording, channels})`, called with each answer of the hub.
   */
  constructor(on) {
    this.#on = on;
    $(PARTS.form).on("submit", (event) => this.#submit(event));
    $(PARTS.input).on("input", () => this.#onInput());
    $(PARTS.menu).on("click", () => this.toggle());
    $(PARTS.scrim).on("click", () => this.#showSheet(false));
    // A jQuery handler that returns false cancels the event, hence no && here.
    $(PARTS.rail).on("keydown", (event) => {
      if (event.key === "Escape") this.#showSheet(false);
    });
    $(document).on("visibilitychange", () => document.hidden || this.#poll());
    // A hidden tab polls too, because its title counts alarms.
    setInterval(() => (document.hidden && performance.now() - this.#polledAt < HIDDEN_MS) || this.#poll(), POLL_MS);
    this.#poll();
  }

  showOpen(channels) {
    this.#open = channels;
    this.#draw();
  }

  /** The names of all channels the hub knows. */
  get names() {
    return this.#known.map(({ name }) => name);
  }

  /** Show the list and focus its field. */
  open() {
    this.#showSheet(true);
    $(PARTS.input).trigger("focus");
  }

  /** Show or hide the list; it is a sheet over the page where the window is narrow. */
  toggle() {
    if (this.#narrow.matches) this.#showSheet($(PARTS.rail).attr("data-shown") !== "true");
    else this.#on.toggle();
  }

  /** Show what is wrong with a name, as if it had been typed. */
  showFaultOf(name) {
    this.#showFault(nameFault(name));
    this.#draw();
  }

  async #poll() {
    this.#polledAt = performance.now();
    try {
      const answer = await fetch("channels");
      if (!answer.ok) return;
      const { channels, ready, recording } = await answer.json();
      this.#known = channels.filter(({ name }) => name !== MARKERS);
      for (const channel of this.#known) this.#itemOf(channel.name).rates.push(channel.lines_per_second);
      this.#draw();
      this.#on.polled({ ready: ready !== false, recording: recording !== false, channels: this.#known });
    } catch {
      // The hub cannot be reached; the status bar says so already.
    }
  }

  #submit(event) {
    event.preventDefault();
    const name = $(PARTS.input).val().trim();
    if (!name) return;
    const fault = nameFault(name);
    this.#showFault(fault);
    if (fault) return this.#draw();
    $(PARTS.input).val("");
    this.#runAndClose(() => this.#on.only(name));
  }

  #onInput() {
    this.#showFault(null);
    this.#draw();
  }

  #showFault(fault) {
    $(PARTS.fault).text(fault ?? "").prop("hidden", !fault);
    $(PARTS.input).attr("aria-invalid", fault ? "true" : null);
  }

  #runAndClose(run) {
    run();
    this.#showSheet(false);
  }

  #showSheet(shown) {
    if (!this.#narrow.matches) shown = false;
    $(PARTS.rail).attr("data-shown", String(shown));
    $(PARTS.scrim).prop("hidden", !shown);
    $(PARTS.menu).attr("aria-expanded", String(shown));
    if (shown) $(PARTS.input).trigger("focus");
  }

  #draw() {
    const typed = $(PARTS.input).val().trim().toLowerCase();
    const names = new Set([...this.#known.map(({ name }) => name), ...this.#open]);
    const listed = [...names].filter((name) => !typed || name.toLowerCase().includes(typed.replaceAll("*", ""))).sort();
    const byName = new Map(this.#known.map((channel) => [channel.name, channel]));
    const now = Date.now();
    const elements = listed.map((name) => {
      const item = this.#itemOf(name);
      this.#fill(item, name, byName.get(name), now);
      return item.$item[0];
    });
    const list = $(PARTS.list)[0];
    if (elements.length !== list.children.length || elements.some((element, at) => element !== list.children[at])) {
      list.replaceChildren(...elements);
    }
    const empty = t(typed ? "channels.noSuch" : "channels.none");
    $(PARTS.empty).text(empty).prop("hidden", listed.length > 0 || !$(PARTS.fault).prop("hidden"));
    for (const name of this.#items.keys()) if (!names.has(name)) this.#items.delete(name);
  }

  #itemOf(name) {
    if (!this.#items.has(name)) this.#items.set(name, this.#make(name));
    const item = this.#items.get(name);
    if (item.rates.length > SPARK_POINTS) item.rates.splice(0, item.rates.length - SPARK_POINTS);
    return item;
  }

  #make(name) {
    const spark = document.createElementNS(SVG, "svg");
    spark.setAttribute("class", "channel-spark");
    spark.setAttribute("viewBox", `0 0 ${SPARK_POINTS - 1} 10`);
    spark.setAttribute("preserveAspectRatio", "none");
    spark.setAttribute("aria-hidden", "true");
    spark.append(document.createElementNS(SVG, "polyline"));
    const $figure = $("<span>", { class: "channel-figure" });
    const $errors = $("<b>", { class: "channel-errors", "data-testid": "channel-errors" }).prop("hidden", true);
    const $open = button("channel-open", { "data-testid": `channel-${name}` });
    $open.append($("<i>", { class: "channel-dot", "aria-hidden": "true" }), $("<span>", { class: "channel-name" }).text(name));
    $open.append($("<span>", { class: "channel-figures" }).append($errors, $figure), spark);
    const $add = button("channel-add");
    const $item = $("<li>", { class: "channel", "data-hue": String(hueOf(name)) }).append($open, $add);
    $open.on("click", (event) => {
      const add = (event.ctrlKey || event.metaKey) && !this.#open.includes(name);
      this.#runAndClose(() => (add ? this.#on.add(name) : this.#on.only(name)));
    });
    $add.on("click", () => this.#runAndClose(() => (this.#open.includes(name) ? this.#on.remove(name) : this.#on.add(name))));
    return { $item, $open, $add, $errors, $figure, spark, rates: [] };
  }

  #fill(item, name, known, now) {
    const open = this.#open.includes(name);
    const last = known?.last_line ? Date.parse(known.last_line) : null;
    const busy = known && known.lines_per_second >= QUIET_BELOW;
    const quiet = last === null ? "" : formatAge(now - last);
    const alone = open && this.#open.length === 1;
    item.$item.attr({ "data-open": String(open), "data-active": String(last !== null && now - last < ACTIVE_MS) });
    item.$open.attr({ "aria-current": open ? "true" : null, title: name });
    const errors = known?.errors_last_minute ?? 0;
    item.$errors.text(formatNumber(errors)).attr("title", t("channels.errors", { n: errors })).prop("hidden", errors === 0);
    item.$figure.text(busy ? `${formatRate(known.lines_per_second)}/s` : quiet);
    item.$add.text(open ? "−" : "+").prop("disabled", alone);
    item.$add.attr({ "aria-label": t(open ? "channels.close" : "channels.add", { name }), title: t(open ? "channels.closeIt" : "channels.addIt") });
    drawSpark(item.spark, item.rates);
  }
}

function drawSpark(spark, rates) {
  const highest = Math.max(1, ...rates);
  // A hidden line keeps its space, so that nothing jumps.
  spark.setAttribute("data-drawn", String(rates.length >= FEWEST_POINTS && rates.some((value) => value > 0)));
  const start = SPARK_POINTS - rates.length;
  const points = rates.map((value, at) => `${start + at},${(9.5 - (value / highest) * 9).toFixed(1)}`).join(" ");
  spark.firstChild.setAttribute("points", points);
}
