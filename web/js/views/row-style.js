// How rows are written: the reader's choice of time, columns and colours, and which rows are open. Each row uses it as it is filled.

import { ansiSpans, stripAnsi } from "../format/ansi.js";
import { dividersBetween } from "../format/dividers.js";
import { shownLine, textOf, visible } from "../format/text.js";
import { normalise, withContinuations } from "../normalise/index.js";
import { fieldIn, valueOf } from "../query/fields.js";
import { HeldLine } from "../query/index.js";
import { readable } from "../query/line.js";
import { ChannelMarks } from "../store/channel-marks.js";
import { compileRules } from "../store/highlight-rules.js";
import { TRUSTED_MS } from "../store/line-times.js";
import { t } from "../i18n/translate.js";
import { formatClock, formatDay, formatDelta } from "../format/format-time.js";
import { timeText } from "../format/time-forms.js";
import { isLink, tokensOf } from "../format/tokens.js";
import { zoneText } from "../format/zones.js";
import { ansiLayer, highlightText } from "./highlight-text.js";

const MAX_LATE = 10_000;
const LONGEST_COLOURED = 20_000;

export class RowStyle {
  #settings;
  #ring;
  #line;
  #zoneOf;
  #opened = new Set();
  #late = new Set();
  #phone = window.matchMedia("(max-width: 699px)");

  /** `zoneOf(channel)` is the zone of times that name none on a channel, for normalise(). */
  constructor(settings, ring, zoneOf = () => null) {
    this.#settings = settings;
    this.#ring = ring;
    this.#zoneOf = zoneOf;
    this.#line = new HeldLine(ring);
    this.columns = [];
    /** How the open channels are told apart. */
    this.marks = new ChannelMarks();
    this.pins = new Set();
    this.rules = compileRules([]);
    /** The alerts about the lines with these seqs, `[{text}, …]`. */
    this.alertsOf = () => [];
    /** True while a filter hides lines: a pause between the lines shown is no silence then. */
    this.filtered = false;
  }

  /** True when rows may have different heights. */
  get variableHeight() {
    return this.#settings.get("wrap") || this.#phone.matches;
  }

  get zone() {
    return this.#settings.get("zone");
  }

  recordOf(ring, seq) {
    return this.parse(ring.text(seq), ring.arrivedAt(seq), ring.channel(seq));
  }

  /** The record of a line together with the lines that continue it. */
  joinedRecord(ring, seq, seqs) {
    return withContinuations(this.recordOf(ring, seq), seqs.map((each) => this.recordOf(ring, each).msg ?? ring.text(each)));
  }

