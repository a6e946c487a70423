// Channel names and patterns, as the hub takes them.

import { firstLine } from "../format/text.js";
import { t } from "../i18n/translate.js";

const MAX_CHANNELS = 32;
const NAME = /^[A-Za-z0-9._:/@+*-]{1,128}$/;

/** What is wrong with a name or pattern that the hub would refuse, or null. */
export function nameFault(name) {
  if (NAME.test(name)) return null;
  if (name.length > 128) return t("channels.long");
  return t("channels.bad");
}

/** Where markers are published that all who watch a channel see. The apps' own channels have none of them. */
export const MARKERS = "sse-hub.markers";

export const isPattern = (name) => name.includes("*");

/** True when a line of `channel` belongs to one of the names and patterns in `wanted`. */
export const covers = (wanted, channel) => wanted.some((name) => (isPattern(name) ? globOf(name).test(channel) : name === channel));

/** What to watch to see these channels with their markers, if one who may see `seen` may see these: else the hub would refuse all. */
export const withMarkers = (names, seen) =>
  names.length < MAX_CHANNELS && !covers(names, MARKERS) && covers(seen, MARKERS) ? [...names, MARKERS] : names;

function globOf(pattern) {
  const parts = pattern.split(/\*+/).map((part) => part.replace(/[.+/\\^$?()[\]{}|-]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`);
}

/** One of eight hues, the same for a name on every page. */
export function hueOf(name) {
  let hash = 0;
  for (const char of name) hash = (hash * 31 + char.codePointAt(0)) | 0;
  return (hash >>> 0) % 8;
}

/** The note that a line of a channel is, a marker or the end of its publisher, or null; `record` is the normaliser's. */
export const noteOf = (channel, record, line) =>
  record.event === "closed" ? { kind: "closed", channel, raw: line } : record.event === "marker" ? markerOf(channel, record, line) : null;

export const markerOf = (channel, { msg, raw }, line) => ({ kind: "marker", channel, text: firstLine(msg ?? raw).slice(0, 200), raw: line });
