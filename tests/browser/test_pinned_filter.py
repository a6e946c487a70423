"""
A pinned filter: the hub sends only the lines that pass it, live and from the log, and the page says so.
"""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser_page import Publish, asked_for, messages, open_page, palette, stats, wait_received
from tests.support.chromium import Console
from tests.support.servers import HubProcess

pytestmark = pytest.mark.browser


def mixed(start: int, end: int) -> list[str]:
    """Lines of which each tenth is a warning."""
    return [json.dumps({"level": "info" if n % 10 else "warn", "message": f"line {n}"}) for n in range(start, end)]


def filters_asked(asked: list[str], path: str) -> list[str | None]:
    """The filters of these requests for a path, in order."""
    urls = [urlsplit(url) for url in asked if "?channel=sse-hub" not in url]
    return [parse_qs(url.query).get("q", [None])[0] for url in urls if url.path == path]


def test_only_matching_lines_come_while_the_filter_is_pinned(page: Page, hub: HubProcess, publish: Publish) -> None:
    asked = asked_for(page)
    open_page(page, hub, "pinned")
    publish("pinned", mixed(0, 20))
    wait_received(page, 20)
    toggle, status = page.get_by_test_id("pin-filter"), page.get_by_test_id("pin-status")
    expect(toggle).to_be_hidden()

    page.get_by_test_id("filter").fill("level>=warn")
    toggle.click()
    expect(toggle).to_have_attribute("aria-pressed", "true")
    expect(status).to_have_text("only lines that match level>=warn come from the hub")
    expect(page.locator(".app")).to_have_attribute("data-state", "live")
    publish("pinned", mixed(20, 40))
    wait_received(page, 22)
    assert stats(page)["received"] == 22
    assert (stats(page)["gaps"], stats(page)["dupes"]) == (0, 2)
    own = '(channel=sse-hub.markers "@event") OR (channel=sse-hub.alerts alert)'
    assert filters_asked(asked, "/message")[-1] == f"{own} OR level>=warn"
    # Markers come nonetheless.
    publish("sse-hub.markers", ['{"@event": "marker", "channel": "pinned", "message": "deploy"}'])
    expect(page.get_by_test_id("marker")).to_contain_text("deploy")

    # The filter in the box goes on working, on what has come.
    page.get_by_test_id("filter").fill("")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("row")).to_have_count(22)
    expect(page.get_by_test_id("pinned")).to_contain_text("from here on, only lines that match level>=warn come")

    # In another zone, times mean others at the hub.
    with page.expect_request(lambda request: "&zone=%2B05%3A30" in request.url):
        page.get_by_test_id("zone-open").click()
        page.get_by_test_id("zone").fill("Asia/Kolkata")
        page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    for _ in range(5):
        page.keyboard.press("Shift+F")
        expect(page.locator(".app")).to_have_attribute("data-state", "live")
    expect(status).to_be_empty()
    expect(page.locator(".app")).to_have_attribute("data-state", "live")
    publish("pinned", mixed(40, 60))
    expect(page.get_by_test_id("row").last).to_contain_text("line 59")
    expect(page.get_by_test_id("unpinned")).to_contain_text("up to here, only lines that match level>=warn came")
    assert messages(page)[-20:] == [f"line {n}" for n in range(40, 60)]
    # Though it was pinned three times.
    expect(page.get_by_test_id("pinned")).to_have_count(1)
    expect(page.get_by_test_id("unpinned")).to_have_count(1)
    assert stats(page)["gaps"] == 0


def test_a_pinned_address_opens_with_what_matches_in_the_log(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "pinned.log")
    publish("pinned.log", [json.dumps({"message": f"early {n}"}) for n in range(100)])
    publish("pinned.log", mixed(0, 3_000))
    wait_received(page, 3_100)
    asked = asked_for(page)

    page.goto(f"{hub.url}/index?channel=pinned.log&pin=level%3E%3Dwarn")
    wait_received(page, 300)
    assert stats(page)["held"] == 300
    # It loads older ones only where the hub had no time to find all.
    assert set(filters_asked(asked, "/history")) <= {"level>=warn"}
    expect(page.get_by_test_id("pin-status")).to_contain_text("level>=warn")

    palette(page, "only these")
    expect(page.get_by_test_id("pin-status")).to_be_empty()
    assert "pin=" not in page.url
    page.get_by_test_id("grid").press("g")
    expect(page.get_by_test_id("unpinnedAbove")).to_contain_text("above, all lines")
    wait_received(page, 400)
    page.go_back()
    expect(page.get_by_test_id("pin-status")).to_contain_text("level>=warn")


def test_a_filter_that_the_hub_refuses_is_told_at_the_box(
    page: Page, hub: HubProcess, publish: Publish, console: Console
) -> None:
    console.allowed.add("400")
    open_page(page, hub, "pinned.refused")
    page.get_by_test_id("filter").fill("a" * 1_001)
    with page.expect_response(lambda answer: answer.status == 400):
        page.get_by_test_id("pin-filter").click()

    expect(page.get_by_test_id("filter-error")).to_contain_text("up to 1000 are allowed")
    expect(page.get_by_test_id("pin-filter")).to_have_attribute("aria-pressed", "false")
    expect(page.locator(".app")).to_have_attribute("data-state", "live")
    publish("pinned.refused", mixed(0, 5))
    wait_received(page, 5)
