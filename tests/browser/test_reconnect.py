"""
When the connection is cut, refused, or dead without a word: nothing is missed, and the page says what is the case.
"""

import json
import re
import time
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.accessibility import FINDINGS, axe_source
from tests.support.browser_connection import wire
from tests.support.browser_page import (
    ALL_NUMBERS,
    COUNT_STREAMS,
    Publish,
    load_older,
    numbered,
    numbers_published,
    open_page,
    stats,
    wait_received,
)
from tests.support.chromium import Console
from tests.support.recording_hubs import last_fence
from tests.support.servers import HubProcess, RedisServer
from tests.support.settings import at_scale
from tests.support.waiting import wait_until

pytestmark = pytest.mark.browser

PER_SECOND = 500
LINES = at_scale(1_000, 10_000)
CUT_SECONDS = (0, at_scale(0, 10), 0)


def test_f02_a_connection_killed_three_times_loses_and_repeats_no_line(
    page: Page, hub: HubProcess, redis: RedisServer, console: Console
) -> None:
    console.allowed |= {"ERR_", "Failed to load resource"}
    with wire(hub.port) as between, numbers_published(redis, "killed", PER_SECOND) as end:
        page.goto(f"{between.url}/index?channel=killed&tail=10000")
        expect(page.locator(".app")).to_have_attribute("data-state", "live")
        for down_seconds in CUT_SECONDS:
            wait_received(page, stats(page)["received"] + LINES // 5)
            between.down.set()
            between.cut()
            expect(page.locator(".app")).to_have_attribute("data-state", "reconnecting")
            started = time.monotonic()
            wait_until(lambda: time.monotonic() >= started + down_seconds, "the connection may come back")  # noqa: B023
            between.down.clear()
            expect(page.locator(".app")).to_have_attribute("data-state", "live")
        wait_received(page, LINES)
        total = end()
        wait_received(page, total)
        page.get_by_test_id("stop").click()

        assert (stats(page)["received"], stats(page)["dupes"], stats(page)["gaps"]) == (total, 0, 0)
        assert page.evaluate(ALL_NUMBERS) == list(range(total))


def test_f02_the_page_retries_after_a_temporary_refusal(
    page: Page, hub: HubProcess, publish: Publish, console: Console
) -> None:
    """An EventSource gives up on it for good; the page does not, and goes on at once when it is looked at again."""
    console.allowed.add("status of 503")
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=503, json={"error": "Service Unavailable", "detail": "Too many streams."})

    page.route("**/message?*", refuse)
    page.add_init_script(COUNT_STREAMS)
    page.clock.install()
    page.goto(f"{hub.url}/index?channel=busy")
    expect(page.get_by_test_id("state")).to_contain_text("reconnecting in")
    expect(page.get_by_test_id("state-detail")).to_have_text("Too many streams.")
    assert len(asked) >= 2
    page.unroute("**/message?*")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator(".app")).to_have_attribute("data-state", "live")
    publish("busy", numbered([1]))
    expect(page.get_by_test_id("row")).to_have_count(1)

    # It is the stream that stays: nobody waits any more for the answer why there was none.
    made = page.evaluate("madeStreams()")
    for _ in range(16):
        with page.expect_response("**/channels"):
            page.clock.run_for(2_000)
    assert page.evaluate("[madeStreams(), openStreams()]") == [made, 1]


