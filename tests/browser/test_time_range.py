"""
Live, paused and past: one button, ranges of time out of the log, and the bars over them.
"""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.support.accessibility import FINDINGS, SMALL, axe_source
from tests.support.browser_page import Publish, numbered, open_page, palette, stats, wait_received
from tests.support.http_client import fetch
from tests.support.servers import HubProcess
from tests.support.waiting import wait_until

pytestmark = pytest.mark.browser

# How much of the first row in sight is cut off, in px.
CUT_ROW = """() => {
  const edge = document.querySelector("[data-testid=grid]").getBoundingClientRect().top;
  const row = [...document.querySelectorAll(".row")].find((each) => each.getBoundingClientRect().bottom > edge);
  return Math.max(0, edge - row.getBoundingClientRect().top);
}"""


def moments(hub: HubProcess, channel: str, count: int) -> list[int]:
    """When the lines of a channel came, once so many are recorded."""

    def recorded() -> list[int]:
        return [line[3] for line in fetch(hub, f"/history?channel={channel}&limit=1000").json["lines"]]

    wait_until(lambda: len(recorded()) >= count, "all lines are recorded")
    return recorded()


def choose(page: Page, text: str) -> None:
    """Type a range of time."""
    palette(page, "type a time range")
    page.get_by_test_id("ask-range").fill(text)
    page.keyboard.press("Enter")


def test_a_range_of_the_past_is_shown_out_of_the_log_while_live_lines_wait(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    page.set_viewport_size({"width": 1280, "height": 733})
    open_page(page, hub, "past")
    # Each part came later than the one before.
    for first, last in ((1, 50), (51, 100), (101, 700)):
        publish("past", numbered(range(first, last + 1)))
        wait_received(page, last)
    came = moments(hub, "past", 700)
    page.goto(f"{hub.url}/index?channel=past&tail=60")
    live = page.get_by_test_id("pause")
    expect(page.get_by_test_id("row").last).to_contain_text("line 700")
    expect(live).to_have_text("Live")
    assert page.evaluate(CUT_ROW) == 0

    choose(page, "tea time")
    expect(page.get_by_test_id("prompt")).to_contain_text("“tea time” is not a range of time")
    page.get_by_test_id("ask-range").fill(f"{came[49] + 1}–{came[100] - 1}")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("row").last).to_contain_text("line 100")
    assert stats(page)["shown"] == 50
    expect(live).to_have_text("Past")
    expect(page.get_by_test_id("range")).to_contain_text("–")
    publish("past", numbered(range(701, 704)))
    expect(live).to_have_text("Past · 3 new")

    # A filter keeps the range, and the hub counts through it; a bar at the edge has all lines of its second.
    page.get_by_test_id("filter").fill('"line 7"')
    expect(page.get_by_test_id("row")).to_have_count(10)
    expect(page.locator(".hist-canvas")).to_have_attribute("aria-label", re.compile("^Bar chart: 1[0-9] lines "))
    page.keyboard.press("Enter")
    page.evaluate(axe_source())
    assert page.evaluate(FINDINGS) == []
    # Longer, and back; the address has each of them.
    page.get_by_test_id("zoom-out").click()
    page.wait_for_function("() => window.sseHub.stats().shown > 10")
    page.go_back()
    expect(page.get_by_test_id("row")).to_have_count(10)
    page.reload()
    expect(live).to_have_text(re.compile("^Past"))
    expect(page.get_by_test_id("row")).to_have_count(10)

    page.get_by_test_id("range-close").click()
    expect(live).to_have_text("Live")
    expect(page.get_by_test_id("row").last).to_contain_text("line 703")
    assert set(parse_qs(urlsplit(page.url).query)) == {"channel", "tail", "q"}
    page.get_by_test_id("filter-clear").click()
    publish("past", numbered([704]))
    expect(page.get_by_test_id("row").last).to_contain_text("line 704")


def test_the_bars_of_a_span_show_what_the_log_has_beyond_the_lines_held(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "span")
    publish("span", numbered(range(1, 501)))
    moments(hub, "span", 500)
    page.goto(f"{hub.url}/index?channel=span&tail=20")
    expect(page.get_by_test_id("row").last).to_contain_text("line 500")
    bars = page.get_by_test_id("hist")
    expect(page.locator(".hist-canvas")).to_have_attribute("aria-label", re.compile(": 20 lines "))

    page.keyboard.press("Shift+R")
    page.get_by_role("menuitem", name="Last 1 h").click()
    expect(page.locator(".hist-canvas")).to_have_attribute("aria-label", re.compile(": 500 lines "))
    expect(page).to_have_url(re.compile("last=1h"))
    expect(page.get_by_test_id("pause")).to_have_text("Live")
    assert stats(page)["held"] == 20

    # By keyboard: the bars are a slider; with Shift several of them, and Enter narrows the range to them.
    bars.focus()
    page.keyboard.press("End")
    expect(bars).to_have_attribute("aria-valuetext", re.compile(r"\d\d:\d\d.*line"))
    expect(page.get_by_test_id("hist-tip")).to_contain_text("Enter")
    for _ in range(12):
        page.keyboard.press("Shift+ArrowLeft")
    expect(bars).to_have_attribute("aria-valuetext", re.compile("5 errors · 500 lines"))
    page.keyboard.press("Enter")
    page.wait_for_function("() => window.sseHub.stats().shown === 500")
    expect(page.get_by_test_id("pause")).to_have_text("Past")

    page.set_viewport_size({"width": 390, "height": 740})
    assert page.evaluate(SMALL) == []
    page.get_by_test_id("pause").click()
    expect(page.get_by_test_id("pause")).to_have_text("Live")
    expect(page.get_by_test_id("range")).to_have_text(re.compile("Last 1 h"))
    publish("span", numbered([501]))
    expect(page.get_by_test_id("row").last).to_contain_text("line 501")
