"""
Times and channels: several channels in one order, panes side by side, going to a time, zones, dividers.
"""

import json
import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser_page import (
    ALL_NUMBERS,
    Publish,
    asked_for,
    load_older,
    messages,
    open_page,
    palette,
    stats,
    wait_received,
)
from tests.support.servers import HubProcess

pytestmark = pytest.mark.browser

PANE_TOPS = """() => [...document.querySelectorAll("[data-testid=pane]")].map((pane) => {
  const edge = pane.querySelector(".viewport").getBoundingClientRect().top;
  const row = [...pane.querySelectorAll(".row")].find((each) => each.getBoundingClientRect().bottom > edge + 1);
  return Number(row.dataset.seq);
})"""


def stamped(ms: float, message: str) -> str:
    """A line with its own time, in ms since the epoch."""
    return json.dumps({"level": "info", "time": int(ms), "msg": message, "pid": 1})


def test_f13_lines_of_several_channels_are_in_time_order_and_late_ones_are_flagged(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "f13.a", "f13.b")
    assert (
        page.evaluate(
            "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/message?')).length"
        )
        <= 1
    )
    now = time.time() * 1_000
    # Each channel in its own order, b 150 ms late.
    publish("f13.a", [stamped(now + 20 * n, f"a{n}") for n in range(10)])
    publish("f13.b", [stamped(now + 20 * n + 10, f"b{n}") for n in range(10)])
    expect(page.get_by_test_id("row")).to_have_count(20)
    assert messages(page) == [f"{name}{n}" for n in range(10) for name in "ab"]
    assert page.locator(".row[data-late]").count() == 0

    expect(page.get_by_test_id("held")).to_have_text("20")
    publish("f13.a", [stamped(now + 1_000, "later")])
    expect(page.get_by_test_id("row").last).to_contain_text("later")
    publish("f13.b", [stamped(now + 105, "straggler")])
    expect(page.locator(".row[data-late]")).to_contain_text("straggler")
    assert messages(page)[11] == "straggler"
    assert (stats(page)["received"], stats(page)["held"]) == (22, 22)


def test_f13_time_order_of_several_channels_holds_after_a_reload_and_among_older_lines(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "f13.even", "f13.odd")
    now = time.time() * 1_000
    for start in range(0, 1_200, 300):
        for shift, channel in enumerate(("f13.even", "f13.odd")):
            publish(channel, [stamped(now + n, f"line {n}") for n in range(start + shift, start + 300, 2)])
    wait_received(page, 1_200)

    page.goto(f"{hub.url}/index?channel=f13.even&channel=f13.odd&tail=250")
    expect(page.get_by_test_id("held")).to_have_text("250")
    shown = [int(message.removeprefix("line ")) for message in messages(page)]
    assert shown == sorted(shown)
    while (held := stats(page)["held"]) < 1_200:
        load_older(page)
        page.wait_for_function("(held) => window.sseHub.stats().held > held", arg=held)

    assert page.evaluate(ALL_NUMBERS) == list(range(1_200))
    assert stats(page)["received"] == 1_200
    assert page.locator(".row[data-late]").count() == 0


