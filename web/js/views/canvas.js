// What all pictures on a canvas share: redrawing at most four times a second when there is something new, and whenever colours or
// size change.

const REDRAW_MS = 250;

export class DrawTimer {
  #version = -1;
  #drawnAt = 0;
  #timer = 0;

  /** `versionOf()` changes when there is something new; `draw()` draws. */
  constructor(versionOf, draw) {
    this.versionOf = versionOf;
    this.draw = draw;
    $(window).on("themechange resize", () => this.redraw());
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
  }

  /** Draw soon, if there is something new. */
  update() {
    if (this.#timer || document.hidden || this.#version === this.versionOf()) return;
    const wait = Math.max(0, this.#drawnAt + REDRAW_MS - performance.now());
    this.#timer = setTimeout(() => requestAnimationFrame(() => this.#drawNow()), wait);
  }

  /** Draw soon, in any case. */
  redraw() {
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

/** Show a text over a part of the page, centred at `x` (px of the window) where there is room. */
export function showTip(tip, part, x, text) {
  tip.hidden = false;
  tip.textContent = text;
  const { left, width } = part.getBoundingClientRect();
  tip.style.left = `${Math.min(Math.max(0, x - left - tip.offsetWidth / 2), width - tip.offsetWidth)}px`;
}

/** Clear a canvas and fit it to its size on the page and the resolution of the screen. `{context, width, height}`, in px of the page. */
export function prepareCanvas(canvas) {
  const { width, height } = canvas.getBoundingClientRect();
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return { context, width, height };
}
