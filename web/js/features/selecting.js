// Text that is selected in the lines. What that needs is loaded when the reader first presses on the page.

/** `copying`: see addSelectedText(). */
export function addSelecting(page, copying) {
  let feature = null;

  // While the hub is away nothing is said: the reader has asked for nothing, and the next press tries again.
  async function load() {
    const module = await import("./selected-text.js").catch(() => null);
    if (module === null) return listen();
    feature = module.addSelectedText(page, copying);
    return undefined;
  }

  const listen = () => document.addEventListener("pointerdown", load, { once: true, capture: true });
  listen();

  return {
    /** Give up the text that is selected; true if there was any. */
    close: () => feature?.close() ?? false,
    commands: {},
  };
}
