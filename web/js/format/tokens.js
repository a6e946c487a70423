// The parts of a message that get a quiet colour. Pure.
//
//     tokensOf('GET /orders?id=7 200 in 12ms by "ana"')
//     → [{start: 0, end: 3, kind: "method"}, {start: 4, end: 16, kind: "path"}, {…, kind: "status"}, {…, kind: "number"}, {…, kind: "quoted"}]
//
// Kinds: url, uuid, ip, quoted, key (of key=value), method, path, status, number (with its unit). In order and without overlaps. None in
// a text of more than 2,000 characters, where colours cost more than they help.

const LONGEST = 2_000;
const UNIT = "(?:ns|us|µs|ms|s|min|h|d|[kKMGT]?i?B|[kKMG]?bit|%|°C|rpm|fps|Hz|kHz|MHz|GHz|px|req/s|/s)";
const KINDS = {
  url: "\\b(?:https?|wss?|ftp|redis|rediss|amqp|postgres(?:ql)?|mysql|mongodb)://[^\\s\"'<>\\\\]+[^\\s\"'<>\\\\.,;:!?)\\]}]",
  uuid: "\\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\\b",
  quoted: "\"[^\"\\n]{0,300}\"|(?<![\\w'])'[^'\\n]{1,300}'(?!\\w)|`[^`\\n]{1,300}`",
  key: "(?<![\\w.-])[A-Za-z_@][\\w.@-]{0,63}(?==[^\\s=>])",
  ip: "\\b(?:(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)\\.){3}(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)(?::\\d{1,5}|/\\d{1,2})?\\b(?!\\.\\d)" +
    "|(?<![\\w:.])(?:(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}|(?=[0-9a-fA-F]{0,4}:)[0-9a-fA-F:]{0,37}::[0-9a-fA-F:]{0,37})(?![\\w:])",
  method: "\\b(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT)(?= [/h*])",
  path: "(?<![\\w./:<])(?:~|\\.{1,2})?(?:/[\\w.@%+~:?&=#,*-]+)+/?|\\b[A-Z]:\\\\[\\w.\\\\-]+",
  status: "(?<=(?:[\" ]|status[=: ]) ?)(?<=HTTP/[\\d.]{1,3}\"? |(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) \\S{1,300} |status[=: ] ?)[1-5]\\d\\d(?![\\w.])",
  number: `(?<![\\w.#-])[-+]?(?:0x[0-9a-fA-F]+|\\d+(?:[.,]\\d+)*(?:[eE][+-]?\\d+)?)(?:\\s?${UNIT})?(?![\\w])`,
};
const NAMES = Object.keys(KINDS);
const TOKEN = new RegExp(NAMES.map((name) => `(${KINDS[name]})`).join("|"), "g");

/** `[{start, end, kind}, …]` of a text. */
export function tokensOf(text) {
  if (text.length > LONGEST) return [];
  const found = [];
  for (const match of text.matchAll(TOKEN)) {
    let group = 1;
    while (match[group] === undefined) group += 1;
    found.push({ start: match.index, end: match.index + match[0].length, kind: NAMES[group - 1] });
  }
  return found;
}

/** True where a token may be a link: http and https, nothing else. */
export const isLink = (text) => /^https?:\/\//i.test(text);
