// Lines published twice: a publisher that cannot know whether its first attempt arrived sends a line again with the same
// `line_id`, the last member of its object. Pure.

const MAX_KNOWN = 100_000;
// The end of a line is enough: the last brace closes the whole object, so nothing needs to be parsed.
const TAIL = 192;
const LINE_ID = /"line_id"\s*:\s*"([!#-[\]-~]{1,128})"\s*\}\s*$/;

export class SeenLineIds {
  #events = new Map();

  /** True when this line has arrived under another event id. The same id again is no repeat; Ingest drops that by its id. */
  isRepeat(channel, id, line) {
    const found = line.endsWith("}") && LINE_ID.exec(line.slice(-TAIL));
    if (!found) return false;
    const key = `${channel} ${found[1]}`;
    const known = this.#events.get(key);
    if (known !== undefined) return known !== id;
    if (this.#events.size >= MAX_KNOWN) this.#events.delete(this.#events.keys().next().value);
    this.#events.set(key, id);
    return false;
  }
}
