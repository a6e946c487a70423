// Limits how often the page is drawn, however often that is requested.

const DRAW_MS = 100;

/** A function that schedules `draw`: at once for the first lines and for a request after a pause, else ten times a second at most. */
export function throttle(draw, isFirst) {
  let timer = 0;
  let drawnAt = 0;
  const run = () => {
    timer = 0;
    drawnAt = performance.now();
    draw();
  };
  return () => {
    timer ||= setTimeout(run, isFirst() || performance.now() - drawnAt > 2 * DRAW_MS ? 0 : DRAW_MS);
  };
}
