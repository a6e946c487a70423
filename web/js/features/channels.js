// The open channels: the list at the left, and their names in the top bar.

import { nameFault } from "../protocol/channels.js";
import { ChannelList } from "../views/channel-list.js";
import { Toolbar } from "../views/toolbar.js";

const DEFAULT_CHANNELS = ["log"];

export function addChannels(page) {
  const { workspace, settings } = page;
  const remove = (name) => page.changeChannels(workspace.channels.filter((other) => other !== name));
  const list = new ChannelList({
    toggle: () => settings.set("rail", !settings.get("rail")),
    only: (name) => page.changeChannels([name]),
    add: (name) => page.changeChannels([...workspace.channels, name]),
    remove,
    polled: (answer) => page.setPolled(answer),
  });
  const toolbar = new Toolbar({ remove, showChannels: () => list.open() });

  page.on("channels", (channels) => {
    list.showOpen(channels);
    toolbar.showOpen(channels);
  });

  return {
    /** Open the channels of an address, as far as their names are valid. */
    open(names) {
      const valid = names.filter((name) => nameFault(name) === null);
      const invalid = names.find((name) => nameFault(name) !== null);
      if (invalid !== undefined) list.showFaultOf(invalid);
      if (invalid === undefined || valid.length > 0) return page.open(valid.length > 0 ? valid : DEFAULT_CHANNELS);
      workspace.stream.reject([invalid], nameFault(invalid));
      page.showChannels();
      return undefined;
    },
    commands: { channelList: () => list.toggle() },
  };
}
