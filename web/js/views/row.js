// One row: its elements are made once and filled again for every line that it shows. Plain DOM, text only.
// How a line is written (time, columns, colours, what is open) is decided by a RowStyle, see row-style.js.

import { headAndTail, withoutChannel } from "../format/channel-names.js";
import { formatBytes, isBlank, keyValues, rowText, sharedPrefix, shownLine, visible } from "../format/text.js";
import { LETTERS, LEVELS } from "../normalise/levels.js";
import { failureOf, hiddenSummary } from "../normalise/index.js";
import { formatNumber, t } from "../i18n/translate.js";
import { stackLines } from "../format/stack-frames.js";
import { noteText } from "../format/messages.js";

const LONGEST_SHOWN = 2_000;
const LONGEST_OPEN = 20_000;
const MAX_REPEATS = 200;
// East Asian characters are two columns wide; so are surrogate pairs, which have a length of two already.
const WIDE = /[\u1100-\u115f\u2e80-\ud7ff\uf900-\uff60]/g;
const EMPTY_IN_NOTE = "level channelHead channelTail logger tag failure alert fold says tail columns more divider same".split(" ");

const plain = (name) => {
  const element = document.createElement("span");
  element.className = name;
  return element;
};

const cell = (name) => {
  const element = plain(name);
  element.setAttribute("role", "cell");
  return element;
};

export class Row {
  constructor() {
    this.element = document.createElement("div");
    this.element.setAttribute("role", "row");
    this.divider = plain("divider");
    this.time = cell("time");
    this.same = plain("same");
    this.rest = document.createTextNode("");
    this.time.append(this.same, this.rest);
    this.level = cell("level");
    this.channel = cell("channel-tag");
    this.channelHead = plain("");
    this.channelTail = plain("");
    this.channel.append(this.channelHead, this.channelTail);
    this.logger = cell("logger");
    this.tag = cell("tag");
    this.content = cell("content");
    this.message = plain("message");
    this.failure = plain("failure");
    this.alert = plain("alert-mark");
    this.says = plain("says");
    this.says.title = t("row.says.title");
    this.fold = plain("fold");
    this.tail = plain("tail");
    this.columns = cell("columns");
    this.more = plain("more");
    this.content.append(this.message, this.failure, this.alert, this.fold, this.says, this.tail);
    this.element.append(this.divider, this.time, this.level, this.channel, this.logger, this.tag, this.content, this.columns, this.more);
    this.seq = null;
    this.above = null;
    this.foldedCount = 0;
    this.top = -1;
    this.height = -1;
    this.index = -1;
    this.measured = false;
    this.tall = false;
  }

  /** Move the row to its index and place in the list, in px. */
  moveTo(index, top, height) {
    if (top !== this.top) this.element.style.top = `${top}px`;
    if (index !== this.index) this.element.setAttribute("aria-rowindex", String(index + 1));
    this.top = top;
    this.height = height;
    this.index = index;
  }

  /** The width of its channel and its logger, in narrow characters. */
  get lengths() {
    return { channel: this.channel.textContent.length, logger: this.logger.textContent.replace(WIDE, "  ").length };
  }

  /** Show whether it is the row of the cursor, and whether it is one of several selected rows. */
  showSelected(current, selected) {
    if (current) this.element.setAttribute("aria-current", "true");
    else this.element.removeAttribute("aria-current");
    if (selected) this.element.setAttribute("aria-selected", "true");
    else this.element.removeAttribute("aria-selected");
  }

  /** Give its line another seq. */
  renumber(seq) {
    this.seq = seq;
    this.element.dataset.seq = String(seq);
  }

  /**
   * Show one line or note of the ring; `above` is the seq of the row above it, or null. `folded` are the other lines that the row
   * stands for, `{count, seqs(limit)}`; `count` is negative for repeats.
   */
  fill(ring, seq, above, style, folded) {
    const { dataset } = this.element;
    this.seq = seq;
    this.above = above;
    this.foldedCount = folded.count;
    dataset.seq = String(seq);
    dataset.ch = ring.channel(seq);
    delete this.message.dataset.testid;
    if (ring.isNote(seq)) this.#fillNote(ring.text(seq), dataset, style.zone);
    else this.#fillLine(ring, seq, above, dataset, style, folded);
    this.element.classList.toggle("tall", this.tall);
  }

  #fillLine(ring, seq, above, dataset, style, folded) {
    const record = folded.count > 0 ? style.joinedRecord(ring, seq, folded.seqs()) : style.recordOf(ring, seq);
    const shown = ring.shownTime(seq);
    const before = above === null || ring.isNote(above) ? null : ring.shownTime(above);
    this.element.className = "row";
    dataset.testid = "row";
    dataset.level = LEVELS[record.lvl];
    dataset.id = ring.id(seq);
    delete dataset.kind;

