// The address of the page: kept up to date, restored by Back, copied, and saved as a view under a name.

import { DEFAULTS } from "../app/settings.js";
import { readUrlState, writeUrlState } from "../app/url-state.js";
import { t } from "../i18n/translate.js";
import { parseId } from "../protocol/ids.js";
import { copyText } from "../views/clipboard.js";
import { loadLater } from "../views/later.js";
import { toast } from "../views/toast.js";

const PARTS = { panel: "#views", share: "[data-testid=share]" };
const SETTINGS_IN_URL = ["wrap", "time", "zone"];

/** `opened` is the state of the address the page was opened with; `restoreFilter(state)` shows its filter. */
export function addUrlAndViews(page, opened, restoreFilter) {
  const { workspace, settings, style } = page;
  const { ring } = workspace;
  let at = opened.at;
  // The address that Back returns to, while a filter that is being typed stands in its place.
  let before = null;
  let pushes = 0;

  function currentUrl() {
    const { text, hidden, range } = workspace.filter;
    const chosen = Object.fromEntries(SETTINGS_IN_URL.map((name) => [name, settings.get(name) === DEFAULTS[name] ? null : settings.get(name)]));
    return writeUrlState({ channels: workspace.channels, tail: opened.tail, text, hidden, range, span: page.span, columns: style.columns, ...chosen, at, context: workspace.lifted, statistics: page.statistics, pin: workspace.pinned?.q ?? null });
  }

  // `committed`: true adds a step that Back undoes, false replaces the address until the next step, and without it the step stays the same.
  function updateUrl(committed) {
    const next = currentUrl();
    if (committed && before) history.replaceState(null, "", before);
    before = committed === false ? (before ?? location.search) : null;
    if (next === location.search) return;
    if (committed) {
      pushes += 1;
      history.pushState(null, "", next);
    } else history.replaceState(null, "", next);
  }

  function linkTo(seq) {
    const query = new URLSearchParams(currentUrl());
    query.set("at", `${ring.channel(seq)}@${ring.id(seq)}`);
    return `${location.origin}${location.pathname}?${query}`;
  }

  async function copyLink(seq = page.grid.selected) {
    if (seq === null || ring.isNote(seq)) return;
    toast(t((await copyText(linkTo(seq))) ? "share.linkCopied" : "drawer.denied"));
  }

  async function copyUrl() {
    toast(t((await copyText(location.href)) ? "share.urlCopied" : "drawer.denied"));
  }

  /** Show the state of an address, except for its channels. */
  function restore(state) {
    const { text, hidden, range, span, columns, ...rest } = state;
    for (const name of SETTINGS_IN_URL) if (rest[name] !== null) settings.override(name, rest[name]);
    restoreFilter({ text, hidden, range });
    page.setColumns(columns, null);
    page.setSpan(span, null);
    page.emit("restored", state);
  }

  /** Bring the line of a link, `{channel, id}`, into sight, from the log if it is not held; report when it is gone. */
  async function goToLine({ channel, id }) {
    const position = parseId(id);
    // It may be among the lines that are held back.
    const find = () => {
      workspace.ingest.release();
      return ring.seqOf(channel, position);
    };
    // It may be of another time than the range of the past that is shown.
    if (find() === null && workspace.past && !workspace.holds([position.fence, position.fence])) page.setFilter({ range: null }, null);
    if (find() === null && (await isRecorded(channel, position))) await workspace.history.loadUntil(() => find() !== null);
    const seq = find();
    if (seq === null) return toast(t("share.expired"));
    page.grid.goTo(seq);
    return page.grid.view.flash(seq);
  }

  /** Bring a line of any channel into sight: open its channel if needed, and lift the filter. */
  async function showLine(line) {
    if (!workspace.ingest.accepts(line.channel)) page.changeChannels([...workspace.channels, line.channel]);
    page.clearFilter();
    await workspace.settled;
    await goToLine(line);
  }

  async function isRecorded(channel, { fence, count }) {
    const query = new URLSearchParams({ channel, after: `${fence}-${count - 1}`, limit: "1" });
    try {
      const { lines } = await (await fetch(`history?${query}`)).json();
      return lines.length > 0 && lines[0][0] === `${fence}-${count}`;
    } catch {
      return false;
    }
  }

  async function drawViews() {
    const panel = await loadLater(() => import("../views/views-panel.js"));
    if (panel) panel.drawViews($(PARTS.panel), settings, { open: openView, copyUrl: () => (close(), copyUrl()) });
    else close();
  }

  const close = () => $(PARTS.panel)[0].hidePopover();

  /** Open a saved view. */
  function openView(query) {
    const [panel] = $(PARTS.panel);
    if (panel.matches(":popover-open")) close();
    history.pushState(null, "", query);
    restoreUrl();
  }

  function restoreUrl() {
    const state = readUrlState(location.search);
    at = state.at;
    before = null;
    page.changeChannels(state.channels);
    restore(state);
    if (state.at) goToLine(state.at);
  }

  window.addEventListener("popstate", restoreUrl);
  $(PARTS.share).on("click", copyUrl);
  $(PARTS.panel).on("beforetoggle", (event) => {
    if (event.originalEvent.newState === "open") drawViews();
  });
  page.on("filter", ({ committed }) => committed !== null && updateUrl(committed));
  page.on("columns", ({ committed }) => committed !== null && updateUrl(committed));
  page.on("statistics", ({ committed }) => updateUrl(committed));
  page.on("span", ({ committed }) => committed !== null && updateUrl(committed));
  page.on("context", ({ committed }) => committed !== null && updateUrl(committed));
  page.on("pin", ({ committed }) => committed !== null && updateUrl(committed));
  page.on("channels", () => updateUrl());
  page.on("select", (seq) => {
    at = seq !== null && ring.has(seq) && !ring.isNote(seq) ? { channel: ring.channel(seq), id: ring.id(seq) } : null;
    updateUrl();
  });
  settings.on(SETTINGS_IN_URL, () => updateUrl());

  return { restore, goToLine, showLine, copyLink, linkTo, openView, /** How many steps that Back undoes have been added. */ pushes: () => pushes, commands: { link: () => copyLink(), copyUrl } };
}
