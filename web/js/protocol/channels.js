// Channel names and patterns, by the rules of the hub.

import { shownLine } from "../format/text.js";
import { t } from "../i18n/translate.js";

const MAX_CHANNELS = 32;
const NAME = /^[A-Za-z0-9._:/@+*-]{1,128}$/;

/** What is wrong with a name or pattern that the hub would refuse, or null. */
export function nameFault(name) {
  if (NAME.test(name)) return null;
  if (name.length > 128) return t("channels.long");
  return t("channels.bad");
}

/** The channel of markers, which everybody with an open channel sees. Markers are never published on the channels of applications. */
export const MARKERS = "sse-hub.markers";

/** The channel of alerts. The page marks the lines that they are about. */
export const ALERTS = "sse-hub.alerts";

/** The channels that the page follows beside those of the reader. */
export const OWN = [MARKERS, ALERTS];
const OWN_WORDS = { [MARKERS]: '"@event"', [ALERTS]: "alert" };

export const isPattern = (name) => name.includes("*");

/** True when `channel` is one of these names, or matches one of these patterns. */
export const covers = (names, channel) => names.some((name) => (isPattern(name) ? globOf(name).test(channel) : name === channel));

/** These channels, and the page's own ones if they are among the `visible` ones: the hub would refuse a request for a hidden channel. */
export const withOwn = (names, visible) => [...names, ...OWN.filter((own) => !covers(names, own) && covers(visible, own))].slice(0, Math.max(names.length, MAX_CHANNELS));

/** The filter `q` so that it also passes what these channels have of the page's own ones; each has a word by which the hub refuses other lines soon. */
export const passingOwn = (q, names) => [...OWN.filter((own) => names.includes(own)).map((own) => `(channel=${own} ${OWN_WORDS[own]})`), q].join(" OR ");

const MAX_GLOBS = 200;
const globs = new Map();

// Kept: a list of thousands of channels is compared again and again.
function globOf(pattern) {
  if (globs.size > MAX_GLOBS) globs.clear();
  if (!globs.has(pattern)) globs.set(pattern, makeGlob(pattern));
  return globs.get(pattern);
}

function makeGlob(pattern) {
  const parts = pattern.split(/\*+/).map((part) => part.replace(/[.+/\\^$?()[\]{}|-]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`);
}

/** One of eight hues, the same for a name on every page. */
export function hueOf(name) {
  let hash = 0;
  for (const char of name) hash = (hash * 31 + char.codePointAt(0)) | 0;
  return (hash >>> 0) % 8;
}

/** The note for a line that is a marker or ends its publisher; null for any other line. `record`: see normalise(). */
export const noteOf = (channel, record, line) =>
  record.event === "closed" ? { kind: "closed", channel, raw: line } : record.event === "marker" ? markerOf(channel, record, line) : null;

/** The note for a marker. */
export const markerOf = (channel, { msg, raw }, line) => ({ kind: "marker", channel, text: shownLine(msg ?? raw).slice(0, 200), raw: line });
