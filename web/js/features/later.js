// Features that the page begins without: each is loaded when one of its commands is first used.
//
//     addLater(["split"], load, ({ addSplitPanes }) => addSplitPanes(page))    {commands: {split}}

import { loadLater } from "../views/later.js";

/**
 * The commands `names` of a feature: `load()` imports its module, and `add(module)` adds it to the page, once. `buttons` are
 * `{selector: name}`, the buttons that run a command.
 */
export function addLater(names, load, add, buttons = {}) {
  let adding = null;

  async function run(name, value) {
    adding ??= loadLater(load).then((module) => module && add(module));
    const feature = await adding;
    if (feature) feature.commands[name](value);
    else adding = null;
  }

  const commands = Object.fromEntries(names.map((name) => [name, (value) => void run(name, value)]));
  for (const [selector, name] of Object.entries(buttons)) $(selector).on("click", () => commands[name]());
  return { commands };
}
