// The way to the silence alarm: its command, and the channels that the reader has chosen. All else is loaded when it is wanted.

import { addLater } from "./later.js";

/** `clockSkew` is how many ms the browser's clock is ahead of the hub's. */
export function addSilenceAlarm(page, clockSkew) {
  const { commands: { silenceAlarm, check } } = addLater(
    ["silenceAlarm", "check"],
    () => import("./silence-watch.js"),
    ({ addSilenceWatch }) => addSilenceWatch(page, clockSkew),
  );
  page.on("polled", ({ channels }) => Object.keys(page.settings.get("alarms")).length > 0 && check(channels));
  return { commands: { silenceAlarm } };
}