  /** The record of a line of a channel. */
  parse(text, arrivedAt, channel) {
    return normalise(text, arrivedAt, { zone: this.#zoneOf(channel) });
  }

  /** The time (ms) of a row as text; `before` is the time of the row above, or null. */
  timeOf(ms, before) {
    return timeText(this.#settings.get("time"), ms, { zone: this.#settings.get("zone"), before });
  }

  /** The line's own time, if its row shows another one: "says 13:20:12, −15 h"; else "". */
  ownTimeText(record, shown) {
    if (record.tsFrom !== "line" || Math.abs(record.ts - shown) <= TRUSTED_MS) return "";
    const zone = this.#settings.get("zone");
    const clock = formatClock(record.ts, zone).slice(0, 8);
    const time = formatDay(record.ts, zone) === formatDay(shown, zone) ? clock : `${formatDay(record.ts, zone)} ${clock}`;
    return t("row.says", { time, span: formatDelta(record.ts - shown) });
  }

  /** A line's time in every form, for its tooltip. */
  allTimes(seq) {
    return this.timesOf(this.recordOf(this.#ring, seq), this.#ring.arrivedAt(seq));
  }

  /** A record's time in every form, one on each line, the source of the time, and when the line came if that was much later. */
  timesOf(record, arrivedAt) {
    const zone = this.#settings.get("zone");
    const forms = ["full", "iso", "epoch", "relative"].map((form) => timeText(form, record.ts, { zone }));
    const assumed = zoneText(record.offset ?? "local", record.ts);
    const from = record.tsFrom === "recv" ? [t("fact.arrived")] : record.zone ? [] : [t("fact.noZone", { zone: assumed })];
    const came = Math.abs(record.ts - arrivedAt) > TRUSTED_MS ? [t("fact.came", { time: timeText("full", arrivedAt, { zone }) })] : [];
    return [...forms, zoneText(zone, record.ts), ...from, ...came].join("\n");
  }

  tailOf(record) {
    if (this.columns.length === 0) return record.fields;
    return Object.fromEntries(Object.entries(record.fields).filter(([key]) => !this.columns.includes(key)));
  }

  messageOf(record, fields) {
    return visible(stripAnsi(record.msg === null ? fields || record.raw : shownLine(record.msg)));
  }

  /** `[[name, text], …]` of the columns the reader has chosen. */
  columnsOf(record, seq) {
    return this.columns.map((name) => {
      const value = fieldIn(record.fields, name) ?? valueOf(this.#line.at(seq), name);
      return [name, value === undefined ? "" : textOf(value)];
    });
  }

  /** Write a message into its element, with its colours. */
  writeMessage(element, text, record) {
    const coloured = /\x1b|\\u001b|\x9b/i.test(record.raw) ? colouredOf(record, text) : [];
    const tokens = coloured.length === 0 && this.#settings.get("tokens") && record.msg !== null ? tokensOf(text).map((token) => spanOf(token, text)) : [];
    highlightText(element, text, [tokens, coloured, this.rules.spansIn(text)]);
  }

  /** Mark the row of a line as pinned, late, or coloured by a highlight rule. */
  applyMarks(element, record, seq) {
    if (this.pins.has(seq)) element.dataset.pinned = "true";
    else delete element.dataset.pinned;
    if (this.#late.size > 0 && this.#late.has(`${this.#ring.channel(seq)}@${this.#ring.id(seq)}`)) element.dataset.late = "true";
    else delete element.dataset.late;
    const rule = this.rules.any ? this.rules.rowRuleFor(record.raw) : null;
    if (rule) {
      element.dataset.rule = "row";
      element.style.setProperty("--rule", rule.colour);
    } else if (element.dataset.rule) {
      delete element.dataset.rule;
      element.style.removeProperty("--rule");
    }
  }

  /** What stands between two rows by their times (ms; `before` may be null), another day or a silence: `{kind, text}` or null. */
  dividerOf(before, ms) {
    const found = dividersBetween(before, ms, this.#settings.get("zone"));
    const day = found.find(({ kind }) => kind === "day");
    if (day) return { kind: "day", text: dayText(day.date) };
    const silence = this.filtered ? undefined : found.find(({ kind }) => kind === "silence");
    return silence ? { kind: "silence", text: silence.span } : null;
  }

  /** Lines have changed places: `moved(seq)` is the new seq. */
  renumber(moved) {
    this.#opened = new Set([...this.#opened].map(moved));
    this.pins = new Set([...this.pins].map(moved));
    if (this.inDetails !== null) this.inDetails = moved(this.inDetails);
  }

  /** Mark a line, "channel@id", as late. */
  markLate(name) {
    if (this.#late.size >= MAX_LATE) this.#late.clear();
    this.#late.add(name);
  }

  isOpen(seq) {
    return this.#opened.has(seq);
  }

  setOpen(seq, open) {
    if (open) this.#opened.add(seq);
    else this.#opened.delete(seq);
  }
}

function spanOf({ start, end, kind }, text) {
  const token = text.slice(start, end);
  return { start, end, className: `token-${kind}`, href: kind === "url" && isLink(token) ? token : undefined };
}

// The message is without its escapes here; its position in the raw text gives its colours.
function colouredOf(record, text) {
  const spans = ansiSpans(readable(record.raw.slice(0, LONGEST_COLOURED)));
  const plain = spans.map((span) => span.text).join("");
  const from = plain.indexOf(text);
  return from < 0 ? [] : ansiLayer(spans, from, from + text.length);
}

const dayText = (date) => new Date(`${date}T00:00Z`).toLocaleDateString(document.documentElement.lang, { timeZone: "UTC", weekday: "long", year: "numeric", month: "long", day: "numeric" });
