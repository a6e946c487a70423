// Which time the row of a line shows, and its place among the other lines: a line stands where the time says that it shows. Pure.
//
//     const clocks = new Clocks();
//     clocks.order = "line"                     "auto": its own time if that can be right; "line": always; "arrival": never
//     const times = new LineTimes(clocks);      for lines in the order in which they came
//     times.of("api", ownTime, arrivedAt)       {shown, key} in ms, to be read at once; `ownTime` is null for a line that names no time
//     clocks.settle()                           ["api"]: channels whose lines must be placed again, because more is known now
//
// A line that comes late is right about its time, and a clock that is wrong is wrong by the same span all the time. So an own time far
// from the arrival counts once the lines of the channel have shown that the distance changes: those of a file, of a backfill, of a queue
// that was stuck. No line comes before it was written: an own time in the future never counts.

export const TRUSTED_MS = 5_000;
const MAX_CHANNELS = 10_000;

export const ORDERS = ["auto", "line", "arrival"];

export class Clocks {
  #channels = new Map();
  #changed = new Set();
  order = "auto";

  /** True if the own time of a line counts. */
  believes(channel, ownTime, arrivedAt) {
    if (this.order !== "auto") return this.order === "line";
    const late = arrivedAt - ownTime;
    if (Math.abs(late) <= TRUSTED_MS) return true;
    return late > 0 && this.#comesLate(channel, late);
  }

  /** The channels that have turned out to come late since the last call. */
  settle() {
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed;
  }

  /** Forget the channels that `keep(channel)` rejects. */
  retain(keep) {
    for (const channel of [...this.#channels.keys()]) if (!keep(channel)) this.#channels.delete(channel);
  }

  #comesLate(channel, late) {
    let clock = this.#channels.get(channel);
    if (clock === undefined) {
      if (this.#channels.size >= MAX_CHANNELS) this.#channels.delete(this.#channels.keys().next().value);
      this.#channels.set(channel, (clock = { least: late, most: late, varies: false }));
    }
    if (clock.varies) return true;
    clock.least = Math.min(clock.least, late);
    clock.most = Math.max(clock.most, late);
    clock.varies = clock.most - clock.least > TRUSTED_MS;
    if (clock.varies) this.#changed.add(channel);
    return clock.varies;
  }
}

export class LineTimes {
  #clocks;
  #last = new Map();

  constructor(clocks) {
    this.#clocks = clocks;
  }

  of(channel, ownTime, arrivedAt) {
    let last = this.#last.get(channel);
    if (last === undefined) {
      if (this.#last.size >= MAX_CHANNELS) this.#last.clear();
      this.#last.set(channel, (last = { shown: -Infinity, key: -Infinity, arrivedAt: -Infinity, far: false }));
    }
    if (ownTime !== null && this.#clocks.believes(channel, ownTime, arrivedAt)) last.shown = last.key = ownTime;
    // What follows a late line without a time of its own is as late, and a trace stays behind its first line.
    else if (!last.far || ownTime !== null || arrivedAt - last.arrivedAt > TRUSTED_MS) {
      last.shown = arrivedAt;
      last.key = last.far ? arrivedAt : Math.max(arrivedAt, last.key);
    }
    last.arrivedAt = arrivedAt;
    last.far = Math.abs(last.key - arrivedAt) > TRUSTED_MS;
    return last;
  }
}
