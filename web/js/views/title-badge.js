// Counts unread errors in the title and marks the icon of a hidden page, until the page is visible again; and says there, in any tab,
// that nothing can arrive.

const ICON = "link[rel=icon]";
const MARKED =
  "data:image/svg+xml," +
  encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#101418"/><circle cx="16" cy="16" r="9" fill="#ff7b72"/></svg>');

export class TitleBadge {
  #title = "";
  #plain = document.querySelector(ICON).href;
  #seen = 0;
  #shown = 0;
  #warns = false;

  /** Set the title without a count. */
  setTitle(title) {
    this.#title = title;
    this.#draw();
  }

  /** Begin the title with a warning, or no longer. */
  warn(warns) {
    if (warns === this.#warns) return;
    this.#warns = warns;
    this.#draw();
  }

  /** Update the count; `errors` is the number of all errors so far. */
  update(errors, hidden) {
    if (!hidden) this.#seen = errors;
    const unread = errors - this.#seen;
    if (unread === this.#shown) return;
    this.#shown = unread;
    document.querySelector(ICON).href = unread > 0 ? MARKED : this.#plain;
    this.#draw();
  }

  /** Count one more event that is no error in the list. */
  addEvent(hidden) {
    if (hidden) this.#seen -= 1;
  }

  #draw() {
    document.title = `${this.#warns ? "⚠ " : ""}${this.#shown > 0 ? `(${this.#shown}) ` : ""}${this.#title}`;
  }
}
