// In which zone each channel writes times that name none. A line that came live shows it: its time and the moment it came differ by the
// offset of its publisher, and a little. A line that came late shows nothing: it may be hours old, in the reader's own zone. Pure.
//
//     const zones = new PublisherZones();
//     zones.observe("api", wall, arrivedAt)      a line without a zone; `wall`: see timeOf(), both in ms
//     zones.settle()                             ["api"]: channels whose lines must be read again, because more is known now
//     zones.of("api")                            for normalise(): null (local), a zone, or a function (wall, arrivedAt) => zone
//     zones.choose("Asia/Kolkata")               the reader knows better: of all channels; null: found from the lines, as above
//
// Lines are judged by the second they came in. Lines that are caught up have times that spread, or run faster than the clock; those that
// come live stay equally far from it. An offset is taken when most lines of several seconds agree on it, at once if they would lie hours
// in the future otherwise. It is that of the whole channel, also of what came late, before and after. If publishers in several zones share
// a channel, a line has the offset with which it came as fast as the others of that offset, else the most frequent one.

import { offsetAt } from "../format/zones.js";

const MINUTE_MS = 60_000;
// The offsets of all zones, in minutes (https://data.iana.org/time-zones/): whole hours, and these.
const ODD_OFFSETS = [-570, -210, -150, 210, 270, 330, 345, 390, 525, 570, 630, 765, 825];
const OFFSETS = [...Array.from({ length: 27 }, (_, hour) => (hour - 12) * 60), ...ODD_OFFSETS].sort((one, other) => one - other);
// How wrong the clock of a publisher may be.
const NEAR_MS = 5 * MINUTE_MS;
// A time this far in the future shows that local time is wrong.
const AHEAD_MS = 10 * MINUTE_MS;
// How much longer than another of its publisher a live line may take. After a pause it may be more, if a buffer was filled meanwhile.
const STEADY_MS = 2_000;
const STEADY_PER_MS = 0.1;
const STEADY_MOST_MS = 4_000;
const LIVE_MS = 5_000;
// Among publishers in several zones: how much longer than others of its publisher a line may take that is still known as its own.
const OWN_MS = MINUTE_MS;
const OWN_SECONDS = 10;
// Evidence: the share of the lines of a second, the number of seconds, and their share of the last ones.
const SHARE = 0.2;
const SECONDS = 3;
const MAX_SECONDS = 200;
// Fewer lines than this in a second are no burst.
const BURST_LINES = 10;
const FUTURE_LINES = 3;
// The weight of an offset halves while others are seen in about so many seconds.
const DECAY = 0.95;
const PREFERRED = 1.5;
const MAX_CHANNELS = 10_000;

export class PublisherZones {
  #chosen = null;
  #channels = new Map();
  #changed = new Map();

  /** Read all channels in this zone; null: as their lines show. */
  choose(zone) {
    this.#chosen = zone;
  }

