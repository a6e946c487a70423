// The mouse over the rows: a click opens the details, with Shift it selects up to there; "▸" opens a row; buttons at the right.

import { t } from "../i18n/translate.js";

const ACTS = ["copy", "link", "context", "pin"];

/** `act` has `open(seq)`, `extend(seq)`, `unfold(seq)`, `times(seq)`: all forms of its time, and one function of a seq for each of the row's buttons. */
export function listenToRows(stage, act) {
  const spacer = stage.querySelector(".spacer");
  const acts = makeActs(act);
  const seqOf = (row) => Number(row.dataset.seq);
  spacer.addEventListener("click", (event) => {
    const row = event.target.closest(".row");
    if (!row || event.target.closest(".row-acts, a")) return;
    if (event.shiftKey) return act.extend(seqOf(row));
    if (event.target.closest(".fold") && row.dataset.fold !== "none") return act.unfold(seqOf(row));
    if (document.getSelection()?.isCollapsed !== false) act.open(seqOf(row));
  });
  // Shift with the mouse would select text as well.
  spacer.addEventListener("mousedown", (event) => event.shiftKey && event.preventDefault());
  spacer.addEventListener("mouseover", (event) => {
    const row = event.target.closest(".row");
    const time = event.target.closest(".time");
    if (row?.dataset.level && time) time.title = act.times(seqOf(row));
    if (!row || !row.dataset.level || acts.parentElement === row) return;
    acts.dataset.seq = row.dataset.seq;
    row.append(acts);
  });
  spacer.addEventListener("mouseleave", () => acts.remove());
}

function makeActs(act) {
  const acts = document.createElement("div");
  acts.className = "row-acts";
  acts.setAttribute("role", "cell");
  for (const name of ACTS) {
    const button = document.createElement("button");
    button.tabIndex = -1;
    button.title = t(`row.${name}`);
    button.setAttribute("aria-label", button.title);
    button.dataset.act = name;
    button.innerHTML = `<svg class="icon" aria-hidden="true"><use href="#i-${name}"/></svg>`;
    button.addEventListener("click", () => act[name]?.(Number(acts.parentElement.dataset.seq)));
    acts.append(button);
  }
  return acts;
}
