"""
The page in a real browser against a real hub: what is published is what is seen.
"""

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Response, expect

from tests.support.browser_page import (
    COUNT_STREAMS,
    TOP_ROW,
    Publish,
    asked_for,
    messages,
    numbered,
    open_page,
    scroll_up,
    settled_top_row,
    stats,
    wait_received,
)
from tests.support.chromium import Console
from tests.support.servers import HubProcess, RedisServer, free_port, hub_process
from tests.support.settings import ROOT, at_scale

pytestmark = pytest.mark.browser

# The page draws no more rows than fit; node reads all the formats.
FORMATS = json.loads((ROOT / "tests" / "fixtures" / "formats.json").read_text(encoding="utf-8"))[:100]
VISIBLE = str.maketrans({"\0": "␀", "\u202e": "⟨U+202E⟩"})
# What the rows say.
# What the rows show, in the order in which their lines came.
SHOWN = """() => [...document.querySelectorAll("[data-testid=row]")].sort((one, other) => {
  const [[fence, count], [otherFence, otherCount]] = [one, other].map((row) => row.dataset.id.split("-").map(Number));
  return fence - otherFence || count - otherCount;
}).map((row) => {
  const text = (name) => row.querySelector(name).textContent;
  return { time: text(".time"), level: row.dataset.level, logger: text(".logger"), message: text(".message") };
})"""
SCROLL_TOP = "document.querySelector('[data-testid=grid]').scrollTop"


def test_a_published_line_appears_in_the_page(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "plain")

    publish("plain", ['{"level": "warning", "logger": "shop.db", "message": "hello", "user": "u7"}'])

    row = page.get_by_test_id("row")
    expect(row).to_have_count(1)
    expect(row).to_have_attribute("data-level", "warn")
    expect(row.locator(".level")).to_have_text("W")
    expect(row.locator(".logger")).to_have_text("shop.db")
    expect(row.locator(".message")).to_have_text("hello")
    expect(row.locator(".tail")).to_have_text("user=u7")
    expect(page.get_by_test_id("held")).to_have_text("1")
    assert stats(page)["lastId"] == row.get_attribute("data-id")


def test_f04_a_loguru_line_shows_time_level_logger_and_its_whole_message(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "loguru")
    now = datetime.now().astimezone()
    stamp = f"{now:%Y-%m-%d %H:%M:%S}.780"
    text = f"{stamp} | WARNING  | shop.db:<lambda>:41 - Slow query | took 812 ms - Visit 新增"

    publish("loguru", [json.dumps({"info": text})])

    row = page.get_by_test_id("row")
    expect(row.locator(".time")).to_have_text(stamp[11:])
    expect(row.locator(".level")).to_have_text("W")
    expect(row.locator(".logger")).to_have_text("shop.db")
    expect(row.locator(".message")).to_have_text("Slow query | took 812 ms - Visit 新增")


