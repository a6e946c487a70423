"""
A page that stays open: hidden for hours, with a clock that is wrong, beside another tab, and split again and again.
"""

import json
import re

from playwright.sync_api import Page, expect

from tests.support.browser_page import COUNT_STREAMS, HIDE, Publish, open_page, stats, wait_received
from tests.support.servers import HubProcess

# A tab that is looked at again after this time: nothing is waited for.
LATER = """
(() => {
  const real = Date.now.bind(Date);
  let skipped = 0;
  Date.now = () => real() + skipped;
  window.later = (ms) => { skipped += ms; };
})();
"""
SOUNDS = """
(() => {
  const Plain = window.AudioContext;
  window.sounds = [];
  window.AudioContext = class extends Plain {
    constructor() { super(); window.sounds.push(this); }
  };
  localStorage.setItem("sse-hub.rules", JSON.stringify([{ text: "boom", colour: "#ff9f43", sound: true }]));
})();
"""


def test_a_hidden_tab_of_a_quiet_channel_keeps_its_stream(page: Page, hub: HubProcess) -> None:
    page.add_init_script(COUNT_STREAMS + LATER)
    open_page(page, hub, "lasting.hidden")
    page.evaluate(HIDE, True)
    page.evaluate("later(3_600_000)")
    # The page looks once a second.
    page.wait_for_timeout(2_500)

    assert page.evaluate("madeStreams()") == 1
    assert stats(page)["state"] == "live"


def test_a_reader_clock_that_is_ahead_makes_no_new_line_look_old(page: Page, hub: HubProcess, publish: Publish) -> None:
    page.add_init_script(LATER + "later(60_000);")
    open_page(page, hub, "lasting.ahead")
    for _ in range(10):
        publish("lasting.ahead", ['{"message": "now"}'])
        page.wait_for_timeout(100)
    wait_received(page, 10)

    expect(page.get_by_test_id("state")).not_to_contain_text("catching up")
    expect(page.get_by_test_id("rate")).not_to_have_text("0")


def test_f20_a_page_that_was_offline_shows_that_it_is_catching_up(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    """Over a network that takes two seconds for what it has missed, until it is told that it has become fast."""
    page.add_init_script(LATER)
    open_page(page, hub, "lasting.behind")
    page.get_by_test_id("stop").click()
    expect(page.get_by_test_id("state")).to_have_text("stopped")
    publish("lasting.behind", [json.dumps({"message": "m" * 200})] * 4_000)
    page.evaluate("later(60_000)")
    network = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": 500_000, "uploadThroughput": -1}
    network.send("Network.emulateNetworkConditions", slow)

    page.get_by_test_id("start").click()

    expect(page.get_by_test_id("state")).to_have_text(re.compile(r"^catching up · at \d\d:\d\d:\d\d$"))
    network.send("Network.emulateNetworkConditions", slow | {"downloadThroughput": -1})
    wait_received(page, 4_000)
    expect(page.get_by_test_id("state")).to_contain_text("live")


def test_a_url_with_only_invalid_parameters_still_opens_the_page(page: Page, hub: HubProcess) -> None:
    wrong = "zone=Mars/Base&time=never&tail=x&from=q&to=z&hide=a&at=x&wrap=9&column=&q=%22"
    page.goto(f"{hub.url}/index?channel=lasting.address&{wrong}")

    expect(page.locator(".app")).to_have_attribute("data-state", "live")
    expect(page.locator(".zone-open")).to_contain_text("UTC")


def test_opening_and_closing_panes_many_times_leaves_nothing_behind(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    # Of five there is room for four.
    channels = [f"lasting.split{n}" for n in range(5)]
    open_page(page, hub, *channels)
    for channel in channels:
        publish(channel, ['{"message": "m"}'])
    wait_received(page, 5)
    session = page.context.new_cdp_session(page)

    def heap() -> float:
        session.send("HeapProfiler.collectGarbage")
        megabytes: float = session.send("Runtime.getHeapUsage")["backingStorageSize"] / 1e6
        return megabytes

    def split() -> None:
        page.keyboard.press("s")
        expect(page.get_by_test_id("pane")).to_have_count(4)
        page.keyboard.press("s")
        expect(page.get_by_test_id("pane")).to_have_count(0)

    split()
    before = heap()
    for _ in range(5):
        split()

    # Each list that is left behind would be more than one megabyte.
    assert heap() - before < 5


def test_a_rule_with_a_sound_plays_it_once_and_frees_it(page: Page, hub: HubProcess, publish: Publish) -> None:
    page.add_init_script(SOUNDS)
    open_page(page, hub, "lasting.sound")
    publish("lasting.sound", [json.dumps({"message": text}) for text in ("quiet", "boom", "boom")])
    page.wait_for_function("() => window.sounds.length > 0")

    page.wait_for_function("() => window.sounds.every(({ state }) => state === 'closed')")
    assert page.evaluate("window.sounds.length") == 1


def test_very_long_names_take_no_more_room_than_others(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "lasting.long")
    long = "x" * 500_000
    fields: list[dict[str, object]] = [{"logger": long}, {"@event": long}, {"level": long}, {long: 1}]
    publish("lasting.long", [json.dumps({"message": "m", **each}) for each in fields])
    wait_received(page, 4)
    expect(page.get_by_test_id("row")).to_have_count(4)

    lengths = page.evaluate("[...document.querySelectorAll('.row')].map((row) => row.textContent.length)")
    assert max(lengths) < 2_000
    page.get_by_test_id("row").last.click()
    expect(page.get_by_test_id("tree")).to_be_visible()
    assert page.evaluate("document.querySelector('[data-testid=tree]').outerHTML.length") < 20_000
