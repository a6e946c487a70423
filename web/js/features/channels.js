// The open channels: the list at the left, their names in the top bar, and Start, Stop and Pause.

import { OWN, covers, isPattern, nameFault } from "../protocol/channels.js";
import { ChannelList } from "../views/channel-list.js";
import { Toolbar } from "../views/toolbar.js";

const USUAL = "log";

/** `pause()` pauses the grid, or lets it follow again; `visible` are the names and patterns of the channels that the reader may see. */
export function addChannels(page, pause, visible) {
  const { workspace, settings } = page;
  const remove = (name) => page.changeChannels(workspace.channels.filter((other) => other !== name));
  const list = new ChannelList({
    toggle: () => settings.set("rail", !settings.get("rail")),
    only: (name) => page.changeChannels([name]),
    add: (name) => page.changeChannels([...workspace.channels, name]),
    remove,
    polled: (answer) => page.setPolled(answer),
  });
  const toolbar = new Toolbar({
    start: () => workspace.start(), stop: () => workspace.stop(), pause, remove,
    showChannels: () => list.open(),
  });
  const showPaused = () => toolbar.showPaused(page.grid.view.paused);

  page.on("channels", (channels) => {
    list.showOpen(channels);
    toolbar.showOpen(channels);
  });
  page.on("state", (state) => toolbar.showState(state));
  page.on("follow", showPaused);
  page.on("update", showPaused);

  return {
    /** Open the channels of an address, as far as their names are valid. */
    open(names) {
      const valid = names.filter((name) => nameFault(name) === null);
      const invalid = names.find((name) => nameFault(name) !== null);
      if (invalid !== undefined) list.showFaultOf(invalid);
      if (invalid === undefined || valid.length > 0) return page.open(valid.length > 0 ? valid : [firstChannel(visible)]);
      workspace.stream.reject([invalid], nameFault(invalid));
      page.showChannels();
      return undefined;
    },
    commands: { channelList: () => list.toggle() },
  };
}

/** The channel to begin with: the usual one, or the first that may be seen. */
export function firstChannel(visible) {
  if (covers(visible, USUAL)) return USUAL;
  const others = visible.filter((name) => !OWN.includes(name));
  return others.find((name) => !isPattern(name)) ?? others[0] ?? USUAL;
}
