// The last minutes of every number in lines that are measurements, for the chart.

const KEPT_POINTS = 1_200;
const MOST_SERIES = 6;
const SPAN_MS = 5 * 60_000;

export class Series {
  #lines = new Map();

  constructor() {
    this.version = 0;
  }

  get empty() {
    return this.#lines.size === 0;
  }

  /** Add `[[field, number], …]` of one line of a channel. */
  add(channel, time, numbers) {
    this.version += 1;
    for (const [field, number] of numbers) this.#lineOf(channel, field)?.push([time, number]);
    for (const line of this.#lines.values()) if (line.points.length > 2 * KEPT_POINTS) line.points.splice(0, KEPT_POINTS);
  }

  /** `[{channel, field, points: [[time, number], …]}, …]` of the last five minutes before the newest point. */
  recent() {
    const lines = [...this.#lines.values()];
    const newest = Math.max(...lines.map(({ points }) => points.at(-1)[0]));
    return lines.map(({ channel, field, points }) => ({
      channel,
      field,
      points: points.filter(([time]) => time >= newest - SPAN_MS).slice(-KEPT_POINTS),
    }));
  }

  /** Forget the numbers of every channel that `keep` refuses. */
  retain(keep) {
    for (const [key, line] of this.#lines) if (!keep(line.channel)) this.#lines.delete(key);
    this.version += 1;
  }

  #lineOf(channel, field) {
    const key = `${channel}\n${field}`;
    if (!this.#lines.has(key)) {
      if (this.#lines.size >= MOST_SERIES) return null;
      this.#lines.set(key, { channel, field, points: [] });
    }
    return this.#lines.get(key).points;
  }
}