def test_f20_a_page_without_a_hub_says_so_over_its_lines_until_the_hub_is_back(
    page: Page, hub: HubProcess, publish: Publish, console: Console
) -> None:
    console.allowed |= {"ERR_", "Failed to load resource"}
    outage = page.get_by_test_id("outage")
    with wire(hub.port) as between:
        page.goto(f"{between.url}/index?channel=outage")
        expect(page.locator(".app")).to_have_attribute("data-state", "live")
        publish("outage", numbered(range(1, 60)))
        expect(page.get_by_test_id("row").last).to_contain_text("line 59")
        expect(outage).to_be_hidden()

        between.down.set()
        between.cut()
        said = re.compile(r"No connection since \d\d:\d\d:\d\d\. The lines shown are old\.")
        expect(outage).to_contain_text(said)
        expect(page).to_have_title("⚠ outage · sse-hub")
        expect(page.locator(".state-announced")).to_have_text(said)
        expect(outage).to_contain_text("Trying again")
        # It stands above the lines and covers none; the newest stays in sight.
        expect(page.get_by_test_id("row").last).to_be_in_viewport()
        assert page.evaluate("document.querySelector('.stage').getBoundingClientRect().top") >= page.evaluate(
            "document.querySelector('.outage').getBoundingClientRect().bottom"
        )
        page.evaluate(axe_source())
        assert page.evaluate(FINDINGS) == []
        publish("outage", numbered([60]))
        between.down.clear()
        page.get_by_test_id("outage-retry").click()

        expect(page.get_by_test_id("row").last).to_contain_text("line 60")
        expect(outage).to_be_hidden()
        expect(page).to_have_title("outage · sse-hub")
        expect(page.locator(".state-announced")).to_have_text("live")
        expect(page.locator(".row.note").filter(has_text="reconnected after")).to_have_count(1)


def test_f02_the_page_reconnects_at_once_when_the_browser_is_online_again(
    page: Page, hub: HubProcess, publish: Publish, console: Console
) -> None:
    """By a new stream, made in the browser's event, whenever the one that was lost would have come back by itself."""
    console.allowed.add("ERR_")
    page.add_init_script(COUNT_STREAMS)
    state = page.locator(".app")
    with wire(hub.port) as between:
        page.goto(f"{between.url}/index?channel=online")
        expect(state).to_have_attribute("data-state", "live")
        publish("online", numbered([1]))
        wait_received(page, 1)
        page.evaluate("addEventListener('online', () => { window.atOnce = madeStreams(); })")

        page.context.set_offline(True)
        between.cut()
        expect(state).to_have_attribute("data-state", "offline")
        expect(page.get_by_test_id("state")).to_have_text("offline · resumes when the network is back")
        publish("online", numbered([2]))
        made = page.evaluate("madeStreams()")
        page.context.set_offline(False)

        expect(state).to_have_attribute("data-state", "live")
        assert page.evaluate("[atOnce, openStreams()]") == [made + 1, 1]
        wait_received(page, 2)
        assert (stats(page)["gaps"], stats(page)["dupes"]) == (0, 0)


def test_f02_a_hub_silent_for_30_seconds_is_shown_as_stale(
    page: Page, hub: HubProcess, publish: Publish, console: Console
) -> None:
    """Neither a line nor an answer to what the page asks every two seconds."""
    console.allowed.add("ERR_FAILED")
    page.clock.install()
    open_page(page, hub, "stale")
    publish("stale", numbered([1]))
    wait_received(page, 1)
    page.get_by_test_id("row").click()
    silent: list[Route] = []
    for path in ("**/channels", "**/message?*"):
        page.route(path, lambda route: silent.append(route))

    page.clock.fast_forward(31_000)

    expect(page.locator(".app")).to_have_attribute("data-state", "stale")
    expect(page.get_by_test_id("state")).to_have_text("no answer from the hub · reconnecting")
    expect(page.get_by_test_id("row")).to_have_count(1)
    for route in silent:
        route.abort()
    page.unroute_all()
    page.clock.run_for(20_000)

    expect(page.locator(".app")).to_have_attribute("data-state", "live")
    publish("stale", numbered([2]))
    expect(page.get_by_test_id("row")).to_have_count(2)
    assert (stats(page)["gaps"], stats(page)["dupes"]) == (0, 0)


