// A short message about what has just happened; it disappears by itself.

const SHOWN_MS = 3_500;
let timer = 0;

export function toast(text) {
  const element = document.querySelector("[data-testid=toast]");
  element.textContent = text;
  element.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => (element.hidden = true), SHOWN_MS);
}
