"""
What a reader does with the page, and what the page says of itself.
"""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page, Request, Route, expect

from sse_hub.protocol.sse import checkpoint_frame
from tests.support.servers import HubProcess, RedisServer
from tests.support.settings import DEADLINE_SECONDS

Publish = Callable[[str, Iterable[str]], None]

expect.set_options(timeout=DEADLINE_SECONDS * 1000)

# The first row that is wholly in sight: its seq and where it is.
TOP_ROW = """
() => {
  const edge = document.querySelector("[data-testid=grid]").getBoundingClientRect().top;
  const rows = [...document.querySelectorAll(".row")].filter((row) => row.getBoundingClientRect().top >= edge);
  return [rows[0].dataset.seq, rows[0].getBoundingClientRect().top];
}
"""

# Counts the streams that were made, and those open at one time.
COUNT_STREAMS = """
(() => {
  const Plain = window.EventSource;
  const made = [];
  window.EventSource = class extends Plain {
    constructor(...options) { super(...options); made.push(this); }
  };
  window.madeStreams = () => made.length;
  window.openStreams = () => made.filter((source) => source.readyState !== Plain.CLOSED).length;
})();
"""

# The numbers of all lines held, from the top of the list to its end, read by looking at every place of it.
ALL_NUMBERS = """
async () => {
  const grid = document.querySelector("[data-testid=grid]");
  const seen = new Map();
  const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  // As a reader does: let go of the end, and what has just been loaded is drawn first.
  grid.dispatchEvent(new WheelEvent("wheel", { deltaY: -1 }));
  await frame();
  for (let top = 0; ; top += grid.clientHeight) {
    grid.scrollTop = top;
    await frame();
    for (const row of document.querySelectorAll("[data-testid=row]")) {
      seen.set(Number(row.dataset.seq), Number(/line (\\d+)/.exec(row.textContent)[1]));
    }
    if (top + grid.clientHeight >= grid.scrollHeight) break;
  }
  return [...seen].sort(([one], [other]) => one - other).map(([, number]) => number);
}
"""

# Hides the page from its reader, or shows it again.
HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { get: () => hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""

# The longest task of the page, in ms, from now on.
WATCH_TASKS = """() => {
  window.longest = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration);
  }).observe({ type: "longtask" });
}"""


def open_page(page: Page, hub: HubProcess, *channels: str) -> None:
    """Open the page and return when it is live: what is published from now on must arrive."""
    query = "&".join(f"channel={channel}" for channel in channels)
    page.goto(f"{hub.url}/index?{query}")
    expect(page.locator(".app")).to_have_attribute("data-state", "live")


def stats(page: Page) -> dict[str, Any]:
    """What the page says about itself."""
    numbers: dict[str, Any] = page.evaluate("window.sseHub.stats()")
    return numbers


def wait_received(page: Page, count: int) -> None:
    """Return when the page has received `count` lines in all."""
    page.wait_for_function("(count) => window.sseHub?.stats().received >= count", arg=count)


def messages(page: Page) -> list[str]:
    """The messages of the rows in the page, in order."""
    return page.locator("[data-testid=row] .message").all_inner_texts()


def numbered(numbers: Iterable[int]) -> list[str]:
    """Lines that tell themselves apart."""
    return [json.dumps({"level": "error" if n % 100 == 0 else "info", "message": f"line {n}"}) for n in numbers]


def palette(page: Page, what: str) -> None:
    """Do something by its name."""
    page.keyboard.press("Control+k")
    page.get_by_test_id("palette-input").fill(what)
    page.keyboard.press("Enter")


def scroll_up(page: Page, pixels: int) -> None:
    """Turn the mouse wheel over the lines, and return when the view has let go of the end."""
    page.get_by_test_id("grid").hover()
    page.mouse.wheel(0, -pixels)
    expect(page.get_by_test_id("pill")).to_be_visible()


def asked_for(page: Page) -> list[str]:
    """What the page asks the hub for from now on, beside its own files, and the directory: it always asks for that."""
    asked: list[str] = []

    def keep(request: Request) -> None:
        # The browser itself looks for the icon at each new address.
        known = request.url.endswith("/channels") or "/web/" in request.url
        if request.resource_type in ("fetch", "xhr", "eventsource") and not known:
            asked.append(request.url)

    page.on("request", keep)
    return asked


def load_older(page: Page) -> None:
    """Press the button at the top of the list; a real click scrolls there first, at which the page loads by itself."""
    page.get_by_test_id("top-button").dispatch_event("click")


def settled_top_row(page: Page) -> list[Any]:
    """The first row in sight once a scroll has come to rest: the same in two frames that follow each other."""
    row: list[Any] = page.evaluate(f"""async () => {{
        const look = {TOP_ROW};
        for (let before = null; ;) {{
            const row = look();
            if (String(row) === before) return row;
            before = String(row);
            await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        }}
    }}""")
    return row


@contextmanager
def numbers_published(redis: RedisServer, channel: str, per_second: int) -> Iterator[Callable[[], int]]:
    """Publish numbered lines all the while; what is given ends it, and tells how many there were."""
    ended = threading.Event()
    count = 0

    def publish_all() -> None:
        nonlocal count
        with redis.publisher() as client:
            start = time.monotonic()
            while not ended.wait(0.01):
                due = int((time.monotonic() - start) * per_second)
                for line in numbered(range(count, due)):
                    client.publish(channel, line)
                count = max(count, due)

    thread = threading.Thread(target=publish_all)
    thread.start()

    def end() -> int:
        ended.set()
        thread.join()
        return count

    try:
        yield end
    finally:
        end()


def stream_of(*frames: str) -> Callable[[Route], None]:
    """Answer the page's stream with these frames, and keep it from asking again soon."""
    body = checkpoint_frame(b"1795233018000-0", 600_000).decode() + "".join(frames)
    return lambda route: route.fulfill(status=200, headers={"Content-Type": "text/event-stream"}, body=body)
