// A small menu at a button. Arrows and Enter choose; Esc or a click elsewhere closes it.

import { button } from "./button.js";

let open = null;

/** Open a menu of `items`, `[{label, run}, …]`, at an element. */
export function openMenu(element, items) {
  close();
  const $menu = $("<div>", { class: "menu-panel at", popover: "auto", role: "menu" });
  for (const { label, run } of items) {
    const $item = button("menu-item", { role: "menuitem" }).append($("<span>").text(label));
    $menu.append($item.on("click", () => (close(), run())));
  }
  $menu.on("keydown", (event) => {
    const $all = $menu.children();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    $all.eq(($all.index(document.activeElement) + step + $all.length) % $all.length).trigger("focus");
    event.preventDefault();
    event.stopPropagation();
  });
  $menu.on("toggle", (event) => event.originalEvent.newState === "closed" && close());
  $("body").append($menu);
  open = { $menu, back: document.activeElement };
  const box = element.getBoundingClientRect();
  const [menu] = $menu;
  menu.showPopover();
  // At the edge of the button that leaves it over the same part of the page.
  const left = box.left < window.innerWidth / 2 ? box.left : box.right - menu.offsetWidth;
  menu.style.left = `${Math.max(8, Math.min(left, window.innerWidth - menu.offsetWidth - 8))}px`;
  menu.style.top = `${box.bottom + menu.offsetHeight > window.innerHeight ? Math.max(8, box.top - menu.offsetHeight) : box.bottom}px`;
  $menu.children().first().trigger("focus");
}

function close() {
  if (!open) return;
  const { $menu, back } = open;
  open = null;
  $menu.remove();
  back?.focus?.({ preventScroll: true });
}
