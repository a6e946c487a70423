"""
The order of lines that came late, of several channels, and of what belongs together.
"""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser_page import Publish, open_page, palette, wait_received
from tests.support.servers import HubProcess

pytestmark = pytest.mark.browser

TRACE = [
    "java.lang.IllegalStateException: no stock",
    "\tat shop.Cart.pay(Cart.java:12)",
    "Caused by: java.io.IOException: gone",
    "\tat shop.Db.read(Db.java:7)",
]


def timed(moment: datetime, message: str, level: str = "info") -> str:
    return json.dumps({"level": level, "time": moment.isoformat(), "message": message})


def shown_times(page: Page) -> list[str]:
    return page.locator("[data-testid=row] .time").all_inner_texts()


def test_rows_are_in_the_order_of_the_times_that_they_show(page: Page, hub: HubProcess, publish: Publish) -> None:
    """Two files of yesterday, shipped one after the other, a clock that is wrong, and a live error with its trace."""
    page.add_init_script("localStorage.setItem('sse-hub.time', 'full')")
    page.add_init_script("localStorage.setItem('sse-hub.zone', 'UTC')")
    open_page(page, hub, "order.x", "order.y", "order.off")
    now = datetime.now(UTC).replace(microsecond=0)
    begin = now - timedelta(hours=26)
    for shift, channel in enumerate(("order.x", "order.y")):
        lines = [timed(begin + timedelta(minutes=4 * n + 2 * shift), f"shipped {2 * n + shift}") for n in range(10)]
        publish(channel, lines)
    publish("order.off", [timed(now - timedelta(hours=15), "clock is wrong")])
    publish("order.off", [f"{now:%Y-%m-%dT%H:%M:%SZ} ERROR Order failed", *TRACE])
    wait_received(page, 26)

    rows = page.get_by_test_id("row")
    expect(rows).to_have_count(22)
    expect(rows.locator(".message").nth(19)).to_have_text("shipped 19")
    messages = rows.locator(".message").all_inner_texts()
    assert messages[:20] == [f"shipped {n}" for n in range(20)]
    assert shown_times(page) == sorted(shown_times(page))
    says = rows.filter(has_text="clock is wrong").locator(".says")
    expect(says).to_have_text(re.compile(r"says .*\d\d:\d\d:\d\d, −15 h"))

    # A silence is a mark above a row, and takes no row of its own.
    expect(page.get_by_test_id("silence").first).to_have_css("height", "12px")

    # The trace that came line by line is a part of its line, for every filter.
    page.get_by_test_id("filter").fill("level>=error")
    expect(rows).to_have_count(1)
    expect(rows.locator(".fold")).to_have_text("· 2 frames")
    expect(page.get_by_test_id("shown")).to_have_text("5")
    page.get_by_test_id("filter").fill("-Db.java")
    expect(rows).to_have_count(21)
    page.get_by_test_id("filter").fill("")
    expect(rows).to_have_count(22)

    # The reader may order by the lines' own times, or by their arrival.
    says.click()
    expect(page.get_by_test_id("toast")).to_have_text("Order by: the line's own time, always")
    expect(says).to_be_hidden()
    assert shown_times(page) == sorted(shown_times(page))
    assert rows.locator(".message").all_inner_texts()[20] == "clock is wrong"
    page.get_by_test_id("grid").focus()
    palette(page, "order: the line's own time")
    expect(page.get_by_test_id("toast")).to_have_text("Order by: time of arrival")
    expect(rows.locator(".says").first).to_be_visible()
    assert shown_times(page) == sorted(shown_times(page))
    assert len({each[:10] for each in shown_times(page)}) <= 2
