// Which lines alerts are about: lines of the channel of alerts name them. Pure.
//
//     marks.add("1795233018000-4", '{"message": "pay: declined", "rule": "declined", "alert": "a1", "channel": "pay", "line": "1795233017000-2", …}')
//     marks.of("pay", "1795233017000-2")      [{id: "1795233018000-4", rule: "declined", alert: "a1", text: "pay: declined"}]
//
// Whoever may publish on that channel writes these lines, so everything in them is only text.

import { parseId } from "../protocol/ids.js";

const MAX_LINES = 10_000;
const MAX_PER_LINE = 20;
const LONGEST_TEXT = 2_000;

export class AlertMarks {
  #marks = new Map();

  /** True while there is none. */
  get none() {
    return this.#marks.size === 0;
  }

  /** Add a line of the channel of alerts, by its id. True if it marks a line that it did not mark before. */
  add(id, text) {
    const alert = parseAlert(text);
    if (alert === null) return false;
    const key = `${alert.channel}@${alert.line}`;
    const marks = this.#marks.get(key) ?? [];
    if (marks.length >= MAX_PER_LINE || marks.some((known) => known.alert === alert.alert)) return false;
    if (this.#marks.size >= MAX_LINES) this.#marks.delete(this.#marks.keys().next().value);
    marks.push({ id, rule: alert.rule, alert: alert.alert, text: alert.text });
    this.#marks.set(key, marks);
    return true;
  }

  /** The alerts about a line, oldest first as they came. */
  of(channel, id) {
    return this.#marks.get(`${channel}@${id}`) ?? [];
  }
}

/** The line that a line of the channel of alerts is about, `{channel, line, rule, alert, text}`; null if it is about none. */
export function parseAlert(text) {
  let members;
  try {
    members = JSON.parse(text);
  } catch {
    return null;
  }
  const { channel, line, rule, alert, message } = members ?? {};
  if ([channel, line, rule, alert, message].some((each) => typeof each !== "string") || parseId(line) === null) return null;
  return { channel, line, rule, alert, text: message.slice(0, LONGEST_TEXT) };
}
