// The open channels: the list at the left, and their names in the top bar.

import { covers, isPattern, nameFault } from "../protocol/channels.js";
import { ChannelList } from "../views/channel-list.js";
import { Toolbar } from "../views/toolbar.js";

const DEFAULT_CHANNELS = ["log"];
const MOST_FIRST = 8;

/** `visible` are the names and patterns that the reader may see. */
export function addChannels(page, visible) {
  const { workspace, settings, style } = page;
  const { marks } = style;
  const remove = (name) => page.changeChannels(workspace.channels.filter((other) => other !== name));
  const list = new ChannelList({
    toggle: () => settings.set("rail", !settings.get("rail")),
    only: (name) => page.changeChannels([name]),
    add: (name) => page.changeChannels([...workspace.channels, name]),
    remove,
    leave: () => page.grid.view.focus(),
    polled: (answer) => page.setPolled(answer),
  }, marks);
  const toolbar = new Toolbar({ remove, showChannels: () => list.open() }, marks);

  let marked = [];

  // A pattern stands for the channels that it matches.
  function showMarks() {
    const names = workspace.channels.flatMap((name) => (isPattern(name) ? page.channelNames.filter((each) => covers([name], each)) : name));
    const same = names.length === marked.length && names.every((name, at) => name === marked[at]);
    marked = names;
    if (same || !marks.show(names)) return;
    page.grid.view.resetWidths();
    page.rewrite();
  }

  page.on("polled", showMarks);
  page.on("channels", (channels) => {
    showMarks();
    list.showOpen(channels);
    toolbar.showOpen(channels);
  });

  return {
    /** Open the channels of an address, as far as their names are valid. */
    open(names) {
      const valid = names.filter((name) => nameFault(name) === null);
      const invalid = names.find((name) => nameFault(name) !== null);
      if (invalid !== undefined) list.showFaultOf(invalid);
      if (invalid === undefined || valid.length > 0) return page.open(valid.length > 0 ? valid : firstChannels(visible));
      workspace.stream.reject([invalid], nameFault(invalid));
      page.showChannels();
      return undefined;
    },
    commands: { channelList: () => list.toggle() },
  };
}

/** The channels to begin with: whoever may not see the default begins with what may be seen, not with a refusal. */
export const firstChannels = (visible) =>
  visible.length === 0 || DEFAULT_CHANNELS.every((name) => covers(visible, name)) ? DEFAULT_CHANNELS : visible.slice(0, MOST_FIRST);
