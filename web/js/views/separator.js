// A border that makes a part of the page larger or smaller: it is dragged, or moved by the arrow keys. A double click, Enter or Delete
// gives the part its usual size again.

const STEP = 16;
// Towards which side the part grows, and the keys that move there and back.
const SIDES = {
  right: { sign: 1, axis: "clientX", orientation: "vertical", grow: "ArrowRight", shrink: "ArrowLeft" },
  left: { sign: -1, axis: "clientX", orientation: "vertical", grow: "ArrowLeft", shrink: "ArrowRight" },
  down: { sign: 1, axis: "clientY", orientation: "horizontal", grow: "ArrowDown", shrink: "ArrowUp" },
  up: { sign: -1, axis: "clientY", orientation: "horizontal", grow: "ArrowUp", shrink: "ArrowDown" },
};

/**
 * The separator of a part that grows towards `side`. `label` names it; `size()` is the present size in px, `range()` the least and the
 * greatest, and `set(px)` changes it; 0 is the usual one.
 */
export function makeSeparator(side, { label, size, range, set }) {
  const { sign, axis, orientation, grow, shrink } = SIDES[side];
  const element = document.createElement("div");
  element.className = `separator ${side}`;
  for (const [name, value] of [["role", "separator"], ["tabindex", "0"], ["aria-orientation", orientation], ["aria-label", label]]) element.setAttribute(name, value);
  let from = null;

  function show() {
    const [least, most] = range();
    element.setAttribute("aria-valuemin", String(Math.round(least)));
    element.setAttribute("aria-valuemax", String(Math.round(most)));
    element.setAttribute("aria-valuenow", String(Math.round(size())));
  }

  function move(px) {
    const [least, most] = range();
    set(Math.round(Math.max(least, Math.min(most, px))));
    show();
  }

  function reset() {
    set(0);
    show();
  }

  element.addEventListener("pointerdown", (event) => {
    // No text is selected on the way, and what the part holds is not clicked.
    event.preventDefault();
    element.focus({ preventScroll: true });
    element.setPointerCapture(event.pointerId);
    from = { at: event[axis], size: size() };
  });
  element.addEventListener("pointermove", (event) => element.hasPointerCapture(event.pointerId) && move(from.size + sign * (event[axis] - from.at)));
  element.addEventListener("dblclick", reset);
  element.addEventListener("focus", show);
  element.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [least, most] = range();
    const to = { [grow]: () => size() + STEP, [shrink]: () => size() - STEP, Home: () => least, End: () => most }[event.key];
    if (to) move(to());
    else if (event.key === "Enter" || event.key === "Delete") reset();
    else return;
    event.preventDefault();
  });
  show();
  return element;
}