def test_f13_without_reordering_lines_are_in_order_of_arrival_with_their_channels_colour(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    page.add_init_script("localStorage.setItem('sse-hub.holdBack', '0')")
    open_page(page, hub, "f13.now.a", "f13.now.b")
    now = time.time() * 1_000
    for n, (name, behind) in enumerate((("a", 0), ("b", 150), ("a", 10), ("b", 190)), start=1):
        publish(f"f13.now.{name}", [stamped(now - behind, f"line {n}")])
        expect(page.get_by_test_id("row")).to_have_count(n)

    tags = page.locator("[data-testid=row] .channel-tag")
    expect(tags).to_have_text(["a", "b"] * 2)
    assert messages(page) == [f"line {n}" for n in range(1, 5)]
    hues = tags.evaluate_all("(tags) => tags.map((tag) => getComputedStyle(tag, '::before').backgroundColor)")
    assert hues[:2] == hues[2:] and hues[0] != hues[1]


def test_f13_eight_channels_use_one_connection_and_the_page_still_loads(page: Page, hub: HubProcess) -> None:
    open_page(page, hub, *(f"f13.eight.{n}" for n in range(8)))

    assert page.evaluate("async () => (await fetch('index')).status") == 200
    assert page.locator(".channel-tag, .open-name").count() >= 1


def test_f13_panes_are_linked_by_time(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "pane.a", "pane.b")
    now = time.time() * 1_000
    for start in range(0, 600, 100):
        for name in ("a", "b"):
            publish(f"pane.{name}", [stamped(now + n, f"{name}{n}") for n in range(start, start + 100)])
        wait_received(page, 2 * (start + 100))

    page.get_by_test_id("grid").focus()
    page.keyboard.press("s")
    panes = page.get_by_test_id("pane")
    expect(panes).to_have_count(2)
    expect(panes.nth(0).locator(".pane-name")).to_have_text("pane.a")
    expect(panes.nth(1).get_by_test_id("row").last).to_contain_text("b599")
    publish("pane.b", [stamped(now + 700, "live in its pane")])
    expect(panes.nth(1).get_by_test_id("row").last).to_contain_text("live in its pane")
    panes.nth(0).hover()
    page.mouse.wheel(0, -4_000)
    page.wait_for_function(
        f"() => {{ const [one, other] = ({PANE_TOPS})(); return one < 900 && Math.abs(one - other) <= 2; }}"
    )
    page.keyboard.press("End")
    expect(panes.nth(0).get_by_test_id("row").last).to_contain_text("a599")
    expect(panes.nth(1).get_by_test_id("row").last).to_contain_text("live in its pane")
    assert panes.nth(0).get_by_test_id("row").filter(has_text="b5").count() == 0
    page.keyboard.press("s")

    expect(panes).to_have_count(0)
    expect(page.get_by_test_id("row").last).to_contain_text("live in its pane")


def test_f12_going_to_a_time_shows_the_first_line_at_or_after_it(page: Page, hub: HubProcess, publish: Publish) -> None:
    """Most of the lines are not in the page when it is opened: they come out of the log."""
    base = 1_795_233_018_000
    for start in range(0, 3_000, 500):
        publish("f12.time", [stamped(base + 1_000 * n, f"line {n}") for n in range(start, start + 500)])
    page.add_init_script("localStorage.setItem('sse-hub.zone', 'UTC')")
    page.goto(f"{hub.url}/index?channel=f12.time&tail=100")
    expect(page.get_by_test_id("held")).to_have_text("100")

    for typed, message in (
        (str(base + 1_500), "line 2"),
        ("2026-11-21T04:00:00Z", "line 582"),
        ("1795235018", "line 2000"),
    ):
        page.keyboard.press("t")
        page.get_by_test_id("ask-time").fill(typed)
        page.keyboard.press("Enter")
        expect(page.locator(".row[aria-current=true] .message")).to_have_text(message)
        expect(page.locator(".row[aria-current=true]")).to_be_in_viewport()
    page.keyboard.press("t")
    page.get_by_test_id("ask-time").fill("soon")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="soon")).to_be_visible()
    page.keyboard.press("Escape")
    assert stats(page)["dupes"] == 0


def test_f12_a_time_to_go_to_may_be_typed_in_everyday_forms(page: Page, hub: HubProcess, publish: Publish) -> None:
    now = datetime(2026, 11, 22, 4, 30, tzinfo=UTC)
    hours = [*(now - timedelta(hours=n) for n in range(12, 0, -1)), now - timedelta(minutes=14)]
    page.add_init_script("localStorage.setItem('sse-hub.zone', 'UTC')")
    page.clock.set_fixed_time(now)
    open_page(page, hub, "f12.said")
    publish("f12.said", [stamped(each.timestamp() * 1_000, f"at {each:%H:%M}") for each in hours])
    expect(page.get_by_test_id("row")).to_have_count(len(hours))

    for typed, message in (("yesterday 17:30", "at 17:30"), ("03:25", "at 03:30"), ("-15m", "at 04:16")):
        page.keyboard.press("t")
        page.get_by_test_id("ask-time").fill(typed)
        page.keyboard.press("Enter")
        expect(page.locator(".row[aria-current=true] .message")).to_have_text(message)


