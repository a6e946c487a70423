// The pinned filter: the hub sends only the lines that pass it, so a loud channel takes no more of a link than what is looked for.
// The filter in the box goes on working in the page, on what has come.

import { errorText } from "../protocol/errors.js";
import { hubFilter, hubZone } from "../query/hub-filter.js";
import { t } from "../i18n/translate.js";
import { PinToggle } from "../views/pin-toggle.js";
import { toast } from "../views/toast.js";

/** `showFault(message)` says at the filter box what is wrong with the filter. */
export function addPinnedFilter(page, showFault) {
  const { workspace, settings } = page;
  const view = new PinToggle({ toggle });
  const presentFilter = () => hubFilter(workspace.filter, { zone: settings.get("zone") });

  function show() {
    view.show(presentFilter() !== "", workspace.pinned?.q ?? null);
  }

  const presentZone = () => hubZone(settings.get("zone"), Date.now());

  function pin(q, committed = true) {
    if (q === (workspace.pinned?.q ?? null)) return;
    page.pin(q === null ? null : { q, zone: presentZone() }, committed);
  }

  function followZone() {
    const { q, zone } = workspace.pinned ?? {};
    if (q !== undefined && zone !== presentZone()) page.pin({ q, zone: presentZone() }, null);
  }

  function toggle() {
    const present = presentFilter();
    if (workspace.pinned) pin(null);
    else if (present === "") toast(t("pin.none"));
    else pin(present);
  }

  // The hub refuses the stream. If that is because of the filter, its reason is shown where the filter is, and all lines come.
  async function onRefused({ detail }) {
    const { q, zone } = workspace.pinned;
    const fault = (await refusalOf(workspace.channels, q, zone)) ?? detail;
    if (workspace.pinned?.q !== q) return;
    pin(null, null);
    showFault(fault);
  }

  page.on("state", (state) => {
    if (state.name === "error" && state.status === 400 && workspace.pinned) onRefused(state);
  });
  settings.on("zone", followZone);
  page.on("filter", show);
  page.on("pin", show);
  page.on("restored", (state) => pin(state.pin, null));
  show();

  return {
    toggle,
    /** Begin with the pinned filter of an address, before the channels are opened. */
    begin({ pin: q, zone }) {
      if (q === null) return;
      if (zone !== null) settings.override("zone", zone);
      pin(q, null);
    },
    commands: { pinFilter: toggle },
  };
}

// What the hub says of a filter alone: the stream asks for the page's own channels as well.
async function refusalOf(channels, q, zone) {
  const query = new URLSearchParams([...channels.map((channel) => ["channel", channel]), ["q", q], ["zone", zone], ["limit", "1"]]);
  const answer = await fetch(`history?${query}`).catch(() => null);
  return answer?.status === 400 ? errorText(answer) : null;
}