def test_f02_a_stream_request_without_a_response_is_repeated(
    page: Page, hub: HubProcess, publish: Publish, console: Console
) -> None:
    """The first time, and when it comes back after a cut; all other requests are answered."""
    console.allowed.add("ERR_")
    page.clock.install()
    state = page.locator(".app")
    silent: list[Route] = []

    def answer_from_now() -> None:
        page.clock.fast_forward(31_000)
        expect(state).to_have_attribute("data-state", "stale")
        while silent:
            silent.pop().abort()
        page.unroute_all()

    with wire(hub.port) as between:
        page.route("**/message?*", lambda route: silent.append(route))
        page.goto(f"{between.url}/index?channel=unanswered")
        expect(state).to_have_attribute("data-state", "connecting")
        answer_from_now()
        page.clock.run_for(20_000)
        expect(state).to_have_attribute("data-state", "live")
        publish("unanswered", numbered([1]))
        wait_received(page, 1)

        page.route("**/message?*", lambda route: silent.append(route))
        between.cut()
        expect(state).to_have_attribute("data-state", "reconnecting")
        page.clock.run_for(10_000)
        publish("unanswered", numbered([2]))
        answer_from_now()
        page.clock.run_for(40_000)

        expect(state).to_have_attribute("data-state", "live")
        wait_received(page, 2)
        assert (stats(page)["gaps"], stats(page)["dupes"]) == (0, 0)


def test_f02_a_silently_dead_stream_is_detected_by_the_hubs_newer_lines(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    """Everything else still works, so only the hub's directory tells that lines do not come here."""
    page.clock.install()
    with wire(hub.port) as between:
        page.goto(f"{between.url}/index?channel=dead")
        expect(page.locator(".app")).to_have_attribute("data-state", "live")
        publish("dead", numbered([1]))
        wait_received(page, 1)
        expect(page.get_by_test_id("channel-dead")).to_be_visible()
        between.thawed.clear()

        for number in range(2, 5):
            publish("dead", numbered([number]))
            with page.expect_response("**/channels"):
                page.clock.run_for(2_000)
        assert stats(page)["received"] == 1
        for connection in [each for each in between.connections if each.streaming]:
            between.connections.remove(connection)
        for _ in range(10):
            if page.locator(".app").get_attribute("data-state") != "live":
                break
            with page.expect_response("**/channels"):
                page.clock.run_for(2_000)
        between.thawed.set()
        page.clock.run_for(1_000)

        wait_received(page, 4)
        expect(page.get_by_test_id("row")).to_have_count(4)
        assert (stats(page)["gaps"], stats(page)["dupes"]) == (0, 0)


def test_f12_markers_older_than_the_tail_load_with_the_lines_around_them(
    page: Page, hub: HubProcess, publish: Publish, redis: RedisServer
) -> None:
    publish("marked.old", numbered(range(1, 301)))
    publish("sse-hub.markers", [json.dumps({"@event": "marker", "channel": "marked.old", "message": "deploy 7"})])
    publish("sse-hub.markers", [json.dumps({"@event": "marker", "channel": "marked.elsewhere", "message": "not here"})])
    began = datetime.now(UTC)
    first_fence = last_fence(redis)
    wait_until(lambda: last_fence(redis) > first_fence, "another fence")
    publish("marked.old", numbered(range(301, 601)))
    page.goto(f"{hub.url}/index?channel=marked.old&tail=100")
    expect(page.get_by_test_id("held")).to_have_text("100")
    expect(page.get_by_test_id("marker")).to_have_count(0)

    load_older(page)

    expect(page.get_by_test_id("held")).to_have_text("600")
    page.keyboard.press("Home")
    expect(page.get_by_test_id("row").first).to_contain_text("line 1")
    # Behind the lines of its time and before those of another.
    page.evaluate("document.querySelector('[data-testid=grid]').scrollTop = 295 * 20")
    expect(page.get_by_test_id("marker")).to_have_count(1)
    expect(page.get_by_test_id("marker")).to_contain_text("deploy 7")
    page.keyboard.press("Home")
    words = page.get_by_test_id("top-words")
    expect(words).to_contain_text("the log of marked.old begins here, ")
    # In the browser's own zone.
    told = page.evaluate("words => Date.parse(words)", (words.text_content() or "").partition("begins here, ")[2])
    assert abs(told / 1_000 - began.timestamp()) < 60
