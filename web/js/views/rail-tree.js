// The rows of the channel list: a tree of thousands, of which only those in sight are in the page. It is one Tab stop; arrows move in it.

const OVERSCAN = 4;
const PAGE = 10;
// The list does not change its order under the mouse.
const HELD_MS = 4_000;
const TALLER = { section: 28, more: 28 };
const HEIGHT = 36;
const PHONE_HEIGHT = 48;

export class RailTree {
  #list;
  #spacer;
  #on;
  #rows = [];
  #tops = [0];
  #drawn = new Map();
  #active = null;
  #chosen = null;
  #heldUntil = 0;
  #frame = 0;
  #phone = window.matchMedia("(max-width: 699px)");

  /**
   * `on` has `make(row)`, which returns a view `{element, fill(row)}` of a row of channel-rows.js, `open(row, add)`: the reader wants to
   * open what it names, or to add it to what is open, `toggle(row)`: to open or close a channel beside the others, and
   * `fold(row, unfolded)`.
   */
  constructor(list, on) {
    this.#list = list;
    this.#on = on;
    this.#spacer = document.createElement("div");
    this.#spacer.className = "rail-spacer";
    this.#spacer.setAttribute("role", "presentation");
    list.append(this.#spacer);
    list.addEventListener("scroll", () => (this.#frame ||= requestAnimationFrame(() => this.#draw())), { passive: true });
    list.addEventListener("keydown", (event) => this.#onKey(event));
    list.addEventListener("click", (event) => this.#onClick(event));
    list.addEventListener("focusin", ({ target }) => this.#activate(target.closest("[role=treeitem]")?.dataset.key ?? null));
    list.addEventListener("pointermove", () => (this.#heldUntil = performance.now() + HELD_MS), { passive: true });
    list.addEventListener("pointerleave", () => (this.#heldUntil = 0));
    new ResizeObserver(() => this.#draw()).observe(list);
  }

  /** True while the mouse or the keyboard is in the list. */
  get held() {
    return performance.now() < this.#heldUntil || this.#list.contains(document.activeElement);
  }

  /** Show these rows; the first in sight stays where it is, unless it is the first of all. */
  show(rows) {
    const { scrollTop } = this.#list;
    const anchor = scrollTop > 0 ? this.#rows[this.#indexAt(scrollTop)]?.key : undefined;
    const offset = scrollTop - (anchor === undefined ? 0 : this.#tops[this.#indexAt(scrollTop)]);
    this.#rows = rows;
    this.#tops = [0];
    for (const row of rows) this.#tops.push(this.#tops.at(-1) + this.#heightOf(row));
    this.#spacer.style.height = `${this.#tops.at(-1)}px`;
    this.#list.hidden = rows.length === 0;
    const at = anchor === undefined ? -1 : rows.findIndex(({ key }) => key === anchor);
    if (at >= 0 && this.#tops[at] + offset !== scrollTop) this.#list.scrollTop = this.#tops[at] + offset;
    if (!rows.some(({ key }) => key === this.#active)) this.#active = null;
    this.#draw();
  }

  /** Scroll a row into sight; true if there is one that `accepts(row)`. */
  reveal(accepts) {
    const { scrollTop, clientHeight } = this.#list;
    const inSight = (at) => this.#tops[at] >= scrollTop && this.#tops[at + 1] <= scrollTop + clientHeight;
    const found = this.#rows.flatMap((row, at) => (accepts(row) ? [at] : []));
    if (found.length > 0 && !found.some(inSight)) this.#scrollTo(found[0]);
    return found.length > 0;
  }

  /** Mark the row that Enter in the field takes; null: none. */
  choose(row) {
    this.#chosen = row?.key ?? null;
    if (row) this.#scrollTo(this.#rows.indexOf(row));
    for (const { element } of this.#drawn.values()) this.#mark(element);
  }

  toTop() {
    this.#list.scrollTop = 0;
  }

  #heightOf({ kind }) {
    return this.#phone.matches ? PHONE_HEIGHT : (TALLER[kind] ?? HEIGHT);
  }

  // The row at `top` px, by halving: the list has thousands.
  #indexAt(top) {
    let low = 0;
    let high = Math.max(0, this.#rows.length - 1);
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#tops[middle] <= top) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const { scrollTop, clientHeight } = this.#list;
    const focused = document.activeElement?.closest(".rail-spacer > *")?.dataset.key;
    const from = Math.max(0, this.#indexAt(scrollTop) - OVERSCAN);
    const to = Math.min(this.#rows.length, this.#indexAt(scrollTop + clientHeight) + 1 + OVERSCAN);
    const shown = [];
    this.#rows.forEach((row, at) => (at >= from && at < to || row.key === focused) && shown.push(at));
    const keys = new Set(shown.map((at) => this.#rows[at].key));
    for (const [key, { element }] of this.#drawn) {
      if (keys.has(key)) continue;
      element.remove();
      this.#drawn.delete(key);
    }
    const stop = keys.has(this.#active) ? this.#active : this.#rows[shown.find((at) => this.#tops[at] >= scrollTop)]?.key;
    let next = this.#spacer.firstElementChild;
    for (const at of shown) {
      const { element } = this.#place(at, stop);
      if (element === next) next = next.nextElementSibling;
      // To move the element that has the focus would take it away.
      else if (element.dataset.key !== focused || !element.isConnected) this.#spacer.insertBefore(element, next);
    }
  }

  #place(at, stop) {
    const row = this.#rows[at];
    if (!this.#drawn.has(row.key)) this.#drawn.set(row.key, this.#on.make(row));
    const view = this.#drawn.get(row.key);
    const { element } = view;
    element.dataset.key = row.key;
    element.id = `rail-row-${at}`;
    element.style.top = `${this.#tops[at]}px`;
    element.style.height = `${this.#tops[at + 1] - this.#tops[at]}px`;
    element.tabIndex = row.key === stop ? 0 : -1;
    element.setAttribute("aria-level", String(row.level));
    element.setAttribute("aria-posinset", String(at + 1));
    element.setAttribute("aria-setsize", String(this.#rows.length));
    this.#mark(element);
    if (row.unfolded !== undefined) element.setAttribute("aria-expanded", String(row.unfolded));
    view.fill(row);
    return view;
  }

  #mark(element) {
    element.setAttribute("aria-selected", String(element.dataset.key === this.#chosen));
  }

  #activate(key) {
    if (key === null || key === this.#active) return;
    this.#active = key;
    for (const { element } of this.#drawn.values()) element.tabIndex = element.dataset.key === key ? 0 : -1;
  }

  #scrollTo(at) {
    const { scrollTop, clientHeight } = this.#list;
    if (this.#tops[at] < scrollTop) this.#list.scrollTop = this.#tops[at];
    else if (this.#tops[at + 1] > scrollTop + clientHeight) this.#list.scrollTop = this.#tops[at + 1] - clientHeight;
  }

  #rowOf(target) {
    const key = target.closest("[role=treeitem]")?.dataset.key;
    return this.#rows.find((row) => row.key === key);
  }

  #onClick(event) {
    const row = this.#rowOf(event.target);
    if (!row) return;
    if (event.target.closest("button")) this.#on.toggle(row);
    else if (row.kind === "channel" || row.kind === "typed") this.#on.open(row, event.ctrlKey || event.metaKey);
    else this.#on.fold(row, !row.unfolded);
  }

  #onKey(event) {
    const row = this.#rowOf(event.target);
    if (!row || event.target.closest("button")) return;
    const at = this.#rows.indexOf(row);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: PAGE, PageUp: -PAGE, Home: -at, End: this.#rows.length };
    if (event.key in steps) this.#focus(at + steps[event.key]);
    else if (event.key === "ArrowRight") row.unfolded === false ? this.#on.fold(row, true) : this.#focus(at + (row.unfolded ? 1 : 0));
    else if (event.key === "ArrowLeft") row.unfolded === true ? this.#on.fold(row, false) : this.#focus(this.#parentOf(at));
    else if (event.key === "Enter" || event.key === " ") this.#enter(row, event.ctrlKey || event.metaKey);
    else if (event.key === "+" || event.key === "-") this.#on.toggle(row);
    else return;
    event.preventDefault();
  }

  #enter(row, add) {
    if (row.kind === "channel" || row.kind === "typed") this.#on.open(row, add);
    else if (row.kind === "group" && add) this.#on.toggle(row);
    else this.#on.fold(row, !row.unfolded);
  }

  #parentOf(at) {
    const parent = this.#rows.slice(0, at).findLastIndex(({ level }) => level < this.#rows[at].level);
    return parent < 0 ? at : parent;
  }

  #focus(wanted) {
    const at = Math.max(0, Math.min(this.#rows.length - 1, wanted));
    this.#active = this.#rows[at].key;
    this.#scrollTo(at);
    this.#draw();
    this.#drawn.get(this.#active)?.element.focus({ preventScroll: true });
  }
}