def test_f14_time_formats_zones_day_dividers_and_silences_are_shown(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "f14")
    base = 1_795_233_018_780  # 2026-11-21 03:50:18.780 UTC
    lines = [
        stamped(base, "first"),
        stamped(base + 12, "second"),
        stamped(base + 252_012, "after silence"),
        stamped(base + 86_400_000, "next day"),
    ]
    publish("f14", lines)
    expect(page.get_by_test_id("row")).to_have_count(4)
    asked = asked_for(page)

    page.get_by_test_id("zone-open").click()
    page.get_by_test_id("zone").fill("UTC")
    page.keyboard.press("Tab")
    times = page.locator("[data-testid=row] .time")
    expect(times.first).to_have_text("03:50:18.780")
    page.get_by_test_id("zone").fill("Asia/Kolkata")
    page.keyboard.press("Tab")
    expect(times.first).to_have_text("09:20:18.780")
    page.get_by_test_id("zone").fill("Nowhere/At all")
    page.keyboard.press("Tab")
    expect(page.get_by_test_id("settings").get_by_role("alert").first).to_be_visible()
    page.get_by_test_id("zone").fill("UTC")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("silence").first).to_contain_text("4 min 12 s")
    expect(page.get_by_test_id("day")).to_contain_text("November 22")

    page.get_by_test_id("grid").focus()
    forms = []
    for _ in range(6):
        forms.append(times.nth(1).inner_text())
        page.keyboard.press("Shift+T")
    assert forms[:4] == ["03:50:18.792", "2026-11-21 03:50:18.792", "2026-11-21T03:50:18.792Z", "1795233018.792"]
    assert forms[5] == "+12 ms"
    expect(times.nth(1)).to_have_text("03:50:18.792")
    assert asked == []
    times.first.hover()
    title = times.first.get_attribute("title") or ""
    assert "2026-11-21T03:50:18.780Z" in title and "UTC" in title
    publish("f14", ["2026-11-22 04:00:00,000 - app - INFO - no zone"])
    expect(page.get_by_test_id("row").last).to_contain_text("no zone")
    times.last.hover()
    expect(times.last).to_have_attribute("title", re.compile("no zone in the line"))
    palette(page, "export")
    expect(page.get_by_test_id("prompt")).to_contain_text("UTC")
    page.keyboard.press("Escape")


