// The drawer: everything about the selected line, as text.

import { bytes, fullTime, offsetWords, visible } from "../format.js";
import { LETTERS, LEVELS } from "../normalise/levels.js";
import { normalise } from "../normalise/index.js";

const $ = window.jQuery;
const PARTS = { drawer: ".details", title: ".details-title", body: ".details-body", close: ".details-close" };
const LONGEST_MESSAGE = 2_000;
const LONGEST_TEXT = 50_000;
const MOST_FIELDS = 200;

export class Details {
  /** `on` has `close()`. */
  constructor(on) {
    $(PARTS.close).on("click", () => on.close());
  }

  /** True while the keyboard is in the drawer. */
  get focused() {
    return $(PARTS.drawer)[0].contains(document.activeElement);
  }

  hide() {
    $(PARTS.drawer).prop("hidden", true);
  }

  /** Show one line: its channel, id, text and the time it came (ms). */
  show({ channel, id, line, time }) {
    const record = normalise(line, time);
    const word = record.lvlRaw ?? (record.lvl === 0 ? "no level" : LEVELS[record.lvl]);
    $(PARTS.title).attr("data-level", LEVELS[record.lvl]).empty();
    $(PARTS.title).append($("<b>").text(`${LETTERS[record.lvl]} ${word}`.trim()), document.createTextNode(` · ${channel}`));
    const $body = $(PARTS.body).empty().scrollTop(0);
    if (record.msg !== null) $body.append(heading("Message"), text(record.msg, LONGEST_MESSAGE));
    if (record.err) $body.append(heading("Exception"), text(record.err.stack ?? record.err.msg ?? "").addClass("stack").attr("tabindex", "0"));
    $body.append(heading("Line"), pairs(factsOf(record, channel, id)));
    const fields = Object.entries(record.fields);
    if (fields.length > 0) $body.append(heading("Fields"), pairs(fields));
    $body.append(heading("Raw", copyButton(line)), text(line).attr("data-testid", "raw"));
    $(PARTS.drawer).prop("hidden", false);
  }
}

function factsOf(record, channel, id) {
  const when = fullTime(record.ts);
  const from = record.tsFrom === "recv" ? "when it came" : zoneWords(record);
  const { file, line, fn } = record.src;
  const facts = [
    ["time", from ? `${when} (${from})` : when],
    ["channel", channel],
    ["id", id],
    ["logger", record.logger],
    ["source", [file, fn, line].filter((part) => part !== null).join(":") || null],
    ["event", record.event],
    ["cut from", record.truncatedFrom === null ? null : bytes(record.truncatedFrom)],
    ["format", record.fmt],
  ];
  return facts.filter(([, value]) => value !== null);
}

function zoneWords({ zone, offset }) {
  if (zone) return null;
  return `no zone in the line; read as ${offset === null ? "local" : `UTC${offsetWords(offset)}`}`;
}

function heading(words, $extra) {
  const $heading = $("<h3>").text(words);
  return $extra ? $heading.append($extra) : $heading;
}

function text(whole, longest = LONGEST_TEXT) {
  const $pre = $("<pre>").text(multiline(whole.slice(0, longest)));
  if (whole.length <= longest) return $pre;
  const $all = $("<button>", { class: "link" }).text(`show all (${bytes(whole.length)})`);
  $all.on("click", () => $pre.text(multiline(whole)));
  return $pre.append(document.createTextNode(" … "), $all);
}

const multiline = (whole) => whole.split(/\r?\n/).map(visible).join("\n");

function pairs(entries) {
  const $list = $("<dl>");
  for (const [key, value] of entries.slice(0, MOST_FIELDS)) {
    const shown = typeof value === "string" ? value : JSON.stringify(value, null, 2);
    const $value = $("<dd>", { "data-type": typeof value }).text(multiline(String(shown).slice(0, LONGEST_TEXT)));
    $list.append($("<dt>", { title: key }).text(visible(key)), $value);
  }
  if (entries.length > MOST_FIELDS) $list.append($("<dt>").text("…"), $("<dd>").text(`${entries.length - MOST_FIELDS} more`));
  return $list;
}

function copyButton(line) {
  const $copy = $("<button>", { class: "link", "data-testid": "copy" }).text("copy");
  return $copy.on("click", async () => {
    try {
      await navigator.clipboard.writeText(line);
      $copy.text("copied");
    } catch {
      $copy.text("not allowed by the browser");
    }
  });
}