    const time = style.timeOf(shown, before);
    const same = before === null ? "" : sharedPrefix(time, style.timeOf(before, null));
    this.same.textContent = same;
    this.rest.data = time.slice(same.length);
    this.level.textContent = LETTERS[record.lvl];
    this.level.title = record.lvlRaw ?? "";
    this.#fillSource(ring.channel(seq), record.logger ?? "", style.marks);
    this.tag.textContent = record.event ?? "";
    const fields = keyValues(style.tailOf(record));
    const message = style.messageOf(record, fields);
    const blank = isBlank(message);
    if (blank) this.message.textContent = t("row.empty");
    else style.writeMessage(this.message, cut(message), record);
    this.message.classList.toggle("blank", blank);
    this.failure.textContent = visible(failureOf(record));
    this.#showAlerts(style.alertsOf([seq, ...(folded.count === 0 ? [] : folded.seqs(MAX_REPEATS))]));
    this.fold.textContent = [folded.count < 0 ? `×${formatNumber(1 - folded.count)}` : "", hiddenText(record)].filter(Boolean).join(" ");
    this.tail.textContent = record.msg === null ? "" : visible(fields);
    this.#fillColumns(style.columnsOf(record, seq));
    const open = style.isOpen(seq);
    if (folded.count < 0) this.#fillRepeats(ring, open ? folded.seqs(MAX_REPEATS) : [], style, open);
    else this.#fillMore(record, open && seq !== style.inDetails);
    this.says.textContent = style.ownTimeText(record, shown);
    this.#divide(style.dividerOf(before, shown));
    style.applyMarks(this.element, record, seq);
    this.tall = this.more.textContent !== "" || this.divider.textContent !== "";
  }

  // Once is enough when an app names its channel after its logger.
  #fillSource(channel, logger, marks) {
    const { text, hue, shape } = marks.of(channel);
    const [head, tail] = headAndTail(text);
    this.channelHead.textContent = head;
    this.channelTail.textContent = tail;
    this.channel.title = channel;
    this.channel.dataset.hue = String(hue);
    this.channel.dataset.shape = String(shape);
    this.logger.textContent = visible(withoutChannel(logger, channel));
    this.logger.title = visible(logger);
  }

  #showAlerts(alerts) {
    const texts = alerts.map(({ text }) => visible(text));
    this.alert.textContent = texts.length === 0 ? "" : t("row.alert", { text: cut(texts.join(" · ")) });
    this.alert.title = texts.join("\n");
    if (texts.length > 0) this.alert.dataset.testid = "alert-mark";
    else delete this.alert.dataset.testid;
  }

  #fillNote(note, dataset, zone) {
    this.element.className = "row note";
    dataset.testid = note.kind;
    dataset.kind = note.kind;
    delete dataset.level;
    delete dataset.id;
    this.message.textContent = noteText(note, zone);
    if (note.reason === "slow") this.message.dataset.testid = "dropped-row";
    this.message.classList.remove("blank");
    for (const name of EMPTY_IN_NOTE) this[name].textContent = "";
    this.rest.data = "";
    delete dataset.rule;
    this.tall = false;
    this.foldedCount = 0;
  }

  #fillColumns(values) {
    this.columns.textContent = "";
    for (const [name, value] of values) {
      const column = plain("column");
      column.title = name;
      column.textContent = visible(value.slice(0, LONGEST_SHOWN));
      this.columns.append(column);
    }
  }

  // The part of the line that a closed row hides: the stack, and what its message has beside the line shown.
  #fillMore(record, open) {
    const stack = record.err?.stack ?? "";
    const rest = rowText(record.msg ?? "").hidden.join("\n");
    const hidden = [rest, stack].filter(Boolean).join("\n");
    this.element.dataset.fold = hidden ? (open ? "open" : "closed") : "none";
    this.more.textContent = "";
    if (!hidden || !open) return;
    for (const { text, kind } of stackLines(hidden.slice(0, LONGEST_OPEN))) {
      const element = plain(kind === "library" ? "frame foreign" : "frame");
      element.textContent = visible(text) || " ";
      this.more.append(element);
    }
  }

  // The lines that differ from this one only in their numbers.
  #fillRepeats(ring, seqs, style, open) {
    this.element.dataset.fold = open ? "open" : "closed";
    this.more.textContent = "";
    for (const seq of seqs) {
      const record = style.recordOf(ring, seq);
      const element = plain("frame");
      element.textContent = `${style.timeOf(ring.shownTime(seq), null)}  ${cut(style.messageOf(record, keyValues(record.fields)))}`;
      this.more.append(element);
    }
  }

  #divide(divider) {
    const { dataset } = this.divider;
    this.divider.textContent = divider?.text ?? "";
    this.divider.title = divider?.kind === "silence" ? t("row.silence", { span: divider.text }) : "";
    if (divider) dataset.testid = dataset.kind = divider.kind;
    else delete dataset.testid, delete dataset.kind;
  }
}

const cut = (message) => (message.length > LONGEST_SHOWN ? `${message.slice(0, LONGEST_SHOWN)}…` : message);

function hiddenText(record) {
  const hidden = visible(hiddenSummary(record));
  const more = record.msg !== null && shownLine(record.msg).length > LONGEST_SHOWN ? t("row.all", { size: formatBytes(record.raw.length) }) : "";
  const short = record.truncatedFrom === null ? "" : t("row.cut", { size: formatBytes(record.truncatedFrom) });
  return [hidden, more, short].filter(Boolean).join(" ");
}
