// The reader's choices, remembered by the browser. Log lines are never stored there.

import { TIME_FORMS } from "../format/time-forms.js";
import { zoneFault } from "../format/zones.js";
import { LANGUAGES } from "../i18n/translate.js";
import { nameFault } from "../protocol/channels.js";
import { ORDERS } from "../store/line-times.js";

const PREFIX = "sse-hub.";
const MAX_LISTED = 500;
const MAX_TEXT = 10_000;
const COLOUR = /^#[0-9a-f]{6}$/i;

/** The choices of a setting that has some, and the range of one that is an integer. */
export const CHOICES = Object.freeze({
  theme: ["auto", "dark", "light", "contrast"],
  density: ["compact", "normal", "comfortable"], // 18, 20, 26 px
  lang: ["auto", ...Object.keys(LANGUAGES)],
  time: TIME_FORMS,
  order: ORDERS, // by which time lines stand, see line-times.js
  details: ["auto", "right", "below", "full"], // auto: right of the lines in a wide window, else below
});
export const RANGES = Object.freeze({
  size: [11, 18], // px of log text
  drawer: [200, 4_000], // px, as the other sizes of parts; 0 is as wide or high as fits best
  drawerHeight: [120, 3_000],
  railWidth: [180, 480],
  channelsHeight: [96, 3_000],
  channelWidth: [40, 600],
  loggerWidth: [40, 600],
  held: [10_000, 500_000], // lines
  holdBack: [0, 5_000], // ms
  hints: [0, 3], // visits that still show the hints
  guard: [0, 100_000], // lines per second of one channel among several; 0: all
});

export const DEFAULTS = Object.freeze({
  theme: "auto",
  density: "normal",
  size: 13,
  wrap: false,
  lang: "auto",
  time: "clock",
  order: "auto",
  zone: "local",
  publisherZone: "auto",
  rail: true,
  hist: true,
  facets: true,
  details: "auto",
  drawer: 0,
  drawerHeight: 0,
  railWidth: 0,
  channelsHeight: 0,
  channelWidth: 0,
  loggerWidth: 0,
  held: 100_000,
  holdBack: 250,
  guard: 2_000,
  hints: 3,
  repeats: false, // true: consecutive lines that differ only in their numbers are one row
  tokens: true,
  keys: true,
  announce: true,
  rules: [],
  views: [],
  recent: [], // what was taken from the palette, newest first
  alarms: {},
});

export class Settings {
  #values = {};
  #listeners = [];
  #store;
  #persistent = true;

  /** `store()` is the browser's localStorage, or anything like it; if it throws, settings last as long as the page. */
  constructor(store) {
    this.#store = store;
    for (const [name, fallback] of Object.entries(DEFAULTS)) this.#values[name] = this.#read(name, fallback);
  }

  /** False if the browser remembers nothing. */
  get persistent() {
    return this.#persistent;
  }

  get(name) {
    // Another tab may have added to a list.
    if (this.#persistent && typeof DEFAULTS[name] === "object") this.#values[name] = this.#read(name, this.#values[name]);
    return this.#values[name];
  }

  /** Remember a value and call its listeners. */
  set(name, value) {
    if (!(name in DEFAULTS)) throw new Error(`there is no setting ${name}`);
    this.#values[name] = value;
    try {
      this.#store().setItem(PREFIX + name, typeof value === "string" ? value : JSON.stringify(value));
    } catch {
      // Storage is off or full: the choice lasts as long as the page.
      this.#persistent = false;
    }
    this.#notify(name);
  }

  /** Use a value from an address without remembering it; an invalid value is ignored. */
  override(name, value) {
    if (valid(name, value) === null || value === this.#values[name]) return;
    this.#values[name] = value;
    this.#notify(name);
  }

  /** Call `listener(value, name)` after one of `names` has been set. */
  on(names, listener) {
    this.#listeners.push([[names].flat(), listener]);
  }

  #notify(name) {
    for (const [names, listener] of this.#listeners) if (names.includes(name)) listener(this.#values[name], name);
  }

  #read(name, fallback) {
    try {
      const text = this.#store().getItem(PREFIX + name);
      if (text === null) return fallback;
      return valid(name, typeof DEFAULTS[name] === "string" ? text : JSON.parse(text)) ?? fallback;
    } catch (error) {
      if (!(error instanceof SyntaxError)) this.#persistent = false;
      return fallback;
    }
  }
}

const isText = (value) => typeof value === "string" && value.length <= MAX_TEXT;
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const isZone = (value) => isText(value) && zoneFault(value) === null;
const listOf = (value, accepts) => (Array.isArray(value) ? value.filter((item) => isObject(item) && accepts(item)).slice(0, MAX_LISTED) : null);

// The value if it is one that the setting may have, else null; a list without the items that can't be used. What the browser has
// kept may be of another version of the page, or of another page of this address.
function valid(name, value) {
  if (name in CHOICES) return CHOICES[name].includes(value) ? value : null;
  if (name in RANGES) return Number.isInteger(value) && value >= RANGES[name][0] && value <= RANGES[name][1] ? value : null;
  switch (name) {
    case "zone":
      return isZone(value) ? value : null;
    case "publisherZone":
      return value === "auto" || isZone(value) ? value : null;
    case "views":
      return listOf(value, (view) => isText(view.name) && isText(view.query) && view.query.startsWith("?"));
    case "recent":
      return listOf(value, (entry) => isText(entry.kind) && isText(entry.label));
    case "rules":
      return listOf(value, (rule) => isText(rule.text) && isText(rule.colour) && COLOUR.test(rule.colour));
    case "alarms":
      return isObject(value) ? Object.fromEntries(Object.entries(value).filter(([channel, on]) => on === true && nameFault(channel) === null).slice(0, MAX_LISTED)) : null;
    default:
      return typeof value === "boolean" ? value : null;
  }
}
