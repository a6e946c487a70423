// What the drawer shows of a line: its title, its commands, and its parts. It is loaded when the details are first opened.

import { formatBytes, visibleLines } from "../format/text.js";
import { LETTERS, LEVELS } from "../normalise/levels.js";
import { t } from "../i18n/translate.js";
import { parseTree, pathText } from "../format/json-tree.js";
import { button } from "./button.js";
import { copyText } from "./clipboard.js";
import { stackView } from "./stack-view.js";
import { treeView } from "./tree-view.js";

const PARTS = { title: ".details-title", buttons: ".details-buttons", body: ".details-body" };
const LONGEST_MESSAGE = 2_000;
const LONGEST_TEXT = 50_000;

export class LineDetails {
  #on;
  #unfolded = new Set();

  /**
   * `on` has `value(entry, button)`: the menu of a value in the tree was opened, `commands()`: `[{name, label, run}, …]` for the line, and
   * `toggleRaw()`.
   */
  constructor(on) {
    this.#on = on;
  }

  /** Show one line, see Drawer.show(), as it was published or parsed. */
  show(shown, asPublished) {
    const { channel, raw, record, times } = shown;
    const { lvl, lvlRaw } = record;
    // A number needs the name of its level: "error 50".
    const named = lvl === 0 ? [t("fact.noLevel"), lvlRaw] : Number.isNaN(Number(lvlRaw ?? 0)) ? [lvlRaw] : [LEVELS[lvl], lvlRaw];
    $(PARTS.title).attr("data-level", LEVELS[lvl]).empty();
    $(PARTS.title).append($("<b>").text([LETTERS[lvl], ...named].filter(Boolean).join(" ")), document.createTextNode([` · ${channel}`, ...times.split("\n", 1)].join(" · ")));
    this.#showCommands(asPublished);
    const $body = $("<div>", { class: "details-parts" });
    $(PARTS.body).empty().scrollTop(0).append($body);
    if (!asPublished) this.#showParsed($body, shown);
    const $raw = [copyButton(raw), text(raw).attr("data-testid", "raw")];
    $body.append(asPublished ? [heading(t("drawer.raw")), ...$raw] : this.#fold("raw", t("drawer.raw"), $raw));
  }

  #showParsed($body, { channel, id, line, record, times, alerts }) {
    if (alerts.length > 0) $body.append(heading(t("drawer.alerts")), $("<ul>", { class: "details-alerts", "data-testid": "drawer-alerts" }).append(alerts.map(linkOf)));
    if (record.msg !== null) $body.append(heading(t("drawer.message")), text(record.msg, LONGEST_MESSAGE));
    if (record.err) {
      const stack = record.err.stack ?? record.err.msg ?? "";
      $body.append(heading(t("drawer.exception"), copyButton(stack, "drawer.copyTrace")), stackOf(stack));
    }
    const tree = parseTree(line) ?? parseTree(JSON.stringify(record.fields));
    if (tree?.entries.length > 0) $body.append(heading(t("drawer.fields")), treeView(tree, (entry, own) => this.#on.value({ ...entry, pathText: pathText(entry.path) }, own)));
    $body.append(this.#fold("about", t("drawer.about"), pairs(factsOf(record, channel, id, times))));
  }

  // What is looked at now and then; it stays open from line to line.
  #fold(name, title, $content) {
    const $fold = $("<details>", { class: "details-fold", "data-testid": `drawer-fold-${name}` }).prop("open", this.#unfolded.has(name));
    // A click comes before the browser opens or closes it, "toggle" only later: by then another line may be shown.
    const $summary = $("<summary>").on("click", () => ($fold.prop("open") ? this.#unfolded.delete(name) : this.#unfolded.add(name)));
    return $fold.append($summary.append($("<h3>").text(title)), $content);
  }

  #showCommands(asPublished) {
    const buttons = this.#on.commands().map(({ name, label, run }) =>
      button("button", { "data-testid": `drawer-${name}` }).text(label).on("click", run),
    );
    const $raw = button("button", { "aria-pressed": String(asPublished), "data-testid": "drawer-raw" }).text(t("drawer.raw"));
    $(PARTS.buttons).empty().append(buttons, $raw.on("click", () => this.#on.toggleRaw()));
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
