// Levels: their order, the words for them, and the number scales. The scale of a number depends on its key and on the keys beside
// it; names.js chooses it.

export const LEVELS = ["none", "trace", "debug", "info", "success", "warn", "error", "fatal"];
export const LETTERS = ["", "T", "D", "I", "S", "W", "E", "F"];
const [NONE, TRACE, DEBUG, INFO, SUCCESS, WARN, ERROR, FATAL] = LEVELS.keys();

export { NONE, TRACE, DEBUG, INFO, SUCCESS, WARN, ERROR, FATAL };

const WORDS = new Map(
  Object.entries({
    trace: "trace trce trc verbose verb ver vbs silly finest finer",
    debug: "debug dbug dbg fine",
    info: "info inf information informational notice http log default config",
    success: "success",
    warn: "warn warning wrn",
    error: "error err eror fail failed severe sev",
    fatal: "fatal critical crit alert emerg emergency panic dpanic",
  }).flatMap(([level, words]) => words.split(" ").map((word) => [word, LEVELS.indexOf(level)])),
);

// In free text fewer words count: "HTTP" or "LOG" at the start of a sentence is no level.
const IN_TEXT = /\[(trace|debug|info|notice|success|warn|warning|error|err|crit|critical|fatal|panic|alert|emerg)\]/gi;
const SHOUTED = /(?<![\w-])(TRACE|DEBUG|INFO|NOTICE|SUCCESS|WARN|WARNING|ERROR|ERR|CRIT|CRITICAL|FATAL|PANIC|ALERT|EMERG)(?![\w-])/g;
const NEAR_START = 48;

/** The level of a word; NONE for any other word (a custom level keeps its name and has no colour). */
export function levelOfWord(word) {
  const letters = /^\s*([A-Za-z]+)/.exec(word);
  return (letters && WORDS.get(letters[1].toLowerCase())) ?? NONE;
}

// For each scale, the highest number of each level.
const STEPS = {
  pino: [[10, TRACE], [20, DEBUG], [30, INFO], [40, WARN], [50, ERROR], [Infinity, FATAL]],
  python: [[5, TRACE], [10, DEBUG], [20, INFO], [25, SUCCESS], [30, WARN], [40, ERROR], [Infinity, FATAL]],
  syslog: [[2, FATAL], [3, ERROR], [4, WARN], [6, INFO], [Infinity, DEBUG]],
  otel: [[4, TRACE], [8, DEBUG], [12, INFO], [16, WARN], [20, ERROR], [Infinity, FATAL]],
  logback: [[5000, TRACE], [10000, DEBUG], [20000, INFO], [30000, WARN], [Infinity, ERROR]],
};

/** The level of a number on a named scale. */
export function levelOfNumber(number, scale) {
  if (!Number.isFinite(number) || !(scale in STEPS)) return NONE;
  return STEPS[scale].find(([top]) => number <= top)[1];
}

const SIGNS = { ".": DEBUG, "*": INFO, "#": WARN, "-": DEBUG, T: TRACE, V: TRACE, D: DEBUG, I: INFO, W: WARN, E: ERROR, F: FATAL, C: FATAL };

/** The level of a letter or sign, as klog, MongoDB and Redis write it. */
export const levelOfSign = (sign) => SIGNS[sign[0]] ?? NONE;

/** The level of an HTTP status. */
export const levelOfStatus = (status) => status >= 500 ? ERROR : status >= 400 ? WARN : INFO;

/** The level that a plain text names near its start; NONE if it names none, or two different ones. */
export function levelInText(text) {
  const start = text.slice(0, NEAR_START);
  const words = [...start.matchAll(IN_TEXT), ...start.matchAll(SHOUTED)].map((match) => match[1]);
  const found = new Map(words.map((word) => [levelOfWord(word), word]));
  if (found.size !== 1) return { level: NONE, word: null };
  const [[level, word]] = found;
  return { level, word };
}
