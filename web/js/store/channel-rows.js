// The channel list as rows, from the hub's list, what is open and what was typed. Pure.
//
//     channelRows({ tree, names, channels, open: ["shop.api"], needs, typed: "", folds })  ->  [{ kind, key, level, … }, …]
//
// With few names each has a row. With more there are three sections: those that are open, those that need a look, and all, as a tree.
// While a name is typed, the rows are those that it finds.

import { shortNames } from "../format/channel-names.js";
import { fuzzyFind } from "../format/fuzzy.js";
import { covers, isPattern, nameFault } from "../protocol/channels.js";

const FEW = 12;
const MOST_NEEDS = 6;
const MOST_FOUND = 200;
// A channel is silent when it has had no line for this many of its usual silences, and this long.
const SILENCES = 5;
const SILENT_MS = 60_000;
const SILENT_UP_TO_MS = 86_400_000;
const NEW_MS = 600_000;

/** Why channels of the hub's list need a look, `[{name, why}, …]`: "errors" first, then "silent" and "new". `seenAt(name)` is when the page first heard of one that is new. */
export function needsOf(channels, seenAt, now) {
  const found = { errors: [], silent: [], new: [] };
  for (const channel of channels) {
    const why = channel.errors_last_minute > 0 ? "errors" : isSilent(channel, now) ? "silent" : now - seenAt(channel.name) < NEW_MS ? "new" : null;
    if (why !== null) found[why].push(channel);
  }
  found.errors.sort((one, other) => other.errors_last_minute - one.errors_last_minute);
  found.silent.sort((one, other) => Date.parse(other.last_line) - Date.parse(one.last_line));
  found.new.sort((one, other) => seenAt(other.name) - seenAt(one.name));
  return Object.entries(found).flatMap(([why, each]) => each.map(({ name }) => ({ name, why })));
}

function isSilent({ last_line: last, usual_gap_seconds: usual }, now) {
  if (!last || usual === null || usual === undefined) return false;
  const quietMs = now - Date.parse(last);
  return quietMs > Math.max(SILENT_MS, usual * 1_000 * SILENCES) && quietMs < SILENT_UP_TO_MS;
}

/** Lines per second, errors of the last minute, and how many channels, of those with these names. */
export function totalsOf(names, channels) {
  const totals = { count: 0, rate: 0, errors: 0 };
  for (const name of names) {
    const channel = channels.get(name);
    totals.count += 1;
    totals.rate += channel?.lines_per_second ?? 0;
    totals.errors += channel?.errors_last_minute ?? 0;
  }
  return totals;
}

/** Names of `[[name, lines held], …]`, those with the most lines per second first, then those with the most lines. */
export const busiestFirst = (held, rates) => held.sort(([name, count], [other, others]) => (rates.get(other) ?? 0) - (rates.get(name) ?? 0) || others - count).map(([name]) => name);

/**
 * The rows. `tree`: see groupNames(); `names`: all of the hub and the open ones; `channels`: the hub's entries by name; `open`: names and patterns; `needs`: see needsOf();
 * `folds`: by key, whether the reader has opened (true) or closed (false) a group, a section, or the rest of one.
 */
export function channelRows({ tree, names, channels, open, needs, typed, folds }) {
  if (typed !== "") return foundRows(names, typed, folds);
  if (names.length <= FEW) return [...names].sort().map((name) => channelRow("all", name, name, 1));
  const shown = new Set(open);
  const rows = section("open", open.length, folds, () => open.map((name) => channelRow("open", name, name, 2)));
  const others = needs.filter(({ name }) => !shown.has(name));
  if (others.length > 0) rows.push(...section("needs", others.length, folds, () => needRows(others, folds)));
  for (const { name } of others) shown.add(name);
  return [...rows, ...section("all", channels.size, folds, () => treeRows(tree, 2, folds, tree.length === 1))];
}

function section(name, count, folds, rows) {
  const key = `section ${name}`;
  const unfolded = folds.get(key) ?? true;
  return [{ kind: "section", key, name, level: 1, count, unfolded }, ...(unfolded ? rows() : [])];
}

function needRows(needs, folds) {
  const key = "more needs";
  const whole = folds.get(key) ?? false;
  const rows = needs.slice(0, whole ? Infinity : MOST_NEEDS).map(({ name, why }) => ({ ...channelRow("needs", name, name, 2), why }));
  if (needs.length > MOST_NEEDS) rows.push({ kind: "more", key, level: 2, count: needs.length - MOST_NEEDS, unfolded: whole });
  return rows;
}

function treeRows(nodes, level, folds, alone) {
  const rows = [];
  for (const node of nodes) {
    if (node.name !== undefined) {
      rows.push(channelRow("all", node.name, node.label, level));
      continue;
    }
    const key = `group ${node.prefix}`;
    const unfolded = folds.get(key) ?? alone;
    rows.push({ kind: "group", key, name: `${node.prefix}*`, label: node.label, level, names: node.names, unfolded });
    if (unfolded) rows.push(...treeRows(node.children, level + 1, folds, node.children.length === 1));
  }
  return rows;
}

// The best first. What was typed is the first if it is a name or a pattern itself, else the last: it may be a name that is not known yet.
function foundRows(names, typed, folds) {
  const found = fuzzyFind(isPattern(typed) ? names.filter((name) => covers([`*${typed}*`], name)) : names, typed.replaceAll("*", " "));
  const whole = folds.get("more found") ?? false;
  const first = whole ? found : found.slice(0, MOST_FOUND);
  const short = found.length > 1 && found.length <= FEW ? shortNames(found) : new Map();
  const rows = first.filter((name) => name !== typed).map((name) => channelRow("found", name, short.get(name) ?? name, 1));
  if (found.length > MOST_FOUND) rows.push({ kind: "more", key: "more found", level: 1, count: found.length - MOST_FOUND, unfolded: whole });
  if (names.includes(typed)) return [channelRow("found", typed, typed, 1), ...rows];
  if (nameFault(typed)) return rows;
  const asTyped = { kind: "typed", key: "typed", name: typed, level: 1 };
  return isPattern(typed) ? [asTyped, ...rows] : [...rows, asTyped];
}

const channelRow = (from, name, label, level) => ({ kind: "channel", key: `${from} ${name}`, from, name, label, level });
