// A rule for alerts as the form has it, and in words. Pure.
//
//     valuesOf(rule)        {id, channels: "shop.* log", when: "count", count: "10", …}     what the fields of the form show
//     membersOf(values)     {channels: ["shop.*", "log"], when: "count", count: 10, …}       what the hub gets
//     ruleText(rule)        "shop.* · level>=error · 10 lines within 5m"
//
// The hub checks everything; here, texts are only put into the form of its members.

import { t } from "../i18n/translate.js";

/** The conditions, with the members that belong to each. */
export const CONDITIONS = {
  each: [], count: ["count", "within"], silence: ["within"], rate: ["factor", "count", "within", "usual"], new: [],
};
// How lists are written: no channel has a blank in its name, but a field may.
const SEPARATORS = { channels: [" ", /[\s,]+/], by: [", ", /\s*,\s*/] };
const NUMBERS = ["count", "factor"];
const MAX_ID = 40;

/** The values of a new rule. */
export const NEW_VALUES = { id: "", channels: "", filter: "", when: "each", count: "10", within: "5m", factor: "3", usual: "24h", by: "", pause: "5m", text: "{rule}: {message}", to: [], paused: false };

export function valuesOf(rule) {
  const values = { ...NEW_VALUES };
  for (const name of Object.keys(values)) if (name in rule) values[name] = rule[name];
  for (const [name, [separator]] of Object.entries(SEPARATORS)) values[name] = values[name].join(separator);
  for (const name of NUMBERS) values[name] = String(values[name]);
  return values;
}

export function membersOf(values) {
  const members = { when: values.when, filter: values.filter.trim(), text: values.text, to: values.to };
  for (const [name, [, separator]] of Object.entries(SEPARATORS)) members[name] = values[name].trim().split(separator).filter(Boolean);
  for (const name of [...CONDITIONS[values.when], "pause"]) {
    const text = values[name].trim();
    if (text) members[name] = NUMBERS.includes(name) && /^\d+(\.\d+)?$/.test(text) ? Number(text) : text;
  }
  if (values.paused) members.paused = true;
  return members;
}

/** An id for a rule about these lines: what there is of letters and digits. */
export const idFor = (channels, filter) => `${channels.join(" ")} ${filter}`.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+/, "").slice(0, MAX_ID).replace(/-+$/, "");

/** What the hub needs to get the same rule again. */
export const membersOfRule = ({ id, version, source, state, ...members }) => members;

/** What a rule is about, in one line. */
export function ruleText(rule) {
  const to = rule.to.length > 0 ? t("alerts.sentTo", { names: rule.to.join(", ") }) : "";
  return [rule.channels.join(" "), rule.filter, t(`alerts.text.${rule.when}`, rule), to].filter(Boolean).join(" · ");
}
