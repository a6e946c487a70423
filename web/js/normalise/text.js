// Text lines: patterns in order, each with a name for every group. To teach the page a format, add a row.

import { levelInText, levelOfNumber, levelOfWord } from "./levels.js";
import { timeOf } from "./time.js";

const PATTERNS = [
  {
    fmt: "loguru",
    pattern:
      /^(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,6})?(?:Z|[+-]\d\d:?\d\d)?)\s*\|\s*(?:Level (\d+)|([A-Za-z]\w*))\s*\|\s*([\w.<>$-]+):([\w.<>$]+):(\d+) - ([\s\S]*)$/,
    groups: ["time", "pythonLevel", "level", "logger", "function", "line", "message"],
  },
  {
    fmt: "python-basic",
    pattern: /^(DEBUG|INFO|WARNING|ERROR|CRITICAL):([\w.-]+):([\s\S]*)$/,
    groups: ["level", "logger", "message"],
  },
  {
    fmt: "python-dashed",
    pattern: /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[,.]\d{3}) - (\S+) - (DEBUG|INFO|WARNING|ERROR|CRITICAL) - ([\s\S]*)$/,
    groups: ["time", "logger", "level", "message"],
  },
  {
    fmt: "python-asctime",
    pattern:
      /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3})\s+\[?(DEBUG|INFO|WARNING|ERROR|CRITICAL)\]?\s+(?:([a-z_][\w.]*)(?::(\d+))?(?:: | - ))?([\s\S]*)$/,
    groups: ["time", "level", "logger", "line", "message"],
  },
  {
    fmt: "time-level",
    pattern:
      /^\[?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z| ?[+-]\d\d:?\d\d)?)\]?\s*[|\-:]?\s*\[?(EMERG(?:ENCY)?|ALERT|CRIT(?:ICAL)?|FATAL|PANIC|ERROR|ERR|WARN(?:ING)?|NOTICE|SUCCESS|INFO|DEBUG|TRACE|VERBOSE)\]?\s*[|\-:]?\s*([\s\S]*)$/i,
    groups: ["time", "level", "message"],
  },
];

/** The names of fields that patterns give, which the text itself does not hold. */
export const DERIVED = new Set();

const ANSI = /\x1b\[[0-9;:?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)/g;

const FILL = {
  time(record, text) {
    const time = timeOf(text);
    if (!time) return;
    record.ts = time.ms;
    record.tsFrom = "line";
    record.zone = time.zone;
  },
  level(record, text) {
    record.lvl = levelOfWord(text);
    record.lvlRaw = text;
  },
  pythonLevel(record, text) {
    record.lvl = levelOfNumber(Number(text), "python");
    record.lvlRaw = text;
  },
  logger(record, text) {
    record.logger = text;
  },
  function(record, text) {
    record.src.fn = text;
  },
  line(record, text) {
    record.src.line = text;
  },
  message(record, text) {
    record.msg = text;
  },
};

/** Fill a record from one text line; a line no pattern knows is its own message. */
export function readText(record, text) {
  const plain = text.includes("\x1b") ? text.replace(ANSI, "") : text;
  for (const { fmt, pattern, groups } of PATTERNS) {
    const match = pattern.exec(plain);
    if (!match) continue;
    record.fmt = fmt;
    groups.forEach((name, index) => {
      if (match[index + 1] !== undefined) FILL[name](record, match[index + 1]);
    });
    return;
  }
  const { level, word } = levelInText(plain);
  record.fmt = "plain";
  record.msg = plain;
  if (record.lvlRaw === null) {
    record.lvl = level;
    record.lvlRaw = word;
  }
}
