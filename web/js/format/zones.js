// Time zones: what the clock of a zone shows at a time, and the time at which it shows that. A zone is "local", "UTC", any IANA name
// ("Asia/Shanghai"), or an offset in minutes. Pure.
//
//     offsetAt("Asia/Kolkata", ms)                                     330
//     clockAt("UTC", ms)                                               {year, month, day, hour, minute, second, ms, weekday}
//     momentOf({year: 2026, month: 11, day: 21, hour: 3}, "local")     ms
//     zoneFault("Mars/Base")                                           "There is no time zone “Mars/Base”."

const QUARTER_MS = 15 * 60_000;
const MAX_KNOWN = 5_000;

const formats = new Map();
// Clocks change at a quarter of an hour only, and each call of Intl takes microseconds: its answers are kept.
const known = new Map();

/** What is wrong with the name of a zone, or null. */
export function zoneFault(zone) {
  if (zone === "local" || zone === "UTC" || typeof zone === "number") return null;
  try {
    formatOf(zone);
    return null;
  } catch {
    return `There is no time zone “${zone}”.`;
  }
}

/** How many minutes the clock of a zone is ahead of UTC at a time (ms). Raises RangeError for an unknown zone. */
export function offsetAt(zone, ms) {
  if (typeof zone === "number") return zone;
  if (zone === "UTC") return 0;
  if (zone === "local") return -new Date(ms).getTimezoneOffset();
  const quarter = Math.floor(ms / QUARTER_MS) * QUARTER_MS;
  const key = `${zone} ${quarter}`;
  let offset = known.get(key);
  if (offset === undefined) {
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(key, (offset = offsetByIntl(zone, quarter)));
  }
  return offset;
}

/** What the clock of a zone shows at a time; `month` from 1, `weekday` 0 for Sunday. */
export function clockAt(zone, ms) {
  const date = new Date(ms + offsetAt(zone, ms) * 60_000);
  return {
    year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate(), weekday: date.getUTCDay(),
    hour: date.getUTCHours(), minute: date.getUTCMinutes(), second: date.getUTCSeconds(), ms: date.getUTCMilliseconds(),
  };
}

/**
 * The time (ms) at which the clock of a zone shows this. If it does so twice, the first time; if it never does, because the clock is put
 * forward, as much later.
 */
export function momentOf({ year, month = 1, day = 1, hour = 0, minute = 0, second = 0, ms = 0 }, zone) {
  const asUtc = Date.UTC(year, month - 1, day, hour, minute, second, ms);
  const before = offsetAt(zone, asUtc - 86_400_000) * 60_000;
  const after = offsetAt(zone, asUtc + 86_400_000) * 60_000;
  const first = asUtc - Math.max(before, after);
  const last = asUtc - Math.min(before, after);
  if (offsetAt(zone, first) * 60_000 === asUtc - first) return first;
  return offsetAt(zone, last) * 60_000 === asUtc - last ? last : asUtc - before;
}

/** An offset in minutes as it is written: "+05:30". */
export function offsetText(minutes) {
  const two = (number) => String(number).padStart(2, "0");
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.round(Math.abs(minutes)) % 60)}`;
}

/** A zone and its offset at a time: "local (UTC+02:00)", "UTC", "Asia/Kolkata (UTC+05:30)". */
export function zoneText(zone, ms) {
  if (zone === "UTC") return "UTC";
  const offset = `UTC${offsetText(offsetAt(zone, ms))}`;
  return typeof zone === "number" ? offset : `${zone} (${offset})`;
}

function formatOf(zone) {
  let format = formats.get(zone);
  if (format === undefined) {
    const two = "2-digit";
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone, hourCycle: "h23", year: "numeric", month: two, day: two, hour: two, minute: two, second: two,
    });
    formats.set(zone, format);
  }
  return format;
}

function offsetByIntl(zone, ms) {
  const parts = {};
  for (const { type, value } of formatOf(zone).formatToParts(ms)) parts[type] = Number(value);
  const shown = Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second);
  return Math.round((shown - ms) / 60_000);
}
