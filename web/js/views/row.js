// One row: its elements, made once, and filled again for every line that it comes to show. Plain DOM, text only.

import { hueOf } from "../channels.js";
import { bytes, firstLine, keyValues, sharedPart, timeOfDay, visible } from "../format.js";
import { LETTERS, LEVELS } from "../normalise/levels.js";
import { failureOf, foldOf, normalise } from "../normalise/index.js";
import { noteWords } from "../words.js";

const LONGEST_SHOWN = 2_000;

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
    this.time = cell("time");
    this.same = plain("same");
    this.rest = document.createTextNode("");
    this.time.append(this.same, this.rest);
    this.level = cell("level");
    this.channel = cell("channel-tag");
    this.logger = cell("logger");
    this.tag = cell("tag");
    this.said = cell("said");
    this.message = plain("message");
    this.failure = plain("failure");
    this.fold = plain("fold");
    this.tail = plain("tail");
    this.said.append(this.message, this.failure, this.fold, this.tail);
    this.element.append(this.time, this.level, this.channel, this.logger, this.tag, this.said);
    this.top = -1;
    this.place = -1;
  }

  /** Put the row where it stands in the list. */
  stand(place, top) {
    if (top !== this.top) this.element.style.top = `${top}px`;
    if (place !== this.place) this.element.setAttribute("aria-rowindex", String(place + 1));
    this.top = top;
    this.place = place;
  }

  /** Characters its channel and its logger take. */
  get lengths() {
    return { channel: this.channel.textContent.length, logger: this.logger.textContent.length };
  }

  mark(selected) {
    if (selected) this.element.setAttribute("aria-current", "true");
    else this.element.removeAttribute("aria-current");
  }

  /** Show one line or note of the ring; `above` is the seq of the row before it, or null. */
  fill(ring, seq, above) {
    const { dataset } = this.element;
    dataset.seq = String(seq);
    dataset.ch = ring.channel(seq);
    if (ring.isNote(seq)) this.#fillNote(ring.text(seq), dataset);
    else this.#fillLine(ring, seq, above, dataset);
  }

  #fillLine(ring, seq, above, dataset) {
    const record = normalise(ring.text(seq), ring.time(seq));
    this.element.className = "row";
    dataset.testid = "row";
    dataset.level = LEVELS[record.lvl];
    dataset.id = ring.id(seq);
    delete dataset.kind;

    const time = timeOfDay(record.ts);
    const same = above === null ? "" : sharedPart(time, clockOf(ring, above));
    this.same.textContent = same;
    this.rest.data = time.slice(same.length);
    this.level.textContent = LETTERS[record.lvl];
    this.level.title = record.lvlRaw ?? "";
    this.channel.textContent = ring.channel(seq);
    this.channel.dataset.hue = String(hueOf(ring.channel(seq)));
    // Said once is enough where an app names its channel after its logger.
    this.logger.textContent = record.logger === ring.channel(seq) ? "" : visible(record.logger ?? "");
    this.tag.textContent = record.event ?? "";
    const fields = keyValues(record.fields);
    const message = messageOf(record, fields);
    const blank = message.trim() === "" && (record.msg ?? "").trim() === "";
    this.message.textContent = blank ? "(empty)" : message;
    this.message.classList.toggle("blank", blank);
    this.failure.textContent = visible(failureOf(record));
    this.fold.textContent = visible(foldWords(record));
    this.tail.textContent = record.msg === null ? "" : visible(fields);
  }

  #fillNote(note, dataset) {
    this.element.className = "row note";
    dataset.testid = note.kind;
    dataset.kind = note.kind;
    delete dataset.level;
    delete dataset.id;
    this.message.textContent = noteWords(note);
    this.message.classList.remove("blank");
    const { level, channel, logger, tag, failure, fold, tail } = this;
    for (const part of [level, channel, logger, tag, failure, fold, tail]) part.textContent = "";
    this.same.textContent = "";
    this.rest.data = "";
  }
}

function messageOf(record, fields) {
  const text = record.msg === null ? fields || record.raw : firstLine(record.msg);
  return visible(text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text);
}

function foldWords(record) {
  const fold = foldOf(record);
  if (record.truncatedFrom === null) return fold;
  return `${fold}${fold && " "}· cut from ${bytes(record.truncatedFrom)}`;
}

function clockOf(ring, seq) {
  if (ring.isNote(seq)) return "";
  return timeOfDay(normalise(ring.text(seq), ring.time(seq)).ts);
}
