// A short word on what has just been done, gone by itself.

const SHOWN_MS = 3_500;
let timer = 0;

export function toast(words) {
  const element = document.querySelector("[data-testid=toast]");
  element.textContent = words;
  element.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => (element.hidden = true), SHOWN_MS);
}
