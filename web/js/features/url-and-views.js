// The address of what is looked at: kept true, gone back with Back, copied, saved under a name.

import { readAddress, writeAddress } from "../app/url-state.js";
import { parseId } from "../protocol/ids.js";
import { t } from "../i18n/translate.js";
import { DEFAULTS } from "../app/settings.js";
import { button } from "../views/button.js";
import { copyText } from "../views/clipboard.js";
import { toast } from "../views/toast.js";

const PARTS = { panel: "#views" };
const LENT = ["wrap", "time", "zone"];

export function sharing(page, opened) {
  const { desk, settings, style } = page;
  const { ring } = desk;
  let at = opened.at;
  // The address that Back is to come to, while what is being typed stands in its place.
  let before = null;

  function address() {
    const { text, hidden, range } = desk.asked;
    const chosen = Object.fromEntries(LENT.map((name) => [name, settings.get(name) === DEFAULTS[name] ? null : settings.get(name)]));
    return writeAddress({ channels: desk.channels, tail: opened.tail, text, hidden, range, columns: style.columns, ...chosen, at });
  }

  /** Put what is looked at into the address; `step` true: as something that Back undoes; false: only until the next step. */
  function showAddress(step) {
    const next = address();
    if (step && before) history.replaceState(null, "", before);
    before = step === false ? (before ?? location.search) : null;
    if (next === location.search) return;
    if (step) history.pushState(null, "", next);
    else history.replaceState(null, "", next);
  }

  function showSelected(seq) {
    at = seq !== null && ring.has(seq) && !ring.isNote(seq) ? { channel: ring.channel(seq), id: ring.id(seq) } : null;
    showAddress();
  }

  function linkOf(seq) {
    const query = new URLSearchParams(address());
    query.set("at", `${ring.channel(seq)}@${ring.id(seq)}`);
    return `${location.origin}${location.pathname}?${query}`;
  }

  async function copyLink(seq = page.grid.selected) {
    if (seq === null || ring.isNote(seq)) return;
    toast(t((await copyText(linkOf(seq))) ? "share.linkCopied" : "drawer.denied"));
  }

  async function copyUrl() {
    toast(t((await copyText(location.href)) ? "share.urlCopied" : "drawer.denied"));
  }

  /** Take in what an address asks for, apart from its channels. */
  function take({ text, hidden, range, columns, ...rest }) {
    for (const name of LENT) if (rest[name] !== null) settings.lend(name, rest[name]);
    style.columns = columns;
    page.levels.show(hidden);
    page.filter.show(text, desk.ask({ text, off: new Set(), hidden, range }));
    page.showAsked();
    page.rewrite();
  }

  /** Bring the line of a link into sight, out of the log if it is not held; say so where it is gone. */
  async function goToLine({ channel, id }) {
    const wanted = parseId(id);
    const found = () => ring.seqOf(channel, wanted);
    if (found() === null && (await isRecorded(channel, wanted))) await desk.older.until(() => found() !== null);
    const seq = found();
    if (seq === null) return toast(t("share.expired"));
    page.grid.goTo(seq);
    page.flash(seq);
  }

  /** Bring a line of any channel into sight: its channel is opened where it is not, and the filter lifted. */
  async function showLine(place) {
    if (!desk.intake.watches(place.channel)) page.change([...desk.channels, place.channel]);
    page.askAll();
    await desk.settled;
    await goToLine(place);
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

  function drawViews() {
    const views = settings.get("views");
    const items = views.map(({ name, query }) => {
      const $open = button("menu-item", { "data-testid": "saved-view" }).append($("<span>").text(name)).on("click", () => openView(query));
      const $drop = button("button", { "aria-label": t("views.remove", { name }) }).text("✕");
      $drop.on("click", () => (settings.set("views", settings.get("views").filter((view) => view.name !== name)), drawViews()));
      return $("<div>", { class: "menu-line" }).append($open, $drop);
    });
    const $name = $("<input>", { class: "field", "data-testid": "view-name", placeholder: t("views.name"), "aria-label": t("views.name"), maxlength: 60 });
    const $save = $("<form>", { class: "menu-line" }).append($name, button("button", { "data-testid": "view-save" }).text(t("views.save")));
    $save.on("submit", (event) => {
      event.preventDefault();
      const name = $name.val().trim();
      if (!name) return;
      settings.set("views", [...settings.get("views").filter((view) => view.name !== name), { name, query: location.search }]);
      drawViews();
    });
    const $copy = button("menu-item").append($("<span>").text(t("act.copyUrl"))).on("click", () => (close(), copyUrl()));
    $(PARTS.panel).empty().append($("<h2>").text(t("views.title")), items, views.length === 0 ? $("<p>").text(t("views.none")) : [], $save, $copy);
  }

  const close = () => $(PARTS.panel)[0].hidePopover();

  function openView(query) {
    const [panel] = $(PARTS.panel);
    if (panel.matches(":popover-open")) close();
    history.pushState(null, "", query);
    comeTo();
  }

  function comeTo() {
    const wanted = readAddress(location.search);
    at = wanted.at;
    before = null;
    if (String(wanted.channels) !== String(desk.channels) && wanted.channels.length > 0) page.change(wanted.channels);
    take(wanted);
    if (at) goToLine(at);
  }

  window.addEventListener("popstate", comeTo);
  $(PARTS.panel).on("beforetoggle", (event) => event.originalEvent.newState === "open" && drawViews());

  return { showAddress, showSelected, take, goToLine, showLine, copyLink, openView, act: { link: () => copyLink(), copyUrl } };
}
