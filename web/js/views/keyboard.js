// The keys. None works while something is typed or while a dialog or a menu is open, and none with Ctrl, Alt or Meta not asked for.

const PARTS = { typing: "input, textarea, select, [contenteditable]", pressing: "button, a, summary, [role=treeitem]", modal: "dialog[open], :popover-open" };
// Without single-key shortcuts these stay: they do what they do everywhere.
const ALWAYS = new Set(["ArrowDown", "ArrowUp", "PageUp", "PageDown", "Home", "End", "Enter", "Escape"]);

/**
 * `actions` is the table of actions.js; `on` has `typing(element)`, called for Escape in a field, and `single()`, which says
 * whether keys without Ctrl or Meta are wanted.
 */
export function listenToKeys(actions, on) {
  const byKey = new Map(actions.flatMap((action) => (action.keys ?? []).map((key) => [key, action])));
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.key === "Process") return;
    const action = byKey.get(nameOf(event));
    const { target } = event;
    if (document.querySelector(PARTS.modal)) return;
    if (target.closest(PARTS.typing)) {
      if (event.key === "Escape") on.typing(target);
      else if (action?.everywhere) run(action, event);
      return;
    }
    if (!action) return;
    if (target.closest(PARTS.pressing) && (event.key === " " || event.key === "Enter")) return;
    if (!event.ctrlKey && !event.metaKey && !ALWAYS.has(event.key) && !on.single()) return;
    run(action, event);
  });
}

function run(action, event) {
  if (action.run(event) === "browser") return;
  event.preventDefault();
}

/** A key press as the table writes it: "j", "Ctrl+K"; Ctrl stands for Meta too. */
export function nameOf({ key, ctrlKey, metaKey, altKey, code }) {
  if (altKey && key !== "AltGraph") return `Alt+${key}`;
  if (!ctrlKey && !metaKey) return key === " " || code === "Space" ? "Space" : key;
  return `Ctrl+${key.length === 1 ? key.toUpperCase() : key}`;
}
