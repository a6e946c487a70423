// The filter box: the filter applies while it is typed; a mistake turns the box red and leaves the last good filter in place.
// Suggestions are listed below: ↑ ↓ choose, Tab or Enter accepts, Esc closes.

import { formatNumber, t } from "../i18n/translate.js";
import { button } from "./button.js";

const PARTS = { box: ".filter-box", input: ".filter", clear: ".filter-box .clear", fault: ".filter-error", note: ".filter-note", list: ".suggestions" };
const PHONE = "(max-width: 699px)";
const TYPING_MS = 120;
const NOTHING = { start: 0, end: 0, items: [] };

export class FilterBox {
  #on;
  #typing = 0;
  #chosen = -1;
  #found = NOTHING;
  #applied = "";
  #committed = "";
  // Typed into the page before its script ran.
  #early = $(PARTS.input).val();

  /**
   * `on` has `filter(text, committed)`, which returns null or a fault `{message}`, `suggest(text, caret)`, as in
   * query/suggest.js, `isIncomplete(text, caret)`, `waiting(waits, text)`: whether a text is not applied because its last term is being
   * typed, and `leave()`: Enter, or Esc with nothing left to close.
   */
  constructor(on) {
    this.#on = on;
    const $input = $(PARTS.input);
    $input.on("input", () => this.#onInput());
    $input.on("keydown", (event) => this.#onKey(event));
    $input.on("focus click", () => this.#suggest());
    $input.on("blur", () => {
      this.#close();
      this.#apply(true);
    });
    $(PARTS.list).on("mousedown", (event) => event.preventDefault());
    $(PARTS.list).on("click", ".suggestion", (event) => this.#accept(Number(event.currentTarget.dataset.at)));
    $(PARTS.clear).on("click", () => (this.clear(), this.focus()));
    const phone = window.matchMedia(PHONE);
    const hint = () => $input.attr("placeholder", t(phone.matches ? "filter.hint.short" : "filter.hint"));
    phone.addEventListener("change", hint);
    hint();
  }

  get text() {
    return $(PARTS.input).val();
  }

  focus() {
    $(PARTS.input).trigger("focus").trigger("select");
  }

  /** Show a text without applying it: it is applied already. */
  show(text, fault = null) {
    clearTimeout(this.#typing);
    $(PARTS.input).val(text);
    this.#applied = text;
    this.#committed = text;
    this.showFault(fault);
    $(PARTS.clear).prop("hidden", text === "");
  }

  /** Go on with a text that was typed before the page's script ran: it is newer than the filter of the address. */
  takeEarlyText() {
    if (!this.#early) return;
    $(PARTS.input).val(this.#early);
    if ($(PARTS.input).is(":focus")) this.#onInput();
    else this.#apply(true);
  }

  clear() {
    $(PARTS.input).val("");
    this.#apply(true);
  }

  #onInput() {
    clearTimeout(this.#typing);
    $(PARTS.clear).prop("hidden", this.text === "");
    this.#typing = setTimeout(() => this.#apply(false), TYPING_MS);
    this.#suggest();
  }

  #apply(committed) {
    clearTimeout(this.#typing);
    $(PARTS.clear).prop("hidden", this.text === "");
    const waits = !committed && this.text !== this.#applied && this.#on.isIncomplete(this.text, $(PARTS.input)[0].selectionEnd);
    this.#on.waiting(waits, this.text);
    if (waits) return void this.showFault(null);
    if (this.text === this.#applied && (!committed || this.text === this.#committed)) return;
    this.#applied = this.text;
    if (committed) this.#committed = this.text;
    this.showFault(this.#on.filter(this.text, committed));
  }

  /** Say what is wrong with the filter, `{message}`; null: nothing. */
  showFault(fault) {
    $(PARTS.fault).text(fault?.message ?? "").prop("hidden", !fault);
    $(PARTS.input).attr("aria-invalid", fault ? "true" : null);
  }

  /** Say something about the filter, `{text, label, run}`, with a button if there is a label; null: nothing. */
  showNote(note) {
    const $note = $(PARTS.note).empty().prop("hidden", note === null);
    if (note === null) return;
    const close = () => (this.showNote(null), this.focus());
    const $close = button("note-close", { type: "button", "aria-label": t("find.close") }).append($('<svg class="icon" aria-hidden="true"><use href="#i-close"/></svg>'));
    $note.append($("<span>").text(note.text));
    if (note.label) $note.append(button("link", { type: "button", "data-testid": "filter-note-act" }).text(note.label).on("click", () => (this.showNote(null), note.run(), this.#on.leave())));
    $note.append($close.on("click", close));
  }

  #onKey(event) {
    if (event.isComposing || event.originalEvent.isComposing) return;
    const open = this.#found.items.length > 0 && !$(PARTS.list).prop("hidden");
    const { key } = event;
    if (open && (key === "ArrowDown" || key === "ArrowUp")) this.#choose(this.#chosen + (key === "ArrowDown" ? 1 : -1));
    else if (open && key === "Tab" && !event.shiftKey) this.#accept(Math.max(0, this.#chosen));
    else if (open && key === "Enter" && this.#chosen >= 0) this.#accept(this.#chosen);
    else if (key === "Enter") {
      this.#close();
      this.#apply(true);
      // On to the lines, where keys move the cursor; a mistake has to be corrected first.
      if ($(PARTS.fault).prop("hidden")) this.#on.leave();
    } else if (open && key === "Escape" && this.#chosen >= 0) this.#close();
    else if (key === "Escape") {
      this.#close();
      if (this.text) this.clear();
      else this.#on.leave();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #suggest() {
    const { selectionStart, selectionEnd } = $(PARTS.input)[0];
    this.#found = selectionStart === selectionEnd ? this.#on.suggest(this.text, selectionEnd) : NOTHING;
    this.#chosen = -1;
    const items = this.#found.items.map(({ label, count }, at) =>
      $("<li>", { class: "suggestion", id: `suggestion-${at}`, role: "option", "aria-selected": "false", "data-at": at })
        .append($("<span>").text(label), $("<i>").text(count ? formatNumber(count) : "")),
    );
    $(PARTS.list).empty().append(items).prop("hidden", items.length === 0);
    $(PARTS.input).attr("aria-expanded", String(items.length > 0)).removeAttr("aria-activedescendant");
  }

  #choose(at) {
    this.#chosen = (at + this.#found.items.length + 1) % (this.#found.items.length + 1);
    if (this.#chosen === this.#found.items.length) this.#chosen = -1;
    $(PARTS.list).children().each((index, item) => {
      item.setAttribute("aria-selected", String(index === this.#chosen));
      if (index === this.#chosen) item.scrollIntoView({ block: "nearest" });
    });
    const id = this.#chosen < 0 ? null : `suggestion-${this.#chosen}`;
    $(PARTS.input).attr("aria-activedescendant", id);
  }

  #accept(at) {
    const { start, end, items } = this.#found;
    const { insert } = items[at];
    const text = this.text.slice(0, start) + insert + this.text.slice(end);
    const [input] = $(PARTS.input);
    input.value = text;
    input.setSelectionRange(start + insert.length, start + insert.length);
    this.#onInput();
  }

  #close() {
    this.#found = NOTHING;
    $(PARTS.list).prop("hidden", true);
    $(PARTS.input).attr("aria-expanded", "false").removeAttr("aria-activedescendant");
  }
}
