"""
F6: any number of tabs works over HTTP/1.1, where a browser opens six connections to a host.

Two tabs hold a stream of their own; all others get their lines from a stream that they share.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.browser_connection import wire
from tests.support.browser_page import Publish, numbered, stats, wait_received
from tests.support.chromium import Console
from tests.support.http_client import fetch
from tests.support.servers import HubProcess, RedisServer, hub_process
from tests.support.waiting import wait_until

pytestmark = pytest.mark.browser

TABS = 12
LINES = 20
# How long the hub takes to answer a request of the page, in ms.
ANSWER_MS = """async (channel) => {
  const start = performance.now();
  await (await fetch(`history?channel=${channel}`)).json();
  return performance.now() - start;
}"""

OpenTab = Callable[[str], Page]


@pytest.fixture
def open_tab(context: BrowserContext, console: Console, hub: HubProcess) -> Iterator[OpenTab]:
    """Open one more tab of the browser; its complaints count as those of the first."""

    def open_one(address: str) -> Page:
        tab = context.new_page()
        tab.on("console", console.said)
        tab.on("pageerror", console.failed)
        tab.goto(address if address.startswith("http") else f"{hub.url}/index?{address}")
        return tab

    yield open_one


def connection(tab: Page) -> str:
    """What the tab gets its lines from: "own", "lent", "shared" or "none"."""
    return str(stats(tab)["connection"])


def subscribers(hub: HubProcess, channel: str) -> int:
    """How many streams of the hub have the channel."""
    listed = json.loads(fetch(hub, "/channels").body)["channels"]
    return int(next(each["subscribers"] for each in listed if each["name"] == channel))


def wait_settled(tabs: list[Page]) -> None:
    """Return when all tabs are live, and none of them holds a connection that is only lent."""
    for tab in tabs:
        expect(tab.locator(".app")).to_have_attribute("data-state", "live")
        tab.wait_for_function("() => ['own', 'shared'].includes(window.sseHub.stats().connection)")


def expect_lines(tab: Page, count: int) -> None:
    """Fail unless the tab gets the lines 0 to `count`, each once and in order, and no gap."""
    expect(tab.locator("[data-testid=row] .message")).to_have_text([f"line {n}" for n in range(count)])
    assert (stats(tab)["received"], stats(tab)["gaps"]) == (count, 0)


@pytest.mark.speed
def test_f6_twelve_tabs_with_a_channel_each_receive_all_lines(open_tab: OpenTab, publish: Publish) -> None:
    names = [f"tabs.{n}" for n in range(TABS)]
    # Old lines, one of them on a channel that stays quiet: its tab must not bring back the past of the others.
    publish(names[-1], numbered(range(5)))
    publish("tabs.quiet", numbered([0]))
    tabs = [open_tab(f"channel={name}") for name in names]
    quiet = open_tab("channel=tabs.quiet")
    wait_settled([*tabs, quiet])
    # Downloads and other pages of the hub hold connections too.
    tabs[0].evaluate("window.downloads = [0, 1].map(() => fetch('message?channel=other'))")

    for first in range(0, LINES, 5):
        for name in names[:-1]:
            publish(name, numbered(range(first, first + 5)))
    publish(names[-1], numbered(range(5, LINES)))

    for tab in tabs:
        expect_lines(tab, LINES)
        assert tab.evaluate(ANSWER_MS, "tabs.0") < 1_000
    expect_lines(quiet, 1)
    assert sorted(connection(tab) for tab in tabs) == ["own"] * 2 + ["shared"] * (TABS - 2)
    expect(tabs[-1].get_by_test_id("state-detail")).to_have_text("the tabs of this browser share this connection")
    expect(tabs[0].get_by_test_id("state-detail")).to_have_text("")


def test_f6_tabs_lose_nothing_when_others_are_closed_reloaded_or_changed(open_tab: OpenTab, publish: Publish) -> None:
    tabs = [open_tab(f"channel=closing.{n}") for n in range(6)]
    wait_settled(tabs)
    count = 0

    def publish_more() -> None:
        nonlocal count
        for n in range(6):
            publish(f"closing.{n}", numbered(range(count, count + 3)))
        count += 3

    publish_more()
    # The tab that holds a stream, then one that shares.
    tabs[0].close()
    publish_more()
    tabs[3].close()
    publish_more()
    tabs[4].reload()
    publish_more()
    tabs.append(open_tab("channel=closing.0&channel=closing.3"))
    publish_more()
    open_tabs = [tabs[1], tabs[2], tabs[4], tabs[5], tabs[6]]
    wait_settled(open_tabs)
    publish_more()

    for tab in (tabs[1], tabs[2], tabs[4], tabs[5]):
        expect_lines(tab, count)
    wait_received(tabs[6], 2 * count)
    tabs[5].get_by_test_id("stop").click()
    expect(tabs[5].locator(".app")).to_have_attribute("data-state", "stopped")
    publish_more()
    tabs[5].get_by_test_id("start").click()
    wait_settled(open_tabs)
    expect_lines(tabs[5], count)
    for tab in open_tabs:
        assert (stats(tab)["gaps"], stats(tab)["state"]) == (0, "live")


def test_f6_a_cut_and_a_silent_connection_lose_nothing_in_any_tab(
    open_tab: OpenTab, publish: Publish, hub: HubProcess, console: Console
) -> None:
    console.allowed.add("ERR_")
    with wire(hub.port) as between:
        tabs = [open_tab(f"{between.url}/index?channel=cut.{n % 5}") for n in range(7)]
        wait_settled(tabs)
        publish("cut.4", numbered(range(10)))
        wait_received(tabs[4], 10)
        between.down.set()
        between.cut()
        for tab in tabs:
            expect(tab.locator(".app")).to_have_attribute("data-state", "reconnecting")
        for n in range(5):
            publish(f"cut.{n}", numbered(range(10 if n == 4 else 0, 20)))
        between.down.clear()
        wait_settled(tabs)

        for tab in tabs:
            expect_lines(tab, 20)


def test_f6_each_tab_shows_what_was_lost_while_no_hub_ran(
    open_tab: OpenTab, redis_alone: RedisServer, console: Console, installed: Path
) -> None:
    console.allowed.add("ERR_")
    with hub_process(redis_alone.url, root=installed) as hub:
        tabs = [open_tab(f"{hub.url}/index?channel=killed.{n}") for n in range(5)]
        wait_settled(tabs)
        with redis_alone.publisher() as client:
            for n in range(5):
                client.publish(f"killed.{n}", numbered([0])[0])
            for tab in tabs:
                wait_received(tab, 1)
            hub.process.kill()
            hub.process.wait()
            for n in range(5):
                client.publish(f"killed.{n}", numbered([1])[0])
            with hub_process(redis_alone.url, port=hub.port, root=installed):
                wait_settled(tabs)
                for n in range(5):
                    client.publish(f"killed.{n}", numbered([2])[0])

                for tab in tabs:
                    expect(tab.locator("[data-testid=row] .message")).to_have_text(["line 0", "line 2"])
                    expect(tab.get_by_test_id("gap")).to_have_count(1)
                    assert stats(tab)["gaps"] == 1


def test_f6_a_frozen_tab_gives_its_connection_back_and_continues(open_tab: OpenTab, publish: Publish) -> None:
    tabs = [open_tab(f"channel=frozen.{n}") for n in range(4)]
    wait_settled(tabs)
    assert [connection(tab) for tab in tabs] == ["own", "own", "shared", "shared"]
    # As the browser tells a page; its real freeze cannot be ordered from outside.
    for tab in (tabs[0], tabs[2]):
        tab.evaluate("document.dispatchEvent(new Event('freeze'))")

    tabs.append(open_tab("channel=frozen.4"))
    wait_settled([tabs[4]])
    assert connection(tabs[4]) == "own"
    for n in range(5):
        publish(f"frozen.{n}", numbered(range(10)))
    for tab in (tabs[1], tabs[3], tabs[4]):
        expect_lines(tab, 10)
    assert [stats(tab)["received"] for tab in (tabs[0], tabs[2])] == [0, 0]
    for tab in (tabs[0], tabs[2]):
        tab.evaluate("document.dispatchEvent(new Event('resume'))")

    wait_settled(tabs)
    for tab in tabs:
        expect_lines(tab, 10)


def test_f6_a_tab_that_stood_still_for_long_continues_where_it_was(
    open_tab: OpenTab, publish: Publish, hub: HubProcess
) -> None:
    """The shared stream must not keep lines for a tab that does not take them."""
    tabs = [open_tab(f"channel=still.{n}") for n in range(4)]
    wait_settled(tabs)
    debugger = tabs[3].context.new_cdp_session(tabs[3])
    debugger.send("Debugger.enable")
    debugger.send("Debugger.pause")
    for n in range(4):
        publish(f"still.{n}", numbered(range(10)))
    # The worker has given the tab up, and its channel with it.
    wait_until(lambda: subscribers(hub, "still.3") == 0, "nobody reads the channel of the tab")
    for n in range(4):
        publish(f"still.{n}", numbered(range(10, 20)))
    debugger.send("Debugger.resume")
    debugger.send("Debugger.disable")

    for tab in tabs:
        expect_lines(tab, 20)
    wait_settled(tabs)


def test_f6_the_tabs_survive_the_end_of_the_worker_they_share(open_tab: OpenTab, publish: Publish) -> None:
    """A browser may end it with the process it is in, and tells nobody."""
    tabs = [open_tab(f"channel=worker.{n}") for n in range(5)]
    wait_settled(tabs)
    devtools = tabs[0].context.browser.new_browser_cdp_session()  # type: ignore[union-attr]
    targets = devtools.send("Target.getTargets", {"filter": [{"type": "shared_worker"}]})["targetInfos"]
    (worker,) = [target for target in targets if "/js/streams.js" in target["url"]]

    devtools.send("Target.closeTarget", {"targetId": worker["targetId"]})
    for n in range(5):
        publish(f"worker.{n}", numbered(range(10)))

    for tab in tabs:
        expect_lines(tab, 10)
    wait_settled(tabs)
    assert sorted(connection(tab) for tab in tabs) == ["own", "own", "shared", "shared", "shared"]
