// What came while nobody looked: errors are counted in the title and marked on the icon until the page is looked at again.

const ICON = "link[rel=icon]";
const MARKED =
  "data:image/svg+xml," +
  encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#101418"/><circle cx="16" cy="16" r="9" fill="#ff7b72"/></svg>');

export class Unread {
  #title = "";
  #plain = document.querySelector(ICON).href;
  #seen = 0;
  #shown = 0;

  /** The title without a count. */
  title(words) {
    this.#title = words;
    this.#draw();
  }

  /** `errors` is how many there have been for ever. */
  update(errors, hidden) {
    if (!hidden) this.#seen = errors;
    const unread = errors - this.#seen;
    if (unread === this.#shown) return;
    this.#shown = unread;
    document.querySelector(ICON).href = unread > 0 ? MARKED : this.#plain;
    this.#draw();
  }

  /** One more thing to see, which is no error in the list. */
  mark(hidden) {
    if (hidden) this.#seen -= 1;
  }

  #draw() {
    document.title = this.#shown > 0 ? `(${this.#shown}) ${this.#title}` : this.#title;
  }
}
