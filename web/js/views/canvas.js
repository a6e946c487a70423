// A picture of what comes: drawn when there is anything new, at most four times a second, and when its colours or its size change.

const REDRAW_MS = 250;

export class Picture {
  #version = -1;
  #drawnAt = 0;
  #timer = 0;

  /** `versionOf()` is another number when there is something new; `draw()` draws. */
  constructor(versionOf, draw) {
    this.versionOf = versionOf;
    this.draw = draw;
    $(window).on("themechange resize", () => this.again());
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.again());
  }

  /** Draw if there is anything new, soon. */
  update() {
    if (this.#timer || document.hidden || this.#version === this.versionOf()) return;
    const wait = Math.max(0, this.#drawnAt + REDRAW_MS - performance.now());
    this.#timer = setTimeout(() => requestAnimationFrame(() => this.#drawNow()), wait);
  }

  /** Draw in any case, soon. */
  again() {
    this.#version = -1;
    this.update();
  }

  #drawNow() {
    this.#timer = 0;
    this.#version = this.versionOf();
    this.#drawnAt = performance.now();
    this.draw();
  }
}

/** Put words over a part of the page, in the middle of `x` (px of the window) where there is room. */
export function showTip(tip, part, x, words) {
  tip.hidden = false;
  tip.textContent = words;
  const { left, width } = part.getBoundingClientRect();
  tip.style.left = `${Math.min(Math.max(0, x - left - tip.offsetWidth / 2), width - tip.offsetWidth)}px`;
}

/** The context of a canvas, as large as it is shown and as sharp as the screen; blank. `{context, width, height}` in px of the page. */
export function blank(canvas) {
  const { width, height } = canvas.getBoundingClientRect();
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return { context, width, height };
}
