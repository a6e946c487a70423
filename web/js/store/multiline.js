// Joins lines that continue the one before them on their channel: a stack trace that was published line by line is one row, and so are
// the parts of a line that Kubernetes has split. Pure.
//
//     const joiner = new MultilineJoiner();
//     joiner.add("api", record, arrivedAt, line)    the line that it continues, or null for the beginning of a new one
//     joiner.earlier                                [[line, head], …]: lines added before of which that line has shown that they continue another
//     joiner.shift(moved)                           moved(line) is what stands for each line from now on
//     templateOf("api", record)                     equal for lines that differ only in their numbers
//
// A line is anything that stands for one. `arrivedAt` is in ms; `record`: see normalise(). Which lines belong together says `./joiner.js`.

import { Joiner } from "./joiner.js";

const PART_MS = 50;
const MAX_CHANNELS = 1_000;
const NUMBERS = /0x[\da-f]+|[\da-f]{8}-[\da-f-]{27}|\d+(?:[.,:]\d+)*/gi;
// The hub's envelope of a text, Docker's, and what Kubernetes puts before it.
const INFO = /^\{\s*"info"\s*:\s*(?=")/;
const DOCKER = '{"log"';
const BESIDE = new Set(["@channel", "stream", "time"]);
const CRI = /^\d{4}-\d\d-\d\dT[\d:.]{8,18}(?:Z|[+-]\d\d:\d\d) std(?:out|err) [FP] /;

export class MultilineJoiner {
  #channels = new Map();

  constructor() {
    this.earlier = [];
  }

  add(channel, record, arrivedAt, line) {
    const last = this.#of(channel);
    const { part, fields: { stream } } = record;
    const apartMs = Math.abs(arrivedAt - last.arrivedAt);
    last.arrivedAt = arrivedAt;
    this.earlier = [];
    if (part && stream === last.partOf && apartMs <= PART_MS) {
      last.partOf = part === "P" && stream;
      return last.partHead;
    }
    if (apartMs > last.joiner.patienceMs) this.#settle(last, last.joiner.end());
    last.waiting.push(line);
    this.#settle(last, last.joiner.add(textOf(record)));
    const head = this.earlier.at(-1)?.[0] === line ? this.earlier.pop()[1] : null;
    last.partOf = part === "P" && stream;
    last.partHead = head ?? line;
    return head;
  }

  shift(moved) {
    for (const last of this.#channels.values()) {
      last.head = moved(last.head);
      last.partHead = moved(last.partHead);
      last.waiting = last.waiting.map(moved);
    }
  }

  clear() {
    this.#channels.clear();
  }

  // The verdicts are on the lines that have waited longest.
  #settle(last, verdicts) {
    for (const begins of verdicts) {
      const line = last.waiting.shift();
      if (begins) last.head = line;
      else this.earlier.push([line, last.head]);
    }
  }

  #of(channel) {
    let last = this.#channels.get(channel);
    if (last === undefined) {
      if (this.#channels.size >= MAX_CHANNELS) this.#channels.clear();
      last = { joiner: new Joiner(), head: null, waiting: [], arrivedAt: -Infinity, partOf: false, partHead: null };
      this.#channels.set(channel, last);
    }
    return last;
  }
}

// The text that a program wrote; a line of JSON of its own stays as it is.
function textOf({ raw, fmt }) {
  const wrapped = raw.startsWith("{") && (fmt !== "json" || raw.startsWith(DOCKER));
  const text = wrapped ? unwrapped(raw) : raw;
  const prefix = text.startsWith("2") ? CRI.exec(text) : null;
  return prefix === null ? text : text.slice(prefix[0].length);
}

function unwrapped(raw) {
  try {
    const info = INFO.exec(raw);
    if (info && raw.endsWith("}")) return JSON.parse(raw.slice(info[0].length, -1));
    // An envelope has one key, and in Docker's there are the stream and the time.
    const [[, text], ...more] = Object.entries(JSON.parse(raw)).filter(([key]) => !BESIDE.has(key));
    return typeof text === "string" && more.length === 0 ? text.replace(/\r?\n$/, "") : raw;
  } catch {
    // The hub's envelope, with more than the text in it.
    return raw;
  }
}

export const templateOf = (channel, { lvl, lvlRaw, logger, msg, raw, err }) => [channel, lvl, lvlRaw, logger, (msg ?? raw).replace(NUMBERS, "#"), err?.stack ?? ""].join("\n");
