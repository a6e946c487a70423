// The rules for alerts at the hub: list, make, change, remove, try. See docs/alerts.md.
//
//     await listRules()                        {value: {rules, destinations, error}}
//     await putRule(id, members, version)      {value: rule}          version null: it must not exist yet
//     await removeRule(id, version)            {value: {id}}
//     await tryRule(members)                   {value: {lines, seconds, made, more, alerts}}
//
// What goes wrong is `{fault: {status, detail, member}}`: `member` is the name of the member that is wrong, or "".

import { t } from "../i18n/translate.js";

// Trying a rule takes up to 10 s at the hub.
const TIMEOUT_MS = 30_000;

export const listRules = () => ask("rules", {});

export const putRule = (id, members, version) =>
  ask(pathOf(id), { method: "PUT", body: JSON.stringify(members), headers: version === null ? { "If-None-Match": "*" } : { "If-Match": `"${version}"` } });

export const removeRule = (id, version) => ask(pathOf(id), { method: "DELETE", headers: { "If-Match": `"${version}"` } });

export const tryRule = (members) => ask("rules/test", { method: "POST", body: JSON.stringify(members) });

const pathOf = (id) => `rules/${encodeURIComponent(id)}`;

async function ask(path, options) {
  try {
    const answer = await fetch(path, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) });
    const value = await answer.json().catch(() => ({}));
    if (answer.ok) return { value };
    const detail = value.detail || value.error || `the hub answered ${answer.status}`;
    return { fault: { status: answer.status, detail, member: value.member ?? "" } };
  } catch {
    return { fault: { status: 0, detail: t("publish.unreachable"), member: "" } };
  }
}