def test_f04_a_line_of_every_format_shows_time_level_logger_and_message(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    """Some of the fixture: those without a year, or a date, are of another one here."""
    page.set_viewport_size({"width": 1_600, "height": 2_400})
    for name, value in (("zone", "UTC"), ("publisherZone", "UTC"), ("time", "iso"), ("order", "line")):
        page.add_init_script(f"localStorage.setItem('sse-hub.{name}', '{value}')")
    open_page(page, hub, "formats")

    publish("formats", [each["line"] for each in FORMATS])

    expect(page.get_by_test_id("row")).to_have_count(len(FORMATS))
    wrong = {}
    for each, shown in zip(FORMATS, page.evaluate(SHOWN), strict=True):
        wanted = {name: each[name] for name in ("time", "level", "logger", "message") if name in each}
        if each.get("time") is None or "undated" in each:
            wanted.pop("time", None)
        if "level" in wanted:
            wanted["level"] = wanted["level"] or "none"
        if "logger" in wanted:
            wanted["logger"] = wanted["logger"] or ""
        # Without a message the fields are shown.
        wanted["message"] = (wanted.get("message") or shown["message"]).translate(VISIBLE)
        found = {name: shown[name] for name in wanted}
        if found != wanted:
            wrong[each["name"]] = (found, wanted)
    assert wrong == {}


def test_r13_a_browser_that_has_kept_nonsense_gets_a_working_page(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    """Each setting with a value of the right kind that would break the page."""
    kept = dict.fromkeys(("size", "drawer", "held", "holdBack", "guard", "hints"), "1e12")
    kept |= dict.fromkeys(("rules", "views", "recent", "alarms"), "[[[]]]")
    kept |= dict.fromkeys(("theme", "density", "lang", "time", "order", "zone", "publisherZone"), "'" * 5000)
    kept |= dict.fromkeys(("wrap", "rail", "hist", "facets", "repeats", "tokens", "keys", "announce"), "2")
    page.add_init_script(
        f"for (const [name, text] of {list(kept.items())!r}) localStorage.setItem(`sse-hub.${{name}}`, text)"
    )
    open_page(page, hub, "kept")
    publish("kept", ['{"level": "warn", "message": "it works"}'])

    expect(page.locator("[data-testid=row] .message")).to_have_text(["it works"])
    page.get_by_test_id("row").click()
    expect(page.get_by_test_id("drawer")).to_be_visible()
    page.keyboard.press("Control+k")
    expect(page.get_by_test_id("palette")).to_be_visible()


def test_f04_markup_in_a_line_is_shown_as_text(page: Page, hub: HubProcess, publish: Publish) -> None:
    """No element comes of it, nothing runs and nothing is requested, neither in a row nor in the details."""
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    open_page(page, hub, "markup")
    hostile = '<img src=/x onerror="window.ran=1"></script><script>window.ran=1</script><b>bold</b> javascript:alert(1)'

    publish(
        "markup",
        [
            json.dumps({"info": f"2026-11-21 03:50:18.780 | ERROR | a.b:c:1 - {hostile}"}),
            json.dumps(
                {"level": hostile, "logger": hostile, "message": hostile, hostile: hostile, "exception": hostile}
            ),
            hostile,
        ],
    )
    expect(page.get_by_test_id("row")).to_have_count(3)
    for row in page.get_by_test_id("row").all():
        row.click()
        expect(page.get_by_test_id("raw")).to_contain_text("onerror")

    expect(page.get_by_test_id("row").first.locator(".message")).to_have_text(hostile)
    assert page.evaluate("window.ran") is None
    assert page.locator(".stage img, .stage script, .stage b, .details img, .details script").count() == 0
    assert not [url for url in requested if url.endswith("/x")]


def test_f04_any_published_payload_becomes_a_row(page: Page, hub: HubProcess, publish: Publish) -> None:
    """Broken JSON, numbers, nothing at all, controls and deep nesting: a row each, and never an error."""
    open_page(page, hub, "odd")
    deep = '{"a":' * 400 + "1" + "}" * 400
    wide = json.dumps({f"key{n}": n for n in range(10_000)})
    odd = ["", "42", "null", "[]", "{}", '{"info": null}', '{"broken": ', "a\0b\x1b[31mred\x1b[0m", '{"__proto__": 1}']

    publish("odd", [*odd, deep, wide, "x" * 500_000, "\u202eabc"])

    expect(page.get_by_test_id("row")).to_have_count(len(odd) + 4)
    assert stats(page)["gaps"] == 0


def test_f16_a_stack_trace_is_one_row_and_complete_in_the_details(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "trace")
    stack = 'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    f()\nValueError: too small'

    publish("trace", [json.dumps({"level": "error", "message": "boom", "exception": stack})])

    row = page.get_by_test_id("row")
    expect(row).to_contain_text("boom")
    expect(row).to_contain_text("ValueError: too small")
    expect(row.locator(".fold")).to_have_text("· 1 frame")
    row.click()
    expect(page.get_by_test_id("drawer")).to_contain_text('File "a.py", line 1, in <module>')
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("drawer")).to_be_hidden()

    # So it is with other languages.
    stacks = {
        "Java": "java.io.IOException: gone\n\tat shop.Order.pay(Order.java:41)\n\tat shop.Main.main(Main.java:7)",
        "Node": "TypeError: x is not a function\n    at pay (/srv/order.js:41:7)\n    at /srv/main.js:7:1",
        "Go": "panic: boom\n\ngoroutine 1 [running]:\nmain.f()\n\t/srv/a.go:21 +0x1d\nmain.main()\n\t/srv/a.go:7 +0x2",
    }
    publish("trace", [json.dumps({"level": "error", "message": name, "stack": stacks[name]}) for name in stacks])
    publish("trace", [json.dumps({"info": stack}) for stack in stacks.values()])
    expect(row).to_have_count(7)
    expect(row.locator(".fold")).to_have_text(["· 1 frame", *["· 2 frames"] * 6])


def pause(page: Page) -> None:
    """As one does with the keyboard."""
    page.get_by_test_id("grid").focus()
    page.keyboard.press("Space")
    expect(page.get_by_test_id("pause")).to_have_attribute("aria-pressed", "true")


def go_up(page: Page) -> None:
    """As one does with the mouse."""
    scroll_up(page, 900)


def choose_older(page: Page) -> None:
    """Look at a line before the newest."""
    page.get_by_test_id("row").filter(has_text="line 295").click()
    page.keyboard.press("Escape")


@pytest.mark.parametrize(("let_go", "back"), [(pause, "pause"), (go_up, "pill"), (choose_older, "pill")])
def test_f03_a_scrolled_up_view_stays_pixel_still_while_new_lines_are_counted(
    page: Page, hub: HubProcess, publish: Publish, let_go: Callable[[Page], None], back: str
) -> None:
    channel = f"still.{let_go.__name__}"
    open_page(page, hub, channel)
    publish(channel, numbered(range(1, 301)))
    expect(page.get_by_test_id("row").last).to_contain_text("line 300")

    let_go(page)
    expect(page.get_by_test_id("pill")).to_be_visible()
    before = [*settled_top_row(page), page.evaluate(SCROLL_TOP)]
    asked = asked_for(page)
    publish(channel, numbered(range(301, 2_646)))

    expect(page.get_by_test_id("pill")).to_have_text("↓ 2,345 new (23 errors)")
    assert [*page.evaluate(TOP_ROW), page.evaluate(SCROLL_TOP)] == before
    page.get_by_test_id(back).click()
    expect(page.get_by_test_id("row").last).to_contain_text("line 2645")
    expect(page.get_by_test_id("row").last).to_be_in_viewport()
    expect(page.get_by_test_id("pill")).to_be_hidden()
    expect(page.get_by_test_id("follow")).to_have_text("following")
    assert (stats(page)["received"], stats(page)["shown"]) == (2_645, 2_645)
    assert asked == []


def test_f22_stop_and_start_use_one_stream_and_lose_no_line(page: Page, hub: HubProcess, publish: Publish) -> None:
    page.add_init_script(COUNT_STREAMS)
    open_page(page, hub, "startstop")
    publish("startstop", numbered(range(1, 16)))
    wait_received(page, 15)

    page.get_by_test_id("stop").click()
    expect(page.get_by_test_id("state")).to_have_text("stopped")
    assert page.evaluate("window.openStreams()") == 0
    publish("startstop", numbered(range(16, 31)))
    page.get_by_test_id("start").click()
    expect(page.get_by_test_id("start")).to_be_disabled()
    wait_received(page, 30)
    publish("startstop", numbered(range(31, 41)))
    wait_received(page, 40)

    expect(page.get_by_test_id("row")).to_have_count(40)
    assert messages(page) == [f"line {n}" for n in range(1, 41)]
    assert page.evaluate("window.openStreams()") == 1
    assert (stats(page)["dupes"], stats(page)["gaps"]) == (0, 0)


def test_f22_start_loses_no_line_if_none_came_before_stop(page: Page, hub: HubProcess, publish: Publish) -> None:
    """There is no id to resume after; the page goes on from the moment the stream had opened."""
    open_page(page, hub, "silent", "silent.too")
    page.get_by_test_id("stop").click()
    expect(page.get_by_test_id("state")).to_have_text("stopped")

    publish("silent", numbered([1, 2, 3]))
    page.get_by_test_id("start").click()

    wait_received(page, 3)
    expect(page.get_by_test_id("row")).to_have_count(3)
    assert messages(page) == ["line 1", "line 2", "line 3"]


def test_f21_the_page_shows_that_a_publisher_has_closed_and_stops(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    page.add_init_script(COUNT_STREAMS)
    open_page(page, hub, "closing")

    publish("closing", ['{"n": 1}', '{"n": 2}', '{"@event": "closed"}'])

    expect(page.get_by_test_id("closed")).to_have_text("closing: the publisher closed the stream")
    expect(page.locator(".app")).to_have_attribute("data-state", "ended")
    expect(page.get_by_test_id("plot")).to_be_visible()
    assert page.evaluate("window.openStreams()") == 0
    page.get_by_test_id("start").click()
    expect(page.locator(".app")).to_have_attribute("data-state", "live")
    publish("closing", ['{"n": 3}'])
    expect(page.get_by_test_id("row").last).to_contain_text("n=3")
    assert stats(page)["gaps"] == 0


def test_a_named_event_is_shown_as_a_tag_on_its_row(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "named")

    publish("named", ['{"@event": "deploy", "message": "1.2.3 is out"}'])

    expect(page.get_by_test_id("row").locator(".tag")).to_have_text("deploy")
    expect(page.get_by_test_id("row").locator(".message")).to_have_text("1.2.3 is out")


def test_f02_lines_lost_at_redis_are_shown_as_a_gap_row(page: Page, redis_alone: RedisServer) -> None:
    """On servers of its own: the break stands in the log of every channel of theirs."""
    with hub_process(redis_alone.url) as hub, redis_alone.client() as client:
        open_page(page, hub, "gap")
        client.publish("gap", numbered([1])[0])
        wait_received(page, 1)

        client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")

        gap = page.get_by_test_id("gap")
        expect(gap).to_have_text(re.compile(r"^gap: an unknown number of lines not delivered, [\d:]{8}–[\d:]{8} · "))
        expect(page.get_by_test_id("gaps")).to_have_text("1")
        client.publish("gap", numbered([2])[0])
        expect(page.get_by_test_id("row").last).to_contain_text("line 2")
        page.get_by_test_id("stop").click()


def test_f02_the_page_reconnects_by_itself_when_the_hub_is_back(
    page: Page, redis: RedisServer, console: Console
) -> None:
    console.allowed |= {"ERR_", "Failed to load resource"}
    port = free_port()
    with hub_process(redis.url, port=port) as first, redis.client() as client:
        open_page(page, first, "restart")
        client.publish("restart", '{"message": "before"}')
        wait_received(page, 1)
    expect(page.get_by_test_id("state")).to_contain_text("reconnecting")

    with hub_process(redis.url, port=port), redis.client() as client:
        expect(page.locator(".app")).to_have_attribute("data-state", "live")
        client.publish("restart", '{"message": "after"}')
        expect(page.get_by_test_id("row").last).to_contain_text("after")
        expect(page.get_by_test_id("reconnect")).to_have_text(re.compile(r"^reconnected after \d+ s$"))
        page.get_by_test_id("stop").click()
        page.get_by_test_id("start").click()
        expect(page.locator(".app")).to_have_attribute("data-state", "live")
        expect(page.get_by_test_id("reconnect")).to_have_count(1)


def test_f20_a_hub_without_redis_is_not_shown_as_live(page: Page, hub: HubProcess) -> None:
    body = {"ready": False, "channels": []}
    page.route("**/channels", lambda route: route.fulfill(json=body))
    page.goto(f"{hub.url}/index?channel=degraded")

    expect(page.locator(".app")).to_have_attribute("data-state", "degraded")
    expect(page.get_by_test_id("state")).to_have_text("live, but the hub has lost Redis")
    expect(page.get_by_test_id("empty-command")).to_be_hidden()
    body["ready"] = True

    expect(page.locator(".app")).to_have_attribute("data-state", "live")
    expect(page.get_by_test_id("empty-command")).to_be_visible()


def test_f20_a_hub_that_cannot_record_is_shown_as_live_only(page: Page, hub: HubProcess) -> None:
    body = {"ready": True, "recording": False, "channels": []}
    page.route("**/channels", lambda route: route.fulfill(json=body))
    page.goto(f"{hub.url}/index?channel=unrecorded")

    expect(page.get_by_test_id("not-recording")).to_have_text("Not recording: lines are live only")
    del body["recording"]

    expect(page.get_by_test_id("not-recording")).to_have_text("")


def test_f01_after_120_000_lines_the_page_keeps_100_000_and_renders_few_rows(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "many")
    for start in range(0, 120_000, 5_000):
        publish("many", numbered(range(start, start + 5_000)))
        wait_received(page, start + 5_000)

    expect(page.get_by_test_id("held")).to_have_text("100,000")
    expect(page.get_by_test_id("row").last).to_contain_text("line 119999")
    numbers = stats(page)
    assert (numbers["received"], numbers["held"], numbers["gaps"], numbers["dupes"]) == (120_000, 100_000, 0, 0)
    assert numbers["rowsInDom"] <= 150
    assert page.evaluate("document.querySelectorAll('*').length") < 3_000
    expect(page.get_by_test_id("level-error")).to_contain_text("1,000")

    # Scrolled away, lines that fall off the ring move nothing.
    scroll_up(page, 2_000)
    before = settled_top_row(page)
    publish("many", numbered(range(120_000, 125_000)))
    expect(page.get_by_test_id("pill")).to_have_text("↓ 5,000 new (50 errors)")
    assert page.evaluate(TOP_ROW) == before

    # Not even those in sight.
    page.keyboard.press("Home")
    expect(page.get_by_test_id("row").first).to_contain_text("line 25000")
    before = settled_top_row(page)
    publish("many", numbered(range(125_000, 127_000)))
    wait_received(page, 127_000)
    expect(page.get_by_test_id("pill")).to_contain_text("7,000 new")
    assert page.evaluate(TOP_ROW) == before
    expect(page.get_by_test_id("row").first).to_contain_text("line 25000")
    page.keyboard.press("End")
    expect(page.get_by_test_id("row").last).to_contain_text("line 126999")


def test_f01_the_reader_sets_the_number_of_lines_kept(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "held")
    page.get_by_test_id("more").click()
    page.get_by_test_id("tab-behaviour").click()
    held = page.get_by_test_id("set-held")
    expect(held).to_have_value("100000")
    for typed, taken in (("9", "10000"), ("9000000", "500000"), ("10000", "10000")):
        held.fill(typed)
        page.keyboard.press("Tab")
        expect(held).to_have_value(taken)
    page.reload()
    expect(page.locator(".app")).to_have_attribute("data-state", "live")

    for start in (0, 6_000):
        publish("held", numbered(range(start, start + 6_000)))
        wait_received(page, start + 6_000)

    expect(page.get_by_test_id("held")).to_have_text("10,000")
    assert stats(page)["held"] == 10_000


def test_f07_filter_and_level_chips_hide_other_lines_and_bring_them_back(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "filter")
    publish("filter", numbered(range(1, 201)))
    publish("filter", [json.dumps({"message": "Visit 新增 id 7"})])
    wait_received(page, 201)

    page.keyboard.press("f")
    page.keyboard.type("新增")
    expect(page.get_by_test_id("row")).to_have_count(1)
    expect(page.get_by_test_id("shown")).to_have_text("1")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.get_by_test_id("level-error").click(modifiers=["Shift"])
    expect(page.get_by_test_id("row")).to_have_count(2)
    publish("filter", numbered([299, 300]))
    expect(page.get_by_test_id("row")).to_have_count(3)
    page.get_by_test_id("level-error").click(modifiers=["Shift"])

    expect(page.get_by_test_id("row").last).to_contain_text("line 300")
    assert stats(page)["shown"] == 203
    page.get_by_test_id("level-error").dblclick()
    expect(page.get_by_test_id("row")).to_have_count(3)


def test_f07_hiding_all_levels_is_explained_and_can_be_undone(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "nolevels")
    publish("nolevels", ['{"level": "info", "message": ""}'])
    expect(page.get_by_test_id("row").locator(".message")).to_have_text("(empty)")

    for chip in page.locator(".levels .chip:visible").all():
        chip.click()
    expect(page.get_by_test_id("empty")).to_contain_text("All levels are hidden")
    page.get_by_test_id("show-levels").click()

    expect(page.get_by_test_id("row")).to_have_count(1)
    page.get_by_test_id("stop").click()
    expect(page.get_by_test_id("rate")).to_have_text("–")


def test_f13_a_channel_that_is_added_brings_its_past_and_causes_no_gap_in_the_first(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    page.add_init_script(COUNT_STREAMS)
    open_page(page, hub, "one.a")
    page.get_by_test_id("channel-input").fill("one.")
    # Each comes in a read of its own, later than the one before.
    for number, channel in ((1, "one.a"), (3, "one.b"), (2, "one.a")):
        publish(channel, numbered([number]))
        expect(page.get_by_test_id(f"channel-{channel}")).to_be_visible()
        wait_received(page, 1)
    wait_received(page, 2)

    page.get_by_test_id("channel-one.b").click(modifiers=["Control"])
    expect(page.locator(".app")).to_have_attribute("data-state", "live")
    publish("one.a", numbered([4]))
    publish("one.b", numbered([5]))

    expect(page.get_by_test_id("row").last).to_contain_text("line 5")
    of_first = page.locator("[data-testid=row][data-ch='one.a'] .message").all_inner_texts()
    assert of_first == ["line 1", "line 2", "line 4"]
    rows = page.locator(".spacer .row")
    parts = ("line 1", "line 3", "line 2", "added here", "line 4", "line 5")
    expect(rows).to_have_text([re.compile(part) for part in parts])
    expect(page.get_by_test_id("joined")).to_have_text("one.b was added here")
    assert page.evaluate("window.openStreams()") == 1
    assert page.url.endswith("?channel=one.a&channel=one.b")
    page.get_by_role("button", name="Close one.a").first.click()
    expect(page.locator("[data-ch='one.a']")).to_have_count(0)


def test_tabs_that_do_not_fit_are_behind_one_button(page: Page, hub: HubProcess) -> None:
    names = [f"tab{n}.{'x' * 40}" for n in range(3)]
    open_page(page, hub, *names)
    expect(page.locator(".open-name").first).to_be_visible()
    expect(page.get_by_test_id("open-all")).to_be_hidden()
    assert all((box := name.bounding_box()) and box["width"] > 50 for name in page.locator(".open-name span").all())

    page.set_viewport_size({"width": 360, "height": 740})
    expect(page.get_by_test_id("open-all")).to_contain_text("3 channels")
    expect(page.locator(".open-name").first).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.get_by_test_id("open-all").click()

    expect(page.get_by_test_id("channel-input")).to_be_in_viewport()


def test_the_channel_field_accepts_exactly_the_names_that_the_hub_accepts(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "field")
    expect(page.get_by_test_id("empty")).to_contain_text("Nothing yet on ‘field’")
    expect(page.get_by_test_id("empty-command")).to_contain_text("redis-cli PUBLISH field")

    page.get_by_test_id("channel-input").fill("no spaces")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("letters, digits")
    page.get_by_test_id("channel-input").fill("wild.*")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("open")).to_have_text("wild.*")
    expect(page.locator(".app")).to_have_attribute("data-state", "live")
    publish("wild.new", ['{"message": "joined by itself"}'])

    expect(page.get_by_test_id("row")).to_contain_text("joined by itself")
    expect(page.get_by_test_id("row").locator(".channel-tag")).to_have_text("wild.new")


def test_f19_at_phone_width_nothing_scrolls_sideways_and_the_channel_list_is_a_sheet(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    open_page(page, hub, "phone")
    publish("phone", [json.dumps({"level": "error", "message": "long " * 80, "field": "x" * 300})] * 40)
    expect(page.get_by_test_id("row").last).to_have_attribute("aria-rowindex", "40")
    expect(page.get_by_test_id("row").last).to_be_in_viewport()

    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.evaluate("document.querySelector('[data-testid=grid]').scrollWidth") <= 360
    # Time and letter, and the message below.
    parts = [page.get_by_test_id("row").last.locator(part).bounding_box() for part in (".time", ".level", ".message")]
    stamp, letter, message = (part for part in parts if part)
    assert abs(stamp["y"] - letter["y"]) < 4 and stamp["y"] + stamp["height"] <= message["y"]
    expect(page.get_by_test_id("channel-input")).not_to_be_in_viewport()
    page.get_by_test_id("menu").click()
    expect(page.get_by_test_id("channel-input")).to_be_in_viewport()
    page.get_by_test_id("channel-phone").click()
    expect(page.get_by_test_id("channel-input")).not_to_be_in_viewport()
    expect(page.get_by_test_id("follow")).to_have_text("following")
    page.get_by_test_id("row").last.click()
    expect(page.get_by_test_id("drawer")).to_be_visible()


@pytest.mark.parametrize(("scheme", "background"), [("dark", "rgb(16, 20, 24)"), ("light", "rgb(255, 255, 255)")])
def test_f19_the_theme_follows_the_system_until_the_reader_chooses(
    page: Page, hub: HubProcess, scheme: Any, background: str
) -> None:
    page.emulate_media(color_scheme=scheme)
    open_page(page, hub, "theme")
    expect(page.locator("body")).to_have_css("background-color", background)

    page.get_by_test_id("more").click()
    page.get_by_role("button", name="Theme: light").click()
    page.reload()

    expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
    page.get_by_test_id("more").click()
    page.get_by_role("button", name="Theme: dark").click()
    expect(page.locator("body")).to_have_css("background-color", "rgb(16, 20, 24)")


def test_f20_a_permanent_refusal_is_shown_in_the_hubs_words_and_not_retried(
    page: Page, hub: HubProcess, console: Console
) -> None:
    console.allowed.add("status of 400")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/message?" in request.url else None)

    page.goto(f"{hub.url}/index?channel=sse-hub:private")

    expect(page.locator(".app")).to_have_attribute("data-state", "error")
    # The stream, and the question why there is none. A try more would have come between two looks at the directory.
    for _ in range(2):
        page.wait_for_event("response", lambda response: response.url.endswith("/channels"))
    assert len(asked) == 2
    expect(page.get_by_test_id("state-detail")).to_contain_text("sse-hub:private")
    expect(page.get_by_test_id("empty")).to_contain_text("reserved")
    page.get_by_test_id("channel-input").fill("allowed")
    page.keyboard.press("Enter")
    expect(page.locator(".app")).to_have_attribute("data-state", "live")


def test_an_invalid_channel_in_the_url_is_refused_and_nothing_is_opened_instead(page: Page, hub: HubProcess) -> None:
    page.add_init_script(COUNT_STREAMS)
    page.goto(f"{hub.url}/index?channel=bad%20name")

    expect(page.get_by_role("alert")).to_contain_text("letters, digits")
    expect(page.locator(".app")).to_have_attribute("data-state", "error")
    expect(page.get_by_test_id("empty")).to_contain_text("letters, digits")
    assert page.evaluate("window.openStreams()") == 0


def test_a_long_message_is_truncated_in_the_details_until_expanded(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "longmessage")
    publish("longmessage", [json.dumps({"level": "info", "message": "m" * 200_000})])

    page.get_by_test_id("row").click()
    page.get_by_role("button", name="show all (200 kB)").first.click()

    assert len(page.locator(".details-body pre").first.inner_text()) == 200_000


def middle(part: Locator) -> tuple[float, float]:
    """The point in the middle of it, in px of the window."""
    box = part.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_f03_selecting_text_stops_following(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "selection")
    publish("selection", numbered(range(1, 101)))
    expect(page.get_by_test_id("row").last).to_contain_text("line 100")

    page.get_by_test_id("row").last.locator(".message").dblclick(position={"x": 8, "y": 10})
    publish("selection", numbered(range(101, 301)))

    expect(page.get_by_test_id("pill")).to_contain_text("200 new")
    assert page.evaluate("getSelection().toString()").strip() == "line"

    # Over several rows, and while the view follows.
    page.keyboard.press("End")
    expect(page.get_by_test_id("follow")).to_have_text("following")
    first, last = (page.get_by_test_id("row").filter(has_text=f"line {n}").locator(".message") for n in (294, 298))
    page.mouse.move(*middle(first))
    page.mouse.down()
    page.mouse.move(*middle(last), steps=4)
    page.mouse.up()
    chosen = page.evaluate("getSelection().toString()")
    assert [n for n in range(290, 301) if f"line {n}" in chosen] == [295, 296, 297]
    before = [*settled_top_row(page), page.evaluate(SCROLL_TOP)]
    publish("selection", numbered(range(301, 501)))

    expect(page.get_by_test_id("pill")).to_contain_text("200 new")
    expect(page.get_by_test_id("held")).to_have_text("500")
    assert page.evaluate("getSelection().toString()") == chosen
    assert [*page.evaluate(TOP_ROW), page.evaluate(SCROLL_TOP)] == before


@pytest.mark.speed
def test_the_whole_page_is_small_and_comes_from_the_hub(page: Page, hub: HubProcess) -> None:
    """One load with a language is small on the wire, and the browser keeps it until another hub has another page."""
    assets: list[Response] = []
    page.on("response", lambda response: assets.append(response))

    open_page(page, hub, "assets")
    page.wait_for_load_state("load")

    finite = [response for response in assets if "/message?" not in response.url]
    assert {response.url[: len(hub.url)] for response in finite} == {hub.url}
    assert {response.status for response in finite} == {200}
    files = [response for response in finite if "/web/" in response.url or "/index" in response.url]
    assert len(files) < 10
    # The budget of docs/page.md, as in tests/unit/page/test_bundler.py.
    assert sum(response.request.sizes()["responseBodySize"] for response in files) < 170_000
    for response in files:
        assert response.headers["etag"]
        kept = "no-cache" if "/index" in response.url else "public, max-age=31536000, immutable"
        assert response.headers["cache-control"] == kept
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    assert paint < at_scale(2_000, 500)


def test_a_view_is_loaded_when_it_is_opened_and_again_after_a_failure(
    page: Page, hub: HubProcess, console: Console
) -> None:
    """The first load has nothing of it; later it is kept as long as the page itself."""
    console.allowed |= {"ERR_FAILED", "Failed to fetch dynamically imported module"}
    assets: list[Response] = []
    page.on("response", lambda response: assets.append(response))
    open_page(page, hub, "later")
    page.wait_for_load_state("load")
    assert [response.url for response in assets if "/later." in response.url] == []

    page.route("**/js/later.js*", lambda route: route.abort())
    page.keyboard.press("?")
    expect(page.get_by_test_id("toast")).to_have_text(re.compile("could not be loaded"))
    expect(page.get_by_test_id("help")).to_be_hidden()
    page.unroute("**/js/later.js*")
    page.keyboard.press("?")
    expect(page.get_by_test_id("help")).to_contain_text("status>=500")
    page.keyboard.press("Escape")
    page.get_by_test_id("more").click()
    page.get_by_test_id("theme").get_by_text("dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")

    # The sheet needs no second attempt.
    loaded = [response for response in assets if "/later." in response.url]
    names = sorted(re.sub(r"^.*/web/[0-9a-f]{12}/", "", response.url) for response in loaded)
    assert names == ["css/later.css", "js/later.js?1"]
    assert {response.headers["cache-control"] for response in loaded} == {"public, max-age=31536000, immutable"}


def test_f01_lines_are_received_while_the_browser_draws_nothing(page: Page, hub: HubProcess, publish: Publish) -> None:
    """A hidden tab has no animation frames; what comes meanwhile must be there when it is looked at again."""
    page.add_init_script("window.requestAnimationFrame = () => 1")
    open_page(page, hub, "hidden")

    publish("hidden", numbered(range(1, 501)))

    expect(page.get_by_test_id("held")).to_have_text("500")
    assert stats(page)["rowsInDom"] == 0


def test_the_view_keeps_following_when_it_is_resized(page: Page, hub: HubProcess, publish: Publish) -> None:
    """A higher view is scrolled up by the browser itself; that is not the reader letting go."""
    open_page(page, hub, "resize")
    publish("resize", numbered(range(1, 201)))
    expect(page.get_by_test_id("row").last).to_contain_text("line 200")

    for width, height in ((1000, 400), (360, 740), (1280, 720), (360, 640), (1000, 900), (1000, 500), (1000, 700)):
        page.set_viewport_size({"width": width, "height": height})
        expect(page.get_by_test_id("row").last).to_be_in_viewport(ratio=0.9)
        settled_top_row(page)

    expect(page.get_by_test_id("follow")).to_have_text("following")