def test_f14_the_filter_reads_times_without_a_zone_in_the_publishers_zone_as_rows_do(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    page.add_init_script("localStorage.setItem('sse-hub.zone', 'UTC')")
    page.add_init_script("localStorage.setItem('sse-hub.order', 'line')")
    open_page(page, hub, "f14.bare")
    publish("f14.bare", ["2026-11-21 05:20:18,780 - app - INFO - no zone"])
    rows = page.get_by_test_id("row")
    expect(rows).to_have_count(1)
    for zone, shown, count in (("UTC", "05:20:18.780", 0), ("Asia/Kolkata", "23:50:18.780", 1)):
        page.get_by_test_id("filter").fill("")
        page.get_by_test_id("zone-open").click()
        page.get_by_test_id("publisherZone").fill(zone)
        page.keyboard.press("Tab")
        page.keyboard.press("Escape")
        expect(page.locator("[data-testid=row] .time")).to_have_text(shown)
        page.get_by_test_id("filter").fill("before=2026-11-21T00:00:00Z")
        expect(rows).to_have_count(count)
        assert sum(bar["total"] for bar in page.evaluate("window.sseHub.bars().bars")) == count


def shown_times(page: Page) -> dict[str, str]:
    """The time of each row, by its message."""
    return dict(zip(messages(page), page.locator("[data-testid=row] .time").all_inner_texts(), strict=True))


def test_item_7_a_line_without_a_time_shows_when_it_came_live_after_a_reload_and_from_the_log(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    page.add_init_script("localStorage.setItem('sse-hub.zone', 'UTC')")
    open_page(page, hub, "came")
    for n in range(4):
        # Each comes in a read of its own: the page has shown the one before.
        publish("came", [f"no time {n}"])
        expect(page.get_by_test_id("row")).to_have_count(n + 1)
    live = shown_times(page)
    title = page.locator("[data-testid=row] .time").first
    title.hover()
    expect(title).to_have_attribute("title", re.compile("time of arrival"))

    page.reload()
    expect(page.get_by_test_id("row")).to_have_count(4)
    assert shown_times(page) == live
    publish("came", [f"more {n}" for n in range(600)])
    page.goto(f"{hub.url}/index?channel=came&tail=500")
    expect(page.get_by_test_id("held")).to_have_text("500")
    load_older(page)
    expect(page.get_by_test_id("held")).to_have_text("604")
    page.get_by_test_id("filter").fill("no time")
    expect(page.get_by_test_id("row")).to_have_count(4)
    assert shown_times(page) == live


def test_f1_lines_that_were_shipped_late_keep_their_times_and_live_ones_show_the_zone(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    """F1 and C2: rows, dividers, filter and histogram, for a publisher in the reader's zone and one in another."""
    page.add_init_script("localStorage.setItem('sse-hub.zone', 'UTC')")
    page.add_init_script("localStorage.setItem('sse-hub.time', 'full')")
    now = datetime.now(UTC).replace(microsecond=402_000)
    written = [now - timedelta(minutes=47 * (n + 1)) for n in range(9, -1, -1)]

    def bare(moment: datetime, hours: float) -> str:
        return f"{moment + timedelta(hours=hours):%Y-%m-%d %H:%M:%S},{moment.microsecond // 1000:03d}"

    def texts(hours: float, lines: list[datetime]) -> list[str]:
        return [f"{bare(each, hours)} - my.app - INFO - at {each:%d %H:%M:%S}" for each in lines]

    open_page(page, hub, "late.utc")
    publish("late.utc", texts(0, written))
    expect(page.get_by_test_id("row")).to_have_count(10)
    assert page.locator("[data-testid=row] .time").all_inner_texts() == [
        bare(each, 0).replace(",", ".") for each in written
    ]
    expect(page.get_by_test_id("silence")).to_have_count(9 - page.get_by_test_id("day").count())
    page.get_by_test_id("filter").fill(f'before="{written[5]:%Y-%m-%dT%H:%M:%S}Z"')
    expect(page.get_by_test_id("row")).to_have_count(5)

    open_page(page, hub, "late.west")
    publish("late.west", texts(-5, written))
    expect(page.get_by_test_id("row")).to_have_count(10)
    live: list[datetime] = []
    last = datetime.now(UTC)
    for n in range(3):
        # Evidence comes from three different seconds, and none of them is that of the late lines.
        page.wait_for_function(f"() => Date.now() / 1000 - 1.3 > {int(last.timestamp())}")
        live.append(last := datetime.now(UTC))
        publish("late.west", texts(-5, live[-1:]))
        expect(page.get_by_test_id("row")).to_have_count(11 + n)
    shown = [bare(each, 0).replace(",", ".") for each in [*written, *live]]
    expect(page.locator("[data-testid=row] .time")).to_have_text(shown)
    page.wait_for_function("(from) => window.sseHub.bars().from >= from", arg=(written[0].timestamp() - 600) * 1000)
    page.locator("[data-testid=row] .time").first.hover()
    expect(page.locator("[data-testid=row] .time").first).to_have_attribute("title", re.compile("UTC-05:00"))
    page.get_by_test_id("filter").fill(f'before="{written[5]:%Y-%m-%dT%H:%M:%S}Z"')
    expect(page.get_by_test_id("row")).to_have_count(5)

    page.reload()
    expect(page.locator("[data-testid=row] .time")).to_have_text(shown[:5])
