// What the reader has chosen and the browser remembers. Log lines are never kept there.

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
  guard: 2_000, // lines per second of one among several channels; 0: all
  repeats: false, // lines that say the same apart from their numbers are one row
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

  /** `store` is the browser's localStorage, or anything like it; one that throws is done without. */
  constructor(store) {
    this.#store = store;
    for (const [name, fallback] of Object.entries(DEFAULTS)) this.#values[name] = this.#read(name, fallback);
  }

  /** False where the browser remembers nothing. */
  get persistent() {
    return this.#persistent;
  }

  get(name) {
    // Another tab may have added to a list.
    if (this.#persistent && typeof DEFAULTS[name] === "object") this.#values[name] = this.#read(name, this.#values[name]);
    return this.#values[name];
  }

  /** Keep a value and tell those who asked. */
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

  /** Use a value that an address asks for, without remembering it; one that makes no sense is left. */
  override(name, value) {
    if (!sameKind(value, DEFAULTS[name], name) || value === this.#values[name]) return;
    this.#values[name] = value;
    this.#notify(name);
  }

  /** Call `listener(value, name)` after one of `names` was set. */
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
