// The keys. None works while the reader types, while a dialog or a menu is open, or with a Ctrl, Alt or Meta that is not its own.

const PARTS = { typing: "input, textarea, select, [contenteditable]", pressing: "button, a, summary, [role=treeitem]", modal: "dialog[open], :popover-open" };
// These work even when single-key shortcuts are off: they do the same on every page.
const ALWAYS = new Set(["ArrowDown", "ArrowUp", "PageUp", "PageDown", "Home", "End", "Enter", "Escape"]);

const SHOWN = { ArrowDown: "↓", ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→", PageDown: "PgDn", PageUp: "PgUp", Escape: "Esc" };

/** A key as the page writes it. */
export const keyLabel = (key) => SHOWN[key] ?? key;

/**
 * `commands` is the list of commands.js; `on` has `leaveField(element)`, called for Escape in a field, and `singleKeys()`, false when
 * keys without Ctrl or Meta are off.
 */
export function listenToKeys(commands, on) {
  const byKey = new Map(commands.flatMap((command) => (command.keys ?? []).map((key) => [key, command])));
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.key === "Process") return;
    const command = byKey.get(nameOf(event));
    const { target } = event;
    if (document.querySelector(PARTS.modal)) return;
    if (target.closest(PARTS.typing)) {
      if (event.key === "Escape") on.leaveField(target);
      else if (command?.everywhere) run(command, event);
      return;
    }
    if (!command) return;
    if (target.closest(PARTS.pressing) && (event.key === " " || event.key === "Enter")) return;
    if (!event.ctrlKey && !event.metaKey && !ALWAYS.has(event.key) && !on.singleKeys()) return;
    run(command, event);
  });
}

function run(command, event) {
  if (command.run(event) === "browser") return;
  event.preventDefault();
}

/** A key press as the command table writes it: "j", "Ctrl+K"; Ctrl stands for Meta too. */
export function nameOf({ key, ctrlKey, metaKey, altKey, code }) {
  if (altKey && key !== "AltGraph") return `Alt+${key}`;
  if (!ctrlKey && !metaKey) return key === " " || code === "Space" ? "Space" : key;
  return `Ctrl+${key.length === 1 ? key.toUpperCase() : key}`;
}
