"""
What only a hub of channels can do: the directory, patterns, markers for all, alarms, stories, what is new, the guard.
"""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser_page import Publish, messages, numbered, open_page, palette, stats, wait_received
from tests.support.servers import HubProcess

pytestmark = pytest.mark.browser


def test_the_directory_shows_errors_and_a_pattern_includes_new_channels(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "dir.*")
    publish("dir.api", ['{"level": "error", "message": "boom"}', '{"level": "info", "message": "fine"}'])
    publish("dir.mail", ['{"level": "info", "message": "sent"}'])

    expect(page.get_by_test_id("row")).to_have_count(3)
    expect(page.locator("[data-testid=row] .channel-tag")).to_have_text(["api", "api", "mail"])
    expect(page.get_by_test_id("channel-dir.api").get_by_test_id("channel-errors")).to_have_text("1")
    expect(page.get_by_test_id("channel-dir.mail").get_by_test_id("channel-errors")).to_be_hidden()
    # How long ago the last line was, or how many come; and a line that is drawn once there are points enough.
    busy = page.get_by_test_id("channel-dir.api")
    expect(page.get_by_test_id("channel-dir.mail").locator(".channel-figure")).to_have_text(re.compile(r"^\d+ s$"))
    expect(busy.locator(".channel-spark")).to_have_attribute("data-drawn", "true")
    publish("dir.api", numbered(range(1, 1_000)))
    expect(busy.locator(".channel-figure")).to_have_text(re.compile(r"^[\d.]+k?/s$"))
    publish("dir.new", ['{"message": "just born"}'])
    expect(page.get_by_test_id("row").last).to_contain_text("just born")
    expect(page.get_by_test_id("channel-dir.new")).to_be_visible()


def test_a_marker_is_visible_to_all_readers_and_not_in_the_apps_channel(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "marked")
    other = page.context.new_page()
    open_page(other, hub, "marked.not", "marked")
    publish("marked", numbered([1]))
    wait_received(page, 1)
    wait_received(other, 1)

    page.get_by_test_id("grid").focus()
    page.keyboard.press("Shift+M")
    page.get_by_test_id("ask-text").fill("deploy 1.2.3")
    page.keyboard.press("Enter")

    for each in (page, other):
        expect(each.get_by_test_id("marker")).to_contain_text("deploy 1.2.3")
        assert stats(each)["received"] == 1
        expect(each.get_by_test_id("channel-sse-hub.markers")).to_have_count(0)
    # One PUBLISH of a script does it as well, and those of other channels are not shown.
    publish("sse-hub.markers", ['{"@event": "marker", "channel": "elsewhere", "message": "not here"}'])
    publish("sse-hub.markers", ['{"@event": "marker", "channel": "marked", "message": "by a script"}'])
    expect(page.get_by_test_id("marker")).to_have_count(2)
    expect(page.get_by_test_id("marker").last).to_contain_text("by a script")
    page.reload()
    expect(page.get_by_test_id("marker")).to_have_count(2)
    assert messages(page) == ["line 1"]


def test_a_quiet_channel_alarm_notifies_readers_who_enabled_it(page: Page, hub: HubProcess, publish: Publish) -> None:
    """It has spoken a few times in quick succession, so the hub's usual gap is short."""
    open_page(page, hub, "beats")
    for n in range(6):
        publish("beats", numbered([n + 1]))
        wait_received(page, n + 1)
    expect(page.get_by_test_id("channel-beats")).to_be_visible()

    palette(page, "goes quiet")
    page.get_by_test_id("ask-beats").check()
    page.get_by_test_id("ask-go").click()

    expect(page.get_by_test_id("quiet")).to_contain_text("beats has been quiet for")
    assert page.get_by_test_id("quiet").count() == 1


def test_a_trace_is_shown_over_all_channels(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "story.web")
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    for n, (channel, message) in enumerate(
        [("story.web", "GET /pay"), ("story.api", "charge"), ("story.db", "insert"), ("story.web", "200")]
    ):
        publish(
            channel,
            [
                json.dumps({"time": f"2026-11-21T03:50:1{n}Z", "message": message, "trace_id": trace}),
                json.dumps({"message": "noise"}),
            ],
        )
    wait_received(page, 4)
    page.get_by_test_id("row").first.click()

    page.get_by_test_id("drawer-traceEverywhere").click()
    lines = page.get_by_test_id("listing-lines").locator(".listing-text")
    expect(lines).to_have_text(["GET /pay", "charge", "insert", "200"])
    expect(page.get_by_test_id("listing-words")).to_contain_text("4 lines, channels: 3")
    lines.nth(2).click()
    expect(page.locator(".row[aria-current=true] .message")).to_have_text("insert")
    page.keyboard.press("Enter")
    page.get_by_test_id("drawer-traceEverywhere").click()
    expect(lines).to_have_count(4)
    page.get_by_test_id("listing-act").click()

    expect(page.get_by_test_id("filter")).to_have_value(trace)
    page.wait_for_function("() => window.sseHub.stats().shown === 4")


def test_new_line_patterns_are_listed_and_open_as_a_filter(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "news.app")
    publish("news.app", [json.dumps({"level": "error", "message": f"disk {n} is full (at 9{n}%)"}) for n in range(3)])
    publish("news.app", numbered([1]))
    wait_received(page, 4)
    expect(page.get_by_test_id("channel-news.app").get_by_test_id("channel-errors")).to_have_text("3")

    palette(page, "new patterns")
    line = page.get_by_test_id("listing-lines").locator("li", has_text="disk # is full (at #%)")
    expect(line).to_contain_text("×3")
    line.locator("button").click()

    page.wait_for_function("() => window.sseHub.stats().shown === 3")
    assert page.get_by_test_id("filter").input_value() == r"/disk [^ ]+ is full \(at [^ ]+%\)/"


def test_a_loud_channel_is_throttled_beside_others_and_the_page_says_so(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    page.add_init_script("localStorage.setItem('sse-hub.guard', '100')")
    open_page(page, hub, "loud", "calm")
    publish("loud", numbered(range(1, 2_001)))
    publish("calm", ['{"message": "still heard"}'])

    expect(page.get_by_test_id("row").filter(has_text="still heard")).to_be_visible()
    expect(page.get_by_test_id("gap").first).to_contain_text("too fast")
    page.wait_for_function(
        "() => { const { received, dropped } = window.sseHub.stats(); return received + dropped === 2001; }"
    )
    assert stats(page)["dropped"] > 1_000
    # Alone it is shown whole.
    page.goto(f"{hub.url}/index?channel=loud&tail=2000")
    page.wait_for_function("() => window.sseHub?.stats().held === 2000")
