// The JSON of a line as a tree (json-tree.js). Arrows move in it and open it; "⋯" or Enter on a value opens its menu.

import { formatBytes, visibleLines, visible } from "../format/text.js";
import { t } from "../i18n/translate.js";
import { button } from "./button.js";

const LONGEST = 2_000;
const MAX_CHILDREN = 200;
const OPEN_DEPTH = 3;

/** A list of the tree's entries. `openMenu(entry, button)` is called to open the menu of a value. */
export function treeView(tree, openMenu) {
  const $tree = $("<ul>", { class: "tree", role: "tree", "data-testid": "tree", "aria-label": t("drawer.fields") });
  $tree.append(itemsOf(tree.entries, 1, openMenu));
  $tree.find("[role=treeitem]").first().attr("tabindex", "0");
  $tree.on("keydown", "[role=treeitem]", onKey);
  return $tree;
}

function itemsOf(entries, depth, openMenu) {
  const items = entries.slice(0, MAX_CHILDREN).map((entry) => itemOf(entry, depth, openMenu));
  if (entries.length <= MAX_CHILDREN) return items;
  const $more = button("link").text(t("drawer.more", { n: entries.length - MAX_CHILDREN }));
  const $line = $("<li>", { role: "none" }).append($more);
  $more.on("click", () => $line.replaceWith(itemsOf(entries.slice(MAX_CHILDREN), depth, openMenu)));
  return [...items, $line];
}

function itemOf(entry, depth, openMenu) {
  const { key, node } = entry;
  const label = visible(String(key)).slice(0, LONGEST);
  const group = node.entries ?? node.inner?.entries ?? null;
  const $item = $("<li>", { role: "treeitem", tabindex: "-1", "data-name": entry.name.slice(0, LONGEST) });
  const $line = $("<div>", { class: "node-line" });
  const $twist = $("<span>", { class: "node-twist", "aria-hidden": "true" });
  $line.append($twist, $("<span>", { class: "node-key", title: label }).text(`${label}:`), valueOf(node));
  const $menu = button("node-menu", { tabindex: "-1", "aria-label": t("node.menu", { name: label }) }).text("⋯");
  $line.append($menu.on("click", (event) => (event.stopPropagation(), openMenu(entry, $menu[0]))));
  $item.append($line).data("openMenu", () => openMenu(entry, $menu[0]));
  if (group === null || group.length === 0) return $item;
  const $group = $("<ul>", { role: "group" });
  const open = (opened) => {
    // Built when it is first opened: a line may have tens of thousands of values.
    if (opened && $group.children().length === 0) $group.append(itemsOf(group, depth + 1, openMenu));
    $group.prop("hidden", !opened);
    $item.attr("aria-expanded", String(opened));
    $twist.text(opened ? "▾" : "▸");
  };
  $twist.on("click", () => open($item.attr("aria-expanded") !== "true"));
  $item.append($group).data("open", open);
  open(depth < OPEN_DEPTH && node.inner === undefined);
  return $item;
}

function valueOf(node) {
  const { kind } = node;
  if (kind === "object" || kind === "array") {
    const label = kind === "array" ? `[${node.size}]` : `{${node.size}}`;
    return $("<span>", { class: "node-value", "data-type": "group" }).text(label);
  }
  const text = kind === "string" ? node.value : node.text;
  const $value = $("<span>", { class: "node-value", "data-type": kind }).text(visibleLines(text.slice(0, LONGEST)));
  if (text.length <= LONGEST) return kind === "string" && text === "" ? $value.text('""') : $value;
  const $all = button("link").text(t("drawer.all", { size: formatBytes(text.length) }));
  return $value.append(" … ", $all.on("click", () => $value.text(visibleLines(text))));
}

function onKey(event) {
  const { key } = event;
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const $item = $(event.currentTarget);
  const $all = $item.closest(".tree").find("[role=treeitem]").filter((_, item) => item.offsetParent !== null);
  const at = $all.index($item);
  const expanded = $item.attr("aria-expanded");
  if (key === "ArrowDown") go($all[at + 1]);
  else if (key === "ArrowUp") go($all[at - 1]);
  else if (key === "Home") go($all[0]);
  else if (key === "End") go($all[$all.length - 1]);
  else if (key === "ArrowRight") expanded === "false" ? $item.data("open")(true) : go($all[at + 1]);
  else if (key === "ArrowLeft") expanded === "true" ? $item.data("open")(false) : go($item.parent().closest("[role=treeitem]")[0]);
  else if (key === "Enter" || key === " ") $item.data("openMenu")();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function go(item) {
  if (!item) return;
  $(item).closest(".tree").find("[tabindex='0']").attr("tabindex", "-1");
  item.setAttribute("tabindex", "0");
  item.focus();
}
