"""
Floods: what comes fast is taken in whole, and the page answers its reader meanwhile.

Usual runs are short and their limits wide; SSE_HUB_TEST_FULL=1 measures what docs/page.md says.
"""

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser_page import Publish, numbered, open_page, stats, wait_received
from tests.support.servers import HubProcess, RedisServer
from tests.support.settings import at_scale

logger = logging.getLogger(__name__)
pytestmark = [pytest.mark.browser, pytest.mark.speed]

# Tasks that block, and the time between frames, in ms, from now on.
WATCH = """() => {
  const seen = { longest: 0, frames: [] };
  window.watched = seen;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) seen.longest = Math.max(seen.longest, duration);
  }).observe({ type: "longtask" });
  let last = performance.now();
  const frame = (now) => {
    seen.frames.push(now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}"""

WATCHED = """() => {
  const frames = window.watched.frames.slice(1).sort((one, other) => one - other);
  return { longest: window.watched.longest, p95: frames[Math.floor(frames.length * 0.95)], frames: frames.length };
}"""

# How long it takes from a click on Pause until the view stands still.
TIME_PAUSE = """() => new Promise((done) => {
  const button = document.querySelector("[data-testid=pause]");
  const start = performance.now();
  new MutationObserver(() => done(performance.now() - start)).observe(button, { attributeFilter: ["aria-pressed"] });
  button.click();
})"""


def ticks(seconds: int, per_second: int) -> Iterator[range]:
    """The numbers that are due, again and again, until all have been."""
    start = time.monotonic()
    done = 0
    while done < seconds * per_second:
        due = min(seconds * per_second, int((time.monotonic() - start) * per_second))
        yield range(done, due)
        done = due
        time.sleep(0.01)


def flood(redis: RedisServer, channel: str, seconds: int, per_second: int) -> int:
    """Publish so many numbered lines each second; returns how many there were."""
    lines = numbered(range(seconds * per_second))
    with redis.client() as client:
        for due in ticks(seconds, per_second):
            with client.pipeline(transaction=False) as pipeline:
                for number in due:
                    pipeline.publish(channel, lines[number])
                pipeline.execute()
    return len(lines)


def heap(page: Page) -> int:
    """Bytes of JavaScript objects in use, after a collection of all that is not."""
    session = page.context.new_cdp_session(page)
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
    used: int = session.send("Runtime.getHeapUsage")["usedSize"]
    session.detach()
    return used


def test_f01_at_5_000_lines_per_second_all_lines_arrive_and_the_page_stays_smooth(
    page: Page, hub: HubProcess, redis: RedisServer
) -> None:
    open_page(page, hub, "speed.steady")
    page.evaluate(WATCH)

    sent = flood(redis, "speed.steady", at_scale(3, 60), 5_000)

    wait_received(page, sent)
    watched = page.evaluate(WATCHED)
    numbers = stats(page)
    logger.info("5,000 lines/s: %s", watched)
    assert (numbers["received"], numbers["gaps"], numbers["dropped"], numbers["dupes"]) == (sent, 0, 0, 0)
    assert watched["longest"] < at_scale(1_000, 500)
    assert watched["p95"] < at_scale(300, 120)
    expect(page.get_by_test_id("row").last).to_contain_text(f"line {sent - 1}")


def test_f01_at_20_000_lines_per_second_no_line_is_lost_and_pausing_works(
    page: Page, hub: HubProcess, redis: RedisServer, publish: Publish
) -> None:
    open_page(page, hub, "speed.burst")
    page.evaluate(WATCH)

    with ThreadPoolExecutor(1) as pool:
        flooding = pool.submit(flood, redis, "speed.burst", at_scale(1, 10), 20_000)
        wait_received(page, 1_000)
        took = page.evaluate(TIME_PAUSE)
        received = stats(page)["received"]
        sent = flooding.result()
    assert received < sent
    publish("speed.burst", numbered([sent]))

    wait_received(page, sent + 1)
    numbers = stats(page)
    logger.info("20,000 lines/s: %s, pause after %.0f ms", page.evaluate(WATCHED), took)
    assert (numbers["received"], numbers["gaps"], numbers["dropped"], numbers["dupes"]) == (sent + 1, 0, 0, 0)
    assert took < at_scale(1_000, 200)
    expect(page.get_by_test_id("pill")).to_be_visible()


def test_f01_memory_does_not_grow_with_the_number_of_past_lines(page: Page, hub: HubProcess, publish: Publish) -> None:
    """What is held is all that is held: three times as many lines later the heap is what it was."""
    held = at_scale(10_000, 100_000)
    page.add_init_script(f"localStorage.setItem('sse-hub.held', '{held}')")
    open_page(page, hub, "speed.heap")

    def take_in(first: int, last: int) -> int:
        for start in range(first, last, 5_000):
            publish("speed.heap", numbered(range(start, start + 5_000)))
            wait_received(page, start + 5_000)
        expect(page.get_by_test_id("row").last).to_contain_text(f"line {last - 1}")
        return heap(page)

    once = take_in(0, held)
    thrice = take_in(held, 3 * held)

    logger.info("heap: %.1f MB at %d lines, %.1f MB at %d", once / 1e6, held, thrice / 1e6, 3 * held)
    assert stats(page)["held"] == held
    assert thrice < 1.3 * once