  /** The zone of times without one on a channel. */
  of(channel) {
    if (this.#chosen !== null) return this.#chosen;
    return this.#channels.get(channel)?.zone ?? null;
  }

  observe(channel, wall, arrivedAt) {
    let evidence = this.#channels.get(channel);
    if (evidence === undefined) {
      if (this.#channels.size >= MAX_CHANNELS) this.#channels.delete(this.#channels.keys().next().value);
      this.#channels.set(channel, (evidence = new Evidence()));
    }
    evidence.add(wall, arrivedAt);
    this.#changed.set(channel, evidence);
  }

  settle() {
    const changed = [];
    for (const [channel, evidence] of this.#changed) if (evidence.settle()) changed.push(channel);
    this.#changed.clear();
    return this.#chosen === null ? changed : [];
  }

  /** Forget the channels that `keep(channel)` rejects. */
  retain(keep) {
    for (const channel of [...this.#channels.keys()]) if (!keep(channel)) this.#channels.delete(channel);
  }
}

// What the lines of one channel have shown. A distance is how far the clock of a line was ahead of UTC when the line came, in ms.
class Evidence {
  /** See PublisherZones.of(). */
  zone = null;
  #second = null;
  #first = true;
  #seconds = 0;
  #runs = new Map();
  #found = [];
  #main = null;
  #furthest = [];
  #reading = String([null]);

  add(wall, arrivedAt) {
    const at = Math.floor(arrivedAt / 1_000);
    if (this.#second?.at !== at) {
      this.#close();
      this.#second = { at, arrivedAt, lines: 0, near: new Map(), least: Infinity, most: -Infinity, voted: new Set() };
    }
    const second = this.#second;
    const distance = wall - arrivedAt;
    const offset = nearestOffset(distance);
    second.lines += 1;
    second.least = Math.min(second.least, distance);
    second.most = Math.max(second.most, distance);
    if (Math.abs(distance - offset * MINUTE_MS) <= NEAR_MS) {
      const near = second.near.get(offset);
      if (near === undefined) second.near.set(offset, { lines: 1, distance });
      else {
        near.lines += 1;
        near.distance = Math.max(near.distance, distance);
      }
    }
    // The third of them counts: one line with a wrong time proves nothing.
    if (this.#furthest.length < FUTURE_LINES || distance > this.#furthest[0]) {
      this.#furthest = [...this.#furthest, distance].sort((one, other) => one - other).slice(-FUTURE_LINES);
    }
  }

  /** True when the zone has changed. */
  settle() {
    this.#vote();
    const { arrivedAt } = this.#second;
    const main = zoneOf(this.#main ?? this.#leastOffset(offsetAt("local", arrivedAt)), arrivedAt);
    const own = this.#found.filter(({ offset, seconds }) => offset === this.#main || seconds >= OWN_SECONDS);
    this.zone = own.length > 1 ? (wall, moment) => offsetOfLine(wall - moment, own) ?? main : main;
    const reading = String([main, ...(own.length > 1 ? own.map(({ offset }) => offset) : [])]);
    const changed = reading !== this.#reading;
    this.#reading = reading;
    return changed;
  }

  #close() {
    if (this.#second === null) return;
    this.#vote();
    this.#first = false;
    const { lines, least, most } = this.#second;
    if (lines >= BURST_LINES && most - least > AHEAD_MS) return;
    this.#seconds += 1;
    if (this.#seconds < MAX_SECONDS) return;
    this.#seconds /= 2;
    for (const run of this.#runs.values()) run.seconds /= 2;
  }

  #vote() {
    const { lines, near, voted, arrivedAt } = this.#second;
    for (const [offset, { lines: agreeing, distance }] of near) {
      if (voted.has(offset) || agreeing < SHARE * lines) continue;
      voted.add(offset);
      if (this.#isSteady(offset, distance, arrivedAt)) this.#take(offset, distance, arrivedAt);
    }
  }

  #isSteady(offset, distance, arrivedAt) {
    const run = this.#runs.get(offset);
    const allowed = run && STEADY_MS + Math.min(STEADY_MOST_MS, STEADY_PER_MS * Math.abs(arrivedAt - run.arrivedAt));
    // Others came sooner: this one was late.
    if (run && distance < run.distance - allowed) return false;
    const seconds = run && distance <= run.distance + allowed ? run.seconds + 1 : 1;
    this.#runs.set(offset, { seconds, distance, arrivedAt });
    if (this.#found.some((each) => each.offset === offset)) return seconds > 1;
    // The first line, hours in the future and at the right second: that is no chance.
    const local = offsetAt("local", arrivedAt) * MINUTE_MS;
    if (this.#first && distance > local + AHEAD_MS && Math.abs(distance - offset * MINUTE_MS) <= LIVE_MS) return true;
    return seconds >= Math.max(SECONDS, SHARE * this.#seconds);
  }

  #take(offset, distance) {
    let found = this.#found.find((each) => each.offset === offset);
    if (found === undefined) this.#found.push((found = { offset, distance, weight: 0, seconds: 0 }));
    for (const each of this.#found) each.weight *= DECAY;
    Object.assign(found, { distance, weight: found.weight + 1, seconds: found.seconds + 1 });
    const main = this.#found.find((each) => each.offset === this.#main);
    if (!main || found.weight > PREFERRED * main.weight) this.#main = offset;
  }

  // Without a live line, local time is as good as any other, if no line would lie in the future. Else the least offset with which none does.
  #leastOffset(local) {
    const furthest = this.#furthest.length < FUTURE_LINES ? -Infinity : this.#furthest[0] - AHEAD_MS;
    return furthest <= local * MINUTE_MS ? local : (OFFSETS.find((offset) => offset * MINUTE_MS >= furthest) ?? local);
  }
}

// Local time knows when clocks change.
const zoneOf = (offset, arrivedAt) => (offset === offsetAt("local", arrivedAt) ? null : offset);

// The offset with which a line came about as fast as others of its publisher; undefined if there is none.
const offsetOfLine = (distance, found) => found.find((each) => each.distance - distance >= -LIVE_MS && each.distance - distance <= OWN_MS)?.offset;

// Neighbours are a quarter of an hour apart or more.
function nearestOffset(distance) {
  return OFFSETS.reduce((one, other) => (Math.abs(other * MINUTE_MS - distance) < Math.abs(one * MINUTE_MS - distance) ? other : one));
}
