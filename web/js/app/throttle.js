// Drawing that is done soon after it was asked for, and not too often however often that is.

const DRAW_MS = 100;

/** A function that has `draw` called: at once for the first and for one that comes alone, else ten times a second. */
export function paced(draw, isFirst) {
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
