// A list of buttons that is one Tab stop: arrows, Home and End go from one to the next.

/** Make a container one Tab stop, whatever buttons come and go in it. */
export function rove(container) {
  let current = null;
  const buttons = () => [...container.querySelectorAll("button")].filter((each) => each.offsetParent !== null);

  function mark() {
    const all = buttons();
    if (!all.includes(current)) [current = null] = all;
    for (const each of container.querySelectorAll("button")) each.tabIndex = each === current ? 0 : -1;
  }

  container.addEventListener("focusin", ({ target }) => {
    current = target.closest("button") ?? current;
    mark();
  });
  container.addEventListener("keydown", (event) => {
    const all = buttons();
    const at = all.indexOf(event.target.closest("button"));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    all[Math.max(0, Math.min(all.length - 1, to))]?.focus();
    event.preventDefault();
  });
  new MutationObserver(mark).observe(container, { childList: true, subtree: true, attributeFilter: ["hidden"] });
  mark();
}
