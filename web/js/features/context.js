// The way to a line among its neighbours: its key, its buttons, or the address. All else is loaded when it is first wanted.

import { addLater } from "./later.js";

/** `pushes()` is how many steps that Back undoes have been added to the address. */
export function addContext(page, pushes) {
  const { workspace } = page;
  const { commands: { show, leave, restore } } = addLater(
    ["show", "leave", "restore"],
    () => import("./context-view.js"),
    ({ addContextView }) => addContextView(page, pushes),
  );
  page.on("restored", (state) => state.context && restore());
  return {
    show,
    /** Leave the context; true when there was one. */
    close() {
      if (!workspace.lifted) return false;
      leave();
      return true;
    },
    commands: { context: () => show(page.grid.selected) },
  };
}
