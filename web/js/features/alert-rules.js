// The rules for alerts: everybody sees those whose channels they may read; operators make, change, pause, try and delete them.

import { listRules, putRule, removeRule, tryRule } from "../connection/rule-requests.js";
import { NEW_VALUES, idFor, membersOf, membersOfRule, valuesOf } from "../format/alert-rule.js";
import { t } from "../i18n/translate.js";
import { ALERTS, covers } from "../protocol/channels.js";
import { compileQuery } from "../query/index.js";
import { hubFilter } from "../query/hub-filter.js";
import { fieldTerm } from "../query/terms.js";
import { RuleForm } from "../views/rule-form.js";
import { RuleList } from "../views/rule-list.js";
import { toast } from "../views/toast.js";

const POLL_MS = 3_000;

/** `identity` says whether the reader may `operate` the hub and which channels they may read; `showLine({channel, id})` brings a line into sight. */
export function addAlertRules(page, { identity, showLine }) {
  const { workspace, settings } = page;
  const may = { operate: identity.operate === true, see: covers(identity.subscribe, ALERTS) };
  let known = { rules: [], destinations: [], error: null };
  let words = "";
  let polling = 0;
  // The rule in the form, as the hub had it; null: a new one.
  let edited = null;
  const list = new RuleList({ make: () => showForm(null, NEW_VALUES), makeFromFilter: fromFilter, edit: showRule, pause, remove, alerts: showAlerts, closed: () => clearTimeout(polling) });
  const form = new RuleForm({ save, test, back: () => showList("", edited?.id, "edit"), line: goToLine });

  async function open() {
    await showList();
  }

  async function showList(said = "", id = undefined, act = "make") {
    words = said;
    await refresh();
    list.show(known, may, words);
    list.focusOn(id, act);
    poll();
  }

  async function refresh() {
    const { value, fault } = await listRules();
    if (fault) words = fault.detail;
    else known = value;
  }

  // What rules have done is shown while somebody looks at it.
  function poll() {
    clearTimeout(polling);
    polling = setTimeout(async () => {
      if (form.shown) return;
      await refresh();
      if (form.shown || !$(".rules")[0].open) return;
      list.show(known, may, words);
      poll();
    }, POLL_MS);
  }

  function showRule(rule) {
    showForm(rule, valuesOf(rule));
  }

  function showForm(rule, values) {
    clearTimeout(polling);
    edited = rule;
    form.zone = settings.get("zone");
    const save = may.operate && rule?.source !== "file";
    const why = rule?.source === "file" ? t("alerts.fileOnly") : may.operate ? "" : t("alerts.readOnly");
    form.show(values, { title: rule ? t("alerts.rule", { id: rule.id }) : t("alerts.new"), isNew: rule === null, destinations: known.destinations, may: { save, test: may.operate }, why });
  }

  // "Alert me about these": what the page shows now.
  async function fromFilter() {
    if (!may.operate) return toast(t("alerts.readOnly"));
    // The names of the destinations are needed.
    await refresh();
    const filter = hubFilter(workspace.filter, { zone: settings.get("zone") });
    const { channels } = workspace;
    return showForm(null, { ...NEW_VALUES, id: idFor(channels, filter), channels: channels.join(" "), filter });
  }

  // What the page itself sees is said at once; all else is the hub's to judge.
  function checked(values) {
    const fault = compileQuery(values.filter, { now: Date.now(), zone: settings.get("zone") }).fault;
    form.showFault(fault ? { member: "filter", detail: fault.message } : null);
    return fault ? null : membersOf(values);
  }

  async function save(values) {
    const members = checked(values);
    if (!members) return;
    const id = edited?.id ?? values.id.trim();
    if (id === "") return form.showFault({ member: "id", detail: t("alerts.needsId") });
    const { value, fault } = await putRule(id, members, edited?.version ?? null);
    if (!fault) return showList(t("alerts.saved", { id }), value.id, "edit");
    return form.showFault(await explained(id, fault));
  }

  // A conflict is explained, and what was typed stays: saving again then replaces what somebody else has made.
  async function explained(id, fault) {
    if (fault.status !== 409 && fault.status !== 404) return fault;
    if (edited === null) return { member: "id", detail: fault.detail };
    await refresh();
    const now = known.rules.find((rule) => rule.id === id);
    edited = now ?? { ...edited, version: null };
    return { member: "", detail: t(now ? "alerts.conflict" : "alerts.conflict.gone") };
  }

  async function test(values) {
    const members = checked(values);
    if (!members) return;
    form.showTrial(t("alerts.trying"));
    const { value, fault } = await tryRule(members);
    form.showFault(fault ?? null);
    form.showTrial(value ?? "");
  }

  async function pause(rule) {
    const { fault } = await putRule(rule.id, { ...membersOfRule(rule), paused: !rule.paused }, rule.version);
    await showList(fault ? told(fault) : t(rule.paused ? "alerts.resumed" : "alerts.nowPaused", { id: rule.id }), rule.id, "pause");
  }

  async function remove(rule) {
    const { fault } = await removeRule(rule.id, rule.version);
    await showList(fault ? told(fault) : t("alerts.removed", { id: rule.id }), rule.id, "remove");
  }

  const told = (fault) => (fault.status === 409 ? t("alerts.conflict.list") : fault.detail);

  function close() {
    $(".rules")[0].close();
  }

  function showAlerts(rule) {
    close();
    if (!workspace.ingest.accepts(ALERTS)) page.reopen([...workspace.channels, ALERTS]);
    page.setFilter({ text: `channel=${ALERTS} ${fieldTerm("rule", rule.id)}`, hidden: new Set(), range: null });
    page.grid.view.focus();
  }

  function goToLine(line) {
    close();
    showLine(line);
  }

  return { commands: { alertRules: open, alertFromFilter: fromFilter } };
}
