// Times as ms since the epoch, from all forms that loggers write. Times before 2000 or after tomorrow are not accepted.
//
//     timeOf("2026-11-21T03:50:18.78+02:00")         {ms, zone: true, wall: null}
//     timeOf("Nov 21 03:50:18")                      {ms, zone: false, wall}   `wall` is what the clock showed, as if it were UTC
//     timeOf(1795233018.78), timeOf("1795233018780000")     by size: s, ms, µs or ns

import { milliseconds, epochToMs } from "../format/parse-time.js";
import { clockAt, momentOf, offsetAt } from "../format/zones.js";

const EARLIEST = Date.UTC(2000, 0, 1);
const DAY_MS = 86_400_000;
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const CLOCK = "(?<hour>\\d\\d):(?<minute>\\d\\d)(?::(?<second>\\d\\d)(?:[.,](?<fraction>\\d{1,9}))?)?";
const ZONE = "(?<zone>Z|UTC|GMT|[+-]\\d\\d(?::?\\d\\d)?|[A-Z]{2,5})";
// By far the most frequent form: numbered groups are twice as fast as named ones.
const ISO =
  /^(\d{4})[-/](\d\d)[-/](\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?\s*(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?|[A-Z]{2,5})?$/i;
const SHAPES = [
  `(?<day>\\d\\d)/(?<name>[A-Z]{3})/(?<year>\\d{4}):${CLOCK} ${ZONE}`,
  `(?<name>[A-Z]{3}) (?<day>[ \\d]\\d) ${CLOCK}`,
  `[A-Z]{3} (?<name>[A-Z]{3}) (?<day>[ \\d]\\d) ${CLOCK} (?<year>\\d{4})`,
  `(?<day>\\d\\d) (?<name>[A-Z]{3}) (?<year>\\d{4}) ${CLOCK}`,
  `(?<month>\\d\\d)-(?<day>\\d\\d) ${CLOCK}`,
].map((shape) => new RegExp(`^${shape}$`, "i"));

/**
 * `{ms, zone, wall}` of a number or a text, or null. `zone` is false when the text names none: `ms` is then read as local. `arrivedAt`
 * gives the year to a time without one.
 */
export function timeOf(value, arrivedAt = null) {
  const found = typeof value === "number" ? ofNumber(value) : typeof value === "string" ? ofText(value.trim(), arrivedAt) : null;
  return found && found.ms >= EARLIEST && found.ms <= Math.max(arrivedAt ?? 0, Date.now()) + DAY_MS ? found : null;
}

const ofNumber = (number) => (number > 1e9 ? { ms: epochToMs(number), zone: true, wall: null } : null);

/** `{ms, offset}` of a time without a zone, read in a zone. */
export function inZone(wall, zone) {
  const ms = momentOf(clockAt("UTC", wall), zone);
  return { ms, offset: offsetAt(zone, ms) };
}

// Not Date.parse: it reads a date without a zone as local or as UTC, depending on its shape.
function ofText(text, arrivedAt) {
  if (/^\d{10,19}(\.\d+)?$/.test(text)) return ofNumber(Number(text));
  if (text.length > 64) return null;
  const iso = ISO.exec(text);
  if (iso) {
    const [, year, month, day, hour, minute, second, fraction, zone] = iso;
    return ofParts({ year, month, day, hour, minute, second, fraction, zone }, arrivedAt);
  }
  for (const shape of SHAPES) {
    const match = shape.exec(text);
    if (match) return ofParts(match.groups, arrivedAt);
  }
  return null;
}

function ofParts({ year, month, name, day, hour = 0, minute = 0, second = 0, fraction, zone }, arrivedAt) {
  const at = { month: name ? MONTHS.indexOf(name.toLowerCase()) + 1 : Number(month), day: Number(day) };
  const clock = { hour: Number(hour), minute: Number(minute), second: Number(second) };
  const ms = milliseconds(fraction);
  const ofYear = (each) => wallOf({ year: each, ...at, ...clock, ms });
  let wall = ofYear(year ? Number(year) : new Date(arrivedAt ?? Date.now()).getUTCFullYear());
  // A missing year is the current one, or the last one if the time would be after tomorrow.
  if (wall !== null && !year && wall > (arrivedAt ?? Date.now()) + DAY_MS) wall = ofYear(new Date(wall).getUTCFullYear() - 1);
  if (wall === null) return null;
  const offset = zone === undefined ? null : offsetOf(zone);
  if (offset !== null) return { ms: wall - offset, zone: true, wall: null };
  return { ms: localOf(wall), zone: false, wall };
}

// As momentOf(clock, "local"), but faster.
function localOf(wall) {
  const shown = new Date(wall);
  const [year, month, day] = [shown.getUTCFullYear(), shown.getUTCMonth(), shown.getUTCDate()];
  return new Date(year, month, day, 0, 0, 0, wall % DAY_MS).getTime();
}

function wallOf({ year, month, day, hour, minute, second, ms }) {
  if (month < 1 || month > 12 || day < 1 || (day > 28 && day > new Date(Date.UTC(year, month, 0)).getUTCDate())) return null;
  if (hour > 24 || minute > 59 || second > 60) return null;
  return Date.UTC(year, month - 1, day, hour, minute, second, ms);
}

// In ms; null for letters that are ambiguous (CST is three different zones).
function offsetOf(zone) {
  if (/^(?:Z|UTC|GMT)$/i.test(zone)) return 0;
  const match = /^([+-])(\d\d):?(\d\d)?$/.exec(zone);
  return match && (match[1] === "-" ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3] ?? 0)) * 60_000;
}
