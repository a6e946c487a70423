// Times as ms since the epoch. Anything outside 2000 .. tomorrow is not a time of a log line.

const EARLIEST = Date.UTC(2000, 0, 1);
const DAY_MS = 86_400_000;
const LOCAL_WITHIN_MS = 10 * 60_000;
const STEP_MS = 15 * 60_000;
const MOST_STEPS = 14 * 4;
const TEXT =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?\s*(Z|UTC|[+-]\d\d:?\d\d)?$/i;

/** `{ms, zone}` of a number or a text, or null. `zone` is false when the text names none: it is read as local. */
export function timeOf(value) {
  const found = typeof value === "number" ? ofNumber(value) : typeof value === "string" ? ofText(value.trim()) : null;
  return found && found.ms >= EARLIEST && found.ms <= Date.now() + DAY_MS ? found : null;
}

function ofNumber(number) {
  if (number > 1e18) return { ms: number / 1e6, zone: true };
  if (number > 1e15) return { ms: number / 1e3, zone: true };
  if (number > 1e12) return { ms: number, zone: true };
  return number > 1e9 ? { ms: number * 1e3, zone: true } : null;
}

/**
 * The UTC offset, in minutes, that puts a time read as local nearest to when its line came, or null where local does:
 * within ten minutes, or days away, where no zone explains it.
 */
export function likelyOffset(localMs, cameMs) {
  if (Math.abs(localMs - cameMs) <= LOCAL_WITHIN_MS) return null;
  const asUtc = localMs - new Date(localMs).getTimezoneOffset() * 60_000;
  const steps = Math.round((asUtc - cameMs) / STEP_MS) || 0;
  return Math.abs(steps) <= MOST_STEPS ? steps * 15 : null;
}

/** A time read as local, read again at a UTC offset in minutes. */
export const atOffset = (localMs, minutes) => localMs - (new Date(localMs).getTimezoneOffset() + minutes) * 60_000;

// Not Date.parse: it reads a date without a zone as local or as UTC, depending on its shape.
function ofText(text) {
  if (/^\d{10,19}(\.\d+)?$/.test(text)) return ofNumber(Number(text));
  const match = TEXT.exec(text);
  if (!match) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0));
  const ms = match[7] ? Math.trunc(Number(`0.${match[7]}`) * 1e3 + 1e-6) : 0;
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 24 || minute > 59 || second > 60) return null;
  const parts = [year, month - 1, day, hour, minute, second, ms];
  if (match[8]) return { ms: Date.UTC(...parts) - offsetMs(match[8]), zone: true };
  return { ms: new Date(...parts).getTime(), zone: false };
}

function offsetMs(zone) {
  const match = /^([+-])(\d\d):?(\d\d)$/.exec(zone);
  if (!match) return 0;
  return (match[1] === "-" ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3])) * 60_000;
}
