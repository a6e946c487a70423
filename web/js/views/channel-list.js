// The channel list at the left: the channels the hub knows and how busy each is, and a field that finds them, or opens any other name or pattern.

import { MARKERS, covers, isPattern, nameFault } from "../protocol/channels.js";
import { t } from "../i18n/translate.js";
import { groupNames } from "../store/channel-groups.js";
import { channelRows, needsOf } from "../store/channel-rows.js";
import { makeRow, withRate } from "./channel-row.js";
import { RailTree } from "./rail-tree.js";

const PARTS = {
  rail: ".rail", form: ".rail-form", input: ".rail-form .field", fault: ".rail-fault", list: ".rail-list",
  empty: ".rail-empty", menu: ".menu", scrim: ".scrim", close: ".rail-close",
};
const POLL_MS = 2_000;
const HIDDEN_MS = 30_000;

export class ChannelList {
  #on;
  #marks;
  #tree;
  #rows = [];
  #chosen = 0;
  #channels = new Map();
  #names = [];
  #groups = [];
  #rates = new Map();
  #firstSeen = null;
  #needs = [];
  #above = new Set();
  #open = [];
  #folds = new Map();
  #polledAt = 0;
  #narrow = window.matchMedia("(max-width: 899px)");

  /**
   * `on` has `toggle()`, called where the list is no sheet, `only(name)`, `add(name)`, `remove(name)`, `leave()`: the reader goes to the
   * lines, and `polled({ready, recording, channels})`, called with each answer of the hub. `marks` has the colours, see channel-marks.js.
   */
  constructor(on, marks) {
    this.#on = on;
    this.#marks = marks;
    const state = this.#state();
    this.#tree = new RailTree($(PARTS.list)[0], {
      make: (row) => makeRow(row, state),
      open: (row, add) => this.#take(row.name, add),
      toggle: (row) => this.#toggle(row),
      fold: (row, unfolded) => {
        this.#folds.set(row.key, unfolded);
        this.#draw();
      },
    });
    $(PARTS.form).on("submit", (event) => event.preventDefault() || this.#submit(false));
    $(PARTS.input).on("input", () => this.#onInput()).on("keydown", (event) => this.#onKey(event));
    $(PARTS.menu).on("click", () => this.toggle());
    $(PARTS.scrim).add(PARTS.close).on("click", () => this.#showSheet(false));
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.#sheetShown || document.querySelector("dialog[open], :popover-open")) return;
      this.#showSheet(false);
      event.preventDefault();
    }, { capture: true });
    $(document).on("visibilitychange", () => document.hidden || this.#poll());
    // A hidden tab polls too, because its title counts alarms.
    setInterval(() => (document.hidden && performance.now() - this.#polledAt < HIDDEN_MS) || this.#poll(), POLL_MS);
    this.#poll();
  }

  showOpen(channels) {
    this.#open = channels;
    this.#listNames();
    this.#draw();
    this.#tree.reveal(({ kind, name }) => kind === "channel" && channels.includes(name));
  }

  /** Show the list and focus its field. */
  open() {
    this.#showSheet(true);
    $(PARTS.input).trigger("focus");
  }

  /** Show or hide the list; it is a sheet over the page where the window is narrow. */
  toggle() {
    if (this.#narrow.matches) this.#showSheet(!this.#sheetShown);
    else this.#on.toggle();
  }

  /** Show what is wrong with a name, as if it had been typed. */
  showFaultOf(name) {
    this.#showFault(nameFault(name));
    this.#draw();
  }

  get #sheetShown() {
    return $(PARTS.rail).attr("data-shown") === "true";
  }

  get #typed() {
    return $(PARTS.input).val().trim();
  }

  async #poll() {
    this.#polledAt = performance.now();
    try {
      const answer = await fetch("channels");
      if (!answer.ok) return;
      const { channels, ready, recording } = await answer.json();
      // A name that somebody follows is no channel before it has had a line.
      const known = channels.filter(({ name, last_line: last }) => name !== MARKERS && last !== null);
      this.#setKnown(known);
      this.#draw();
      this.#on.polled({ ready: ready !== false, recording: recording !== false, channels: known });
    } catch {
      // The hub cannot be reached; the status bar says so already.
    }
  }

  #setKnown(known) {
    const names = known.map(({ name }) => name);
    const same = names.length === this.#channels.size && names.every((name) => this.#channels.has(name));
    this.#channels = new Map(known.map((channel) => [channel.name, channel]));
    for (const { name, lines_per_second: rate } of known) if (rate > 0 || this.#rates.has(name)) this.#rates.set(name, withRate(this.#rates.get(name) ?? [], rate));
    const now = Date.now();
    // What the first answer lists is not new.
    this.#firstSeen = new Map(names.map((name) => [name, this.#firstSeen === null ? -Infinity : (this.#firstSeen.get(name) ?? now)]));
    if (same) return;
    this.#listNames();
    this.#groups = groupNames(names);
    for (const name of this.#rates.keys()) if (!this.#channels.has(name)) this.#rates.delete(name);
  }

  #listNames() {
    this.#names = [...new Set([...this.#channels.keys(), ...this.#open])];
  }

  // Enter takes the row that is marked: the best that is found, unless the arrows have chosen another.
  #submit(add) {
    const typed = this.#typed;
    if (!typed) return;
    this.#take(this.#rows[this.#chosen]?.name ?? typed, add);
  }

  #onKey(event) {
    const { key } = event;
    if (event.originalEvent.isComposing) return;
    if (key === "Enter" && (event.ctrlKey || event.metaKey)) this.#submit(true);
    else if ((key === "ArrowDown" || key === "ArrowUp") && this.#typed) this.#choose(this.#chosen + (key === "ArrowDown" ? 1 : -1));
    else if (key === "ArrowDown") $(PARTS.list).find("[tabindex=0]").trigger("focus");
    else if (key === "Escape" && this.#typed && !this.#sheetShown) {
      $(PARTS.input).val("");
      this.#onInput();
    } else return;
    event.preventDefault();
  }

  #choose(at) {
    this.#chosen = Math.max(0, Math.min(this.#rows.length - 1, at));
    this.#tree.choose(this.#typed ? (this.#rows[this.#chosen] ?? null) : null);
    const marked = $(PARTS.list).find("[aria-selected=true]").attr("id");
    $(PARTS.input).attr("aria-activedescendant", marked ?? null);
  }

  #onInput() {
    this.#showFault(null);
    this.#tree.toTop();
    this.#draw();
    this.#choose(0);
  }

  #showFault(fault) {
    $(PARTS.fault).text(fault ?? "").prop("hidden", !fault);
    $(PARTS.input).attr("aria-invalid", fault ? "true" : null);
  }

  // Opens a channel, and leads to its lines.
  #take(name, add) {
    const fault = nameFault(name);
    this.#showFault(fault);
    if (fault) return this.#draw();
    if (add && !this.#open.includes(name)) this.#on.add(name);
    else if (!add) this.#on.only(name);
    $(PARTS.input).val("");
    this.#draw();
    this.#choose(0);
    this.#showSheet(false);
    return this.#on.leave();
  }

  #toggle({ name, kind }) {
    if (kind !== "channel" && kind !== "group") return;
    if (!this.#open.includes(name)) this.#on.add(name);
    else if (this.#open.length > 1) this.#on.remove(name);
    this.#showSheet(false);
  }

  #showSheet(shown) {
    const before = this.#sheetShown;
    if (!this.#narrow.matches) shown = false;
    $(PARTS.rail).attr("data-shown", String(shown));
    $(PARTS.scrim).prop("hidden", !shown);
    $(PARTS.menu).attr("aria-expanded", String(shown));
    // On a phone the field would bring up its keyboard over the list.
    if (shown) $(window.matchMedia("(pointer: coarse)").matches ? PARTS.close : PARTS.input).trigger("focus");
    else if (before) this.#on.leave();
  }

  #state() {
    const list = this;
    return {
      marks: this.#marks,
      rates: (name) => this.#rates.get(name) ?? [],
      covered: (name) => (isPattern(name) ? [...this.#channels.keys()].filter((each) => covers([name], each)) : []),
      get channels() {
        return list.#channels;
      },
      get open() {
        return list.#open;
      },
      get above() {
        return list.#above;
      },
      get now() {
        return Date.now();
      },
    };
  }

  #draw() {
    const typed = this.#typed;
    const now = Date.now();
    if (typed === "" && !this.#tree.held) this.#needs = needsOf(this.#channels.values(), (name) => this.#firstSeen.get(name), now);
    this.#rows = channelRows({ tree: this.#groups, names: this.#names, channels: this.#channels, open: this.#open, needs: this.#needs, typed, folds: this.#folds });
    this.#above = new Set(this.#rows.filter(({ from }) => from === "open" || from === "needs").map(({ name }) => name));
    this.#tree.show(this.#rows);
    const none = typed !== "" && this.#rows.every(({ kind }) => kind === "typed");
    $(PARTS.empty).text((typed && nameFault(typed)) || t(typed ? "channels.noSuch" : "channels.none")).prop("hidden", !(none || this.#rows.length === 0) || !$(PARTS.fault).prop("hidden"));
  }
}
