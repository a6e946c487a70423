// The rules for alerts as a list, in a dialog. Texts of rules are shown as text only.

import { formatAge, visible } from "../format/text.js";
import { ruleText } from "../format/alert-rule.js";
import { ALERTS } from "../protocol/channels.js";
import { t } from "../i18n/translate.js";
import { button } from "./button.js";
import { openDialog } from "./dialog.js";

/** What each alert is sent to, whatever its rule says: its channel. */
export const OWN_KIND = "channel";
const PARTS = { dialog: ".rules" };

export class RuleList {
  #on;
  #dialog = $(PARTS.dialog)[0];
  // The rule whose deletion has to be confirmed.
  #leaving = null;
  #shown = "";
  #$list = null;

  /** `on` has `make()`, `makeFromFilter()`, `edit(rule)`, `pause(rule)`, `remove(rule)`, `alerts(rule)` and `closed()`. */
  constructor(on) {
    this.#on = on;
    this.#dialog.addEventListener("close", () => {
      $(this.#dialog).empty();
      this.#leaving = null;
      on.closed();
    });
  }

  /** Show `{rules, destinations, error}` as `GET /rules` has them; `may` is `{operate, see}`: change rules, see the channel of alerts. `words` is what has just happened. */
  show({ rules, destinations, error = null }, may, words = "") {
    const key = JSON.stringify([rules, destinations, error, this.#leaving, words]);
    // Drawn again only when something has changed, with the focus where it was.
    const here = this.#$list !== null && this.#$list[0].isConnected;
    if (here && key === this.#shown) return;
    this.#shown = key;
    const focused = here ? focusOf(document.activeElement) : null;
    const make = [
      button("button primary", { "data-act": "make", "data-testid": "rule-new" }).text(t("alerts.new")).on("click", () => this.#on.make()),
      button("button", { "data-act": "these", "data-testid": "rule-these" }).text(t("alerts.these")).on("click", () => this.#on.makeFromFilter()),
      $("<a>", { class: "link", href: "rules.toml", download: "rules.toml" }).text(t("alerts.file")),
    ];
    const $words = $("<p>", { class: "hint", role: "status", "data-testid": "rules-words" }).text(words);
    const $error = error ? $("<p>", { class: "fault", role: "alert" }).text(visible(error)) : [];
    const $none = rules.length === 0 ? $("<p>").text(t("alerts.none")) : [];
    const items = rules.map((rule) => this.#item(rule, may, { rules, destinations, error }, words));
    this.#$list = $("<ul>", { class: "rule-list", "data-testid": "rule-list", "aria-label": t("alerts.title") }).append(items);
    const $head = $("<div>", { class: "rule-make" }).append(may.operate ? make : []);
    openDialog(this.#dialog, t("alerts.title"), $head, $words, $error, $none, this.#$list, destinationsOf(destinations));
    this.#focus(focused);
  }

  /** Put the focus on a button of a rule. */
  focusOn(id, act) {
    this.#focus({ id, act });
  }

  #focus(wanted) {
    const buttons = $(this.#dialog).find("[data-act]").toArray();
    const same = wanted && buttons.find((each) => each.dataset.act === wanted.act && each.dataset.rule === wanted.id);
    const near = wanted?.id && buttons.find((each) => each.dataset.rule === wanted.id);
    (same || near || buttons[0])?.focus();
  }

  #item(rule, may, state, words) {
    const { id } = rule;
    const act = (name, label, run) => button("button", { "data-act": name, "data-rule": id, "data-testid": `rule-${name}`, "aria-label": `${label}: ${id}` }).text(label).on("click", run);
    const mine = may.operate && rule.source === "page";
    const redraw = (leaving, to) => ((this.#leaving = leaving), this.show(state, may, words), this.focusOn(id, to));
    const buttons = [act("edit", t(mine ? "alerts.edit" : "alerts.show"), () => this.#on.edit(rule))];
    if (mine) buttons.push(act("pause", t(rule.paused ? "alerts.resume" : "alerts.pause"), () => this.#on.pause(rule)));
    if (may.see) buttons.push(act("alerts", t("alerts.itsAlerts"), () => this.#on.alerts(rule)));
    if (mine && this.#leaving !== id) buttons.push(act("remove", t("alerts.remove"), () => redraw(id, "keep")));
    if (mine && this.#leaving === id) {
      buttons.push(act("keep", t("alerts.keep"), () => redraw(null, "remove")));
      buttons.push(act("removeNow", t("alerts.removeNow"), () => ((this.#leaving = null), this.#on.remove(rule))).addClass("danger"));
    }
    const badges = [rule.paused && "alerts.paused", rule.source === "file" && "alerts.ofFile"].filter(Boolean);
    const $head = $("<h3>").text(id).append(badges.map((key) => $("<i>", { class: "rule-badge" }).text(t(key))));
    const $error = rule.state.error ? $("<p>", { class: "fault" }).text(visible(rule.state.error)) : [];
    return $("<li>", { "data-rule": id, "data-testid": "rule" }).append(
      $head, $("<p>", { class: "rule-what" }).text(visible(ruleText(rule))), $("<p>", { class: "hint", "data-testid": "rule-state" }).text(stateOf(rule)), $error,
      $("<div>", { class: "rule-buttons" }).append(buttons),
    );
  }
}

const focusOf = (element) => (element?.dataset?.act ? { act: element.dataset.act, id: element.dataset.rule } : null);

function stateOf({ state, paused }) {
  if (state.alerts > 0) return t("alerts.state", { n: state.alerts, age: formatAge(Math.max(0, Date.now() - Date.parse(state.last_alert))) });
  return t(paused || state.at_work ? "alerts.state.none" : "alerts.state.begins");
}

function destinationsOf(destinations) {
  if (destinations.length === 0) return [];
  const items = destinations.map(({ name, kind, waiting = 0, error = null }) =>
    $("<li>").append(
      $("<b>").text(kind === OWN_KIND ? ALERTS : name), document.createTextNode(` ${kind}${waiting > 0 ? ` · ${t("alerts.waiting", { n: waiting })}` : ""} `),
      error ? $("<span>", { class: "fault" }).text(visible(error)) : [],
    ),
  );
  return [$("<h3>").text(t("alerts.destinations")), $("<ul>", { class: "rule-destinations" }).append(items)];
}
