// Lines as a file: NDJSON as they were published, text with the columns of the page, or CSV with chosen columns. Pure.
//
//     const file = exportParts(lines, "csv", {zone: "UTC", columns: ["time", "level", "message", "user"]});
//     new Blob([...file], {type: mediaTypeOf("csv")})          parts of about 64 kB; the caller may pause between them
//     fileName("csv", ["orders"], now)                     "orders-2026-11-21T03-50-18Z.csv"
//
// `lines` is any iterable of {text, channel, time (ms), publisherZone}; the last is `zone` of normalise(). Each is one line of the file
// (CSV also has a header, and a quoted cell may contain line breaks). Times in text and CSV have an offset. {note, channel, time} says in
// text and CSV that lines are missing there.

import { stripAnsi } from "../format/ansi.js";
import { fieldText, textOf, visible } from "../format/text.js";
import { LEVELS } from "../normalise/levels.js";
import { normalise } from "../normalise/index.js";
import { fieldIn } from "../query/fields.js";
import { formatIso } from "../format/format-time.js";

const PART = 65_536;
const TYPES = { ndjson: "application/x-ndjson", txt: "text/plain;charset=utf-8", csv: "text/csv;charset=utf-8" };
export const COLUMNS = ["time", "channel", "level", "logger", "message", "fields"];

export const mediaTypeOf = (format) => TYPES[format];

/** The parts of a file, as text. */
export function* exportParts(lines, format, { zone = "local", columns = COLUMNS } = {}) {
  let part = format === "csv" ? `${columns.map(csvCell).join(",")}\r\n` : "";
  for (const line of lines) {
    part += lineOf(line, format, { zone, columns });
    if (part.length < PART) continue;
    yield part;
    part = "";
  }
  if (part !== "") yield part;
}

/** A name for the file that is valid on every system. */
export function fileName(format, channels, now) {
  const names = channels.length > 3 ? `${channels.length}-channels` : channels.join("+");
  return `${names.replace(/[^\w.+-]/g, "_")}-${new Date(now).toISOString().slice(0, 19).replaceAll(":", "-")}Z.${format}`;
}

/**
 * A cell of CSV. An apostrophe is put before text that a spreadsheet would run as a formula, as in the hub's own export. Where the comma is
 * the decimal sign, Excel splits rows at semicolons, whatever the quotes around a cell.
 */
export function csvCell(value) {
  const split = value.replace(/[;\t] *(?=[=+\-@＝＋－＠])/g, "$&'");
  const text = /^[=+\-@\t\r\n＝＋－＠]/.test(split) ? `'${split}` : split;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function lineOf(line, format, options) {
  // The hub sends single lines; this makes sure of it.
  if (format === "ndjson") return `${/[\r\n]/.test(line.text) ? JSON.stringify({ info: line.text }) : line.text}\n`;
  const record = line.note ? { ts: line.time, msg: `# ${line.note}`, lvl: 0, fields: {} } : normalise(line.text, line.time, { zone: line.publisherZone ?? null });
  const cell = (name) => stripAnsi(cellOf(record, line, name, options));
  if (format === "csv") return `${options.columns.map((name) => csvCell(cell(name))).join(",")}\r\n`;
  const parts = options.columns.map(cell).filter((text) => text !== "");
  return `${visible(parts.join(" ").replace(/\r?\n/g, " ⏎ "))}\n`;
}

function cellOf(record, { channel }, name, { zone, columns }) {
  switch (name) {
    case "time":
      return record.ts === null ? "" : formatIso(record.ts, zone).replace("T", " ");
    case "channel":
      return channel;
    case "level":
      return record.lvl > 0 ? LEVELS[record.lvl].toUpperCase() : (record.lvlRaw ?? "");
    case "logger":
      return record.logger ?? "";
    case "message":
      return [record.msg ?? "", record.err?.stack ?? ""].filter(Boolean).join("\n");
    case "fields":
      // Fields with a column of their own are not repeated.
      return Object.entries(record.fields).filter(([key]) => columns.indexOf(key) < COLUMNS.length).map(([key, value]) => fieldText(key, value)).join(" ");
    default: {
      const value = fieldIn(record.fields, name);
      return value === undefined || value === null ? "" : textOf(value);
    }
  }
}
