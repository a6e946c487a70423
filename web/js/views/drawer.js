// The drawer: everything about the selected line. As everywhere, log text enters the page as text only.

import { formatBytes, visibleLines } from "../format/text.js";
import { LETTERS, LEVELS } from "../normalise/levels.js";
import { t } from "../i18n/translate.js";
import { parseTree } from "../format/json-tree.js";
import { button } from "./button.js";
import { copyText } from "./clipboard.js";
import { stackView } from "./stack-view.js";
import { treeView } from "./tree-view.js";

const PARTS = { drawer: ".details", title: ".details-title", buttons: ".details-buttons", body: ".details-body", close: ".details-close" };
const LONGEST_MESSAGE = 2_000;
const LONGEST_TEXT = 50_000;

export class Drawer {
  #on;
  #shown = null;
  #raw = false;
  #unfolded = new Set();

  /**
   * `on` has `close()`, `value(entry, button)`: the menu of a value in the tree was opened, and `commands()`: `[{name, label, run}, …]`
   * for the line.
   */
  constructor(on) {
    this.#on = on;
    $(PARTS.close).on("click", () => on.close());
  }

  get shown() {
    return !$(PARTS.drawer).prop("hidden");
  }

  /** True while the keyboard is in the drawer. */
  get focused() {
    return $(PARTS.drawer)[0].contains(document.activeElement);
  }

  hide() {
    this.#shown = null;
    $(PARTS.drawer).prop("hidden", true);
  }

  /** Switch between the line as it was published and the parsed line. */
  toggleRaw() {
    this.#raw = !this.#raw;
    if (this.#shown) this.show(this.#shown);
  }

  /** Show one line, `{channel, id, line, raw, record, times, alerts}`: `alerts` are `[{text, run}, …]` to other lines, `raw` is its text with the lines that continue it, `times` its time in every form. */
  show(shown) {
    this.#shown = shown;
    const { channel, raw, record, times } = shown;
    const { lvl, lvlRaw } = record;
    // A number needs the name of its level: "error 50".
    const named = lvl === 0 ? [t("fact.noLevel"), lvlRaw] : Number.isNaN(Number(lvlRaw ?? 0)) ? [lvlRaw] : [LEVELS[lvl], lvlRaw];
    $(PARTS.title).attr("data-level", LEVELS[lvl]).empty();
    $(PARTS.title).append($("<b>").text([LETTERS[lvl], ...named].filter(Boolean).join(" ")), document.createTextNode([` · ${channel}`, ...times.split("\n", 1)].join(" · ")));
    this.#showCommands();
    const $body = $("<div>", { class: "details-parts" });
    $(PARTS.body).empty().scrollTop(0).append($body);
    if (!this.#raw) this.#showParsed($body, shown);
    const $raw = [copyButton(raw), text(raw).attr("data-testid", "raw")];
    $body.append(this.#raw ? [heading(t("drawer.raw")), ...$raw] : this.#fold("raw", t("drawer.raw"), $raw));
    $(PARTS.drawer).prop("hidden", false);
  }

  #showParsed($body, { channel, id, line, record, times, alerts }) {
    if (alerts.length > 0) $body.append(heading(t("drawer.alerts")), $("<ul>", { class: "details-alerts", "data-testid": "drawer-alerts" }).append(alerts.map(linkOf)));
    if (record.msg !== null) $body.append(heading(t("drawer.message")), text(record.msg, LONGEST_MESSAGE));
    if (record.err) {
      const stack = record.err.stack ?? record.err.msg ?? "";
      $body.append(heading(t("drawer.exception"), copyButton(stack, "drawer.copyTrace")), stackOf(stack));
    }
    const tree = parseTree(line) ?? parseTree(JSON.stringify(record.fields));
    if (tree?.entries.length > 0) $body.append(heading(t("drawer.fields")), treeView(tree, (entry, button) => this.#on.value(entry, button)));
    $body.append(this.#fold("about", t("drawer.about"), pairs(factsOf(record, channel, id, times))));
  }

  // What is looked at now and then; it stays open from line to line.
  #fold(name, title, $content) {
    const $fold = $("<details>", { class: "details-fold", "data-testid": `drawer-fold-${name}` }).prop("open", this.#unfolded.has(name));
    $fold.on("toggle", () => ($fold.prop("open") ? this.#unfolded.add(name) : this.#unfolded.delete(name)));
    return $fold.append($("<summary>").append($("<h3>").text(title)), $content);
  }

  #showCommands() {
    const buttons = this.#on.commands().map(({ name, label, run }) =>
      button("button", { "data-testid": `drawer-${name}` }).text(label).on("click", run),
    );
    const $raw = button("button", { "aria-pressed": String(this.#raw), "data-testid": "drawer-raw" }).text(t("drawer.raw"));
    $(PARTS.buttons).empty().append(buttons, $raw.on("click", () => this.toggleRaw()));
  }
}

function factsOf(record, channel, id, times) {
  const { file, line, fn } = record.src;
  const facts = [
    [t("fact.time"), times],
    [t("fact.channel"), channel],
    [t("fact.id"), id],
    [t("fact.logger"), record.logger],
    [t("fact.source"), [file, fn, line].filter((part) => part !== null).join(":") || null],
    [t("fact.event"), record.event],
    [t("fact.cut"), record.truncatedFrom === null ? null : formatBytes(record.truncatedFrom)],
    [t("fact.format"), record.fmt],
  ];
  return facts.filter(([, value]) => value !== null);
}

const linkOf = ({ text: words, run }) => $("<li>").append(button("link", { "data-testid": "drawer-alert" }).text(visibleLines(words)).on("click", run));

function heading(text, $extra) {
  const $heading = $("<h3>").text(text);
  return $extra ? $heading.append($extra) : $heading;
}

function text(whole, longest = LONGEST_TEXT) {
  const $pre = $("<pre>").text(visibleLines(whole.slice(0, longest)));
  if (whole.length <= longest) return $pre;
  const $all = button("link").text(t("drawer.all", { size: formatBytes(whole.length) }));
  $all.on("click", () => $pre.text(visibleLines(whole)));
  return $pre.append(document.createTextNode(" … "), $all);
}

function pairs(entries) {
  const $list = $("<dl>");
  for (const [key, value] of entries) $list.append($("<dt>", { title: key }).text(key), $("<dd>").text(visibleLines(String(value))));
  return $list;
}

// All of a long one on request, as text.
function stackOf(stack) {
  return stack.length <= LONGEST_TEXT ? stackView(stack) : [text(stack).addClass("stack").attr("tabindex", "0")];
}

function copyButton(line, label = "drawer.copy") {
  const $copy = button("link", { "data-testid": "copy" }).text(t(label));
  return $copy.on("click", async () => $copy.text(t((await copyText(line)) ? "drawer.copied" : "drawer.denied")));
}
