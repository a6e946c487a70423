// How rows are written: the reader's choices of time, columns, colours and what is open, asked by each row as it is filled.

import { ansiSpans, stripAnsi } from "../format/ansi.js";
import { dividersBetween } from "../format/dividers.js";
import { firstLine, textOf, visible } from "../format/text.js";
import { normalise, withContinuations } from "../normalise/index.js";
import { fieldIn, valueOf } from "../query/fields.js";
import { HeldLine } from "../query/index.js";
import { readable } from "../query/line.js";
import { compileRules } from "../store/highlight-rules.js";
import { t } from "../i18n/translate.js";
import { timeText } from "../format/time-forms.js";
import { isLink, tokensOf } from "../format/tokens.js";
import { zoneWords } from "../format/zones.js";
import { ansiLayer, paintText } from "./highlight-text.js";

const MAX_LATE = 10_000;
const LONGEST_COLOURED = 20_000;

export class Style {
  #settings;
  #ring;
  #line;
  #opened = new Set();
  #late = new Set();
  #phone = window.matchMedia("(max-width: 699px)");

  constructor(settings, ring) {
    this.#settings = settings;
    this.#ring = ring;
    this.#line = new HeldLine(ring);
    this.columns = [];
    this.pins = new Set();
    this.rules = compileRules([]);
    /** Where a filter hides lines, a span without any says nothing. */
    this.filtered = false;
  }

  /** True when every row may have a height of its own. */
  get variable() {
    return this.#settings.get("wrap") || this.#phone.matches;
  }

  get zone() {
    return this.#settings.get("zone");
  }

  recordOf(ring, seq) {
    return this.read(ring.text(seq), ring.time(seq));
  }

  /** The record of a line with the text of those that go on with it. */
  joined(ring, seq, seqs) {
    return withContinuations(this.recordOf(ring, seq), seqs.map((each) => this.recordOf(ring, each).msg ?? ring.text(each)));
  }

  /** The record of a line; a time without a zone is read in the zone that the reader has set for publishers. */
  read(text, time) {
    const zone = this.#settings.get("publisherZone");
    return normalise(text, time, { zone: zone === "auto" ? null : zone });
  }

  timeOf(record, before) {
    const form = this.#settings.get("time");
    return timeText(form, record.ts, { zone: this.#settings.get("zone"), before: before?.ts ?? null });
  }

  /** Every form of a line's time, for its tooltip. */
  allTimes(seq) {
    return this.timesOf(this.recordOf(this.#ring, seq));
  }

  /** Every form of a record's time, one on each line, and where it comes from. */
  timesOf(record) {
    const zone = this.#settings.get("zone");
    const forms = ["full", "iso", "epoch", "relative"].map((form) => timeText(form, record.ts, { zone }));
    const assumed = zoneWords(record.offset ?? "local", record.ts);
    const from = record.tsFrom === "recv" ? [t("fact.came")] : record.zone ? [] : [t("fact.noZone", { zone: assumed })];
    return [...forms, zoneWords(zone, record.ts), ...from].join("\n");
  }

  tailOf(record) {
    if (this.columns.length === 0) return record.fields;
    return Object.fromEntries(Object.entries(record.fields).filter(([key]) => !this.columns.includes(key)));
  }

  messageOf(record, fields) {
    return visible(stripAnsi(record.msg === null ? fields || record.raw : firstLine(record.msg)));
  }

  /** `[[name, text], …]` of the columns the reader has chosen. */
  columnsOf(record, seq) {
    return this.columns.map((name) => {
      const value = fieldIn(record.fields, name) ?? valueOf(this.#line.at(seq), name);
      return [name, value === undefined ? "" : textOf(value)];
    });
  }

  /** Put a message into its element, with its colours. */
  write(element, text, record) {
    const coloured = /\x1b|\\u001b|\x9b/i.test(record.raw) ? colouredOf(record, text) : [];
    const tokens = coloured.length === 0 && this.#settings.get("tokens") && record.msg !== null ? tokensOf(text).map((token) => spanOf(token, text)) : [];
    paintText(element, text, [tokens, coloured, this.rules.layerOf(text)]);
  }

  paint(element, record, seq) {
    if (this.pins.has(seq)) element.dataset.pinned = "true";
    else delete element.dataset.pinned;
    if (this.#late.size > 0 && this.#late.has(`${this.#ring.channel(seq)}@${this.#ring.id(seq)}`)) element.dataset.late = "true";
    else delete element.dataset.late;
    const rule = this.rules.any ? this.rules.rowOf(record.raw) : null;
    if (rule) {
      element.dataset.rule = "row";
      element.style.setProperty("--rule", rule.colour);
    } else if (element.dataset.rule) {
      delete element.dataset.rule;
      element.style.removeProperty("--rule");
    }
  }

  /** What stands above a row: another day, or a silence. `{kind, words}` or null. */
  dividerOf(record, before) {
    if (before === null) return null;
    const found = dividersBetween(before.ts, record.ts, this.#settings.get("zone"));
    const day = found.find(({ kind }) => kind === "day");
    if (day) return { kind: "day", words: dayWords(day.date) };
    const silence = this.filtered ? undefined : found.find(({ kind }) => kind === "silence");
    return silence ? { kind: "silence", words: t("row.silence", { span: silence.span }) } : null;
  }

  /** Lines are in another order: `moved(seq)` is the new seq. */
  shift(moved) {
    this.#opened = new Set([...this.#opened].map(moved));
    this.pins = new Set([...this.pins].map(moved));
  }

  /** A line, "channel@id", came late. */
  late(name) {
    if (this.#late.size >= MAX_LATE) this.#late.clear();
    this.#late.add(name);
  }

  isOpen(seq) {
    return this.#opened.has(seq);
  }

  open(seq, open) {
    if (open) this.#opened.add(seq);
    else this.#opened.delete(seq);
  }
}

function spanOf({ start, end, kind }, text) {
  const piece = text.slice(start, end);
  return { start, end, className: `token-${kind}`, href: kind === "url" && isLink(piece) ? piece : undefined };
}

// The message has lost its escapes on the way; where it stands in the text that had them tells its colours.
function colouredOf(record, text) {
  const spans = ansiSpans(readable(record.raw.slice(0, LONGEST_COLOURED)));
  const plain = spans.map((span) => span.text).join("");
  const from = plain.indexOf(text);
  return from < 0 ? [] : ansiLayer(spans, from, from + text.length);
}

const dayWords = (date) => new Date(`${date}T00:00Z`).toLocaleDateString(document.documentElement.lang, { timeZone: "UTC", weekday: "long", year: "numeric", month: "long", day: "numeric" });
