// A line among its neighbours. What that needs is loaded when a context is first opened.

import { loadLater } from "../views/later.js";

/** `pushes`: see addContextPlace(). */
export function addContext(page, pushes) {
  let adding = null;
  let place = null;

  async function load() {
    adding ??= loadLater(() => import("./context-place.js"));
    const module = await adding;
    if (module === null) adding = null;
    else place ??= module.addContextPlace(page, pushes);
    return place;
  }

  /** Show a line among its neighbours. */
  async function show(seq = page.grid.selected) {
    (await load())?.show(seq);
  }

  page.on("restored", async ({ context }) => {
    if (context && place === null) (await load())?.enter();
  });

  return {
    show,
    /** Leave the context; true when there was one. */
    close: () => place?.close() ?? false,
    commands: { context: () => show() },
  };
}
