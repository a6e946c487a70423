// The keys. None works while something is typed, and none with Ctrl, Alt or Meta.

const PARTS = { typing: "input, textarea, select, [contenteditable]", pressing: "button, a, summary" };

/** `act` has one function per action named below. */
export function listenToKeys(act) {
  const actions = {
    "/": act.filter, f: act.filter, End: act.follow, G: act.follow, Home: act.oldest, g: act.oldest,
    ArrowDown: act.next, j: act.next, ArrowUp: act.previous, k: act.previous,
    PageUp: act.pageUp, PageDown: act.pageDown, Enter: act.open, " ": act.pause, Escape: act.close,
  };
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
    const { target } = event;
    if (target.closest(PARTS.typing)) {
      if (event.key === "Escape") act.leave(target);
      return;
    }
    if (target.closest(PARTS.pressing) && (event.key === " " || event.key === "Enter")) return;
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
