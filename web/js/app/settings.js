// The reader's choices, remembered by the browser. Log lines are never stored there.

import { zoneFault } from "../format/zones.js";

const PREFIX = "sse-hub.";

export const DEFAULTS = Object.freeze({
  theme: "auto", // auto, dark, light, contrast
  density: "normal", // compact 18 px, normal 20 px, comfortable 26 px
  size: 13, // px of log text
  wrap: false,
  lang: "auto",
  time: "clock",
  zone: "local",
  publisherZone: "auto",
  rail: true,
  hist: true,
  facets: true,
  drawer: 420, // px
  held: 100_000, // lines
  holdBack: 250, // ms
  guard: 2_000, // lines per second of one channel among several; 0: all
  repeats: false, // true: consecutive lines that differ only in their numbers are one row
  tokens: true,
  keys: true,
  announce: true,
  rules: [],
  views: [],
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
    if (!sameKind(value, DEFAULTS[name], name) || value === this.#values[name]) return;
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
      const value = typeof fallback === "string" ? text : JSON.parse(text);
      return sameKind(value, fallback, name) ? value : fallback;
    } catch (error) {
      if (!(error instanceof SyntaxError)) this.#persistent = false;
      return fallback;
    }
  }
}

const sameKind = (value, fallback, name) =>
  value !== null && typeof value === typeof fallback && Array.isArray(value) === Array.isArray(fallback) &&
  (name !== "zone" || zoneFault(value) === null);
