// The mouse on the rows: a click opens the details, with Shift it selects up to the row; "▸" opens a row; buttons at the right.

import { t } from "../i18n/translate.js";

const PARTS = { row: ".row", content: ".content" };
const BUTTONS = ["copy", "link", "context", "pin"];
// The details may cover the row: they wait for a second click, which selects a word.
const SECOND_CLICK_MS = 200;

/** `on` has `pick(seq)` and then `open()`, if no second click comes, `extend(seq)`, `unfold(seq)`, `says()`: its own time was clicked, `times(seq)`, which returns its time in every form, and a function for each of the row's buttons. */
export function listenToRows(stage, on) {
  const spacer = stage.querySelector(".spacer");
  const buttons = makeButtons(on);
  let opening;
  function open() {
    opening = clearTimeout(opening);
    on.open();
  }

  const seqOf = (row) => Number(row.dataset.seq);
  spacer.addEventListener("click", (event) => {
    const row = event.target.closest(".row");
    if (!row || event.target.closest(".row-buttons, a")) return;
    if (event.shiftKey) return on.extend(seqOf(row));
    if (event.target.closest(".fold") && row.dataset.fold !== "none") return on.unfold(seqOf(row));
    if (event.target.closest(".says")) return on.says();
    if (document.getSelection()?.isCollapsed === false) return;
    on.pick(seqOf(row));
    opening = setTimeout(open, SECOND_CLICK_MS);
  });
  spacer.addEventListener("mousedown", () => (opening = clearTimeout(opening)));
  // A key finds the details open.
  document.addEventListener("keydown", () => opening && open(), { capture: true });
  // Otherwise Shift with the mouse would select text as well.
  spacer.addEventListener("mousedown", (event) => event.shiftKey && event.preventDefault());
  spacer.addEventListener("mouseover", (event) => {
    // Nothing changes while text is being selected.
    if (event.buttons !== 0) return;
    const row = event.target.closest(".row");
    const time = event.target.closest(".time");
    if (row?.dataset.level && time) time.title = on.times(seqOf(row));
    if (!row || !row.dataset.level || row.contains(buttons)) return;
    buttons.dataset.seq = row.dataset.seq;
    row.querySelector(PARTS.content).append(buttons);
  });
  spacer.addEventListener("mouseleave", () => buttons.remove());
}

function makeButtons(on) {
  const buttons = document.createElement("div");
  buttons.className = "row-buttons";
  buttons.setAttribute("role", "group");
  for (const name of BUTTONS) {
    const button = document.createElement("button");
    button.tabIndex = -1;
    button.title = t(`row.${name}`);
    button.setAttribute("aria-label", button.title);
    button.dataset.act = name;
    button.innerHTML = `<svg class="icon" aria-hidden="true"><use href="#i-${name}"/></svg>`;
    button.addEventListener("click", () => on[name](Number(buttons.closest(PARTS.row).dataset.seq)));
    buttons.append(button);
  }
  return buttons;
}
