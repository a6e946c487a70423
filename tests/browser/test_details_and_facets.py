"""
Looking into lines: the drawer with its tree, the fields, the histogram, columns.
"""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser_page import Publish, messages, numbers_published, open_page, palette, stats, wait_received
from tests.support.servers import HubProcess, RedisServer
from tests.support.settings import at_scale

pytestmark = pytest.mark.browser

DRAWN_BARS = "() => window.sseHub.bars()"

# When the histogram was drawn, in ms, from now on: its canvas is blanked first, which sets its size.
WATCH_DRAWING = """() => {
  window.drawings = [];
  new MutationObserver(() => drawings.push(performance.now()))
    .observe(document.querySelector(".hist-canvas"), { attributeFilter: ["width"] });
}"""


def lines(count: int, **more: Any) -> list[str]:
    """Lines with a nested field."""
    return [
        json.dumps(
            {
                "level": "error" if n % 5 == 0 else "info",
                "message": f"line {n}",
                "user": f"u{n % 3}",
                "req": {"id": n},
                **more,
            }
        )
        for n in range(count)
    ]


def node(page: Page, name: str) -> Any:
    """The item of the tree for a field."""
    return page.get_by_test_id("tree").locator(f"[data-name='{name}']").first


def offer(page: Page, name: str, what: str) -> None:
    """Choose something from what is offered for a field of the tree."""
    node(page, name).locator(".node-menu").first.click(force=True)
    page.get_by_role("menuitem", name=what).click()


def test_f10_the_details_tree_shows_every_value_as_published(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "f10.values")
    raw = (
        '{"level":"info","message":"all kinds","big":12345678901234567890123,"pi":3.10,"none":null,"yes":true,'
        '"a.b":"flat","list":[1,{"x":"y"}],"markup":"<b>bold</b>","long":"' + "x" * 1_000_000 + '"}'
    )
    publish("f10.values", [raw])

    page.get_by_test_id("row").click()

    for name, text in (
        ("big", "12345678901234567890123"),
        ("pi", "3.10"),
        ("none", "null"),
        ("a.b", "flat"),
        ("markup", "<b>bold</b>"),
    ):
        expect(node(page, name).locator(".node-value").first).to_have_text(text)
    expect(node(page, "long")).to_contain_text("show all (1.0 MB)")
    assert page.get_by_test_id("tree").locator("b").count() == 0
    page.get_by_role("button", name="Close details").click()
    page.keyboard.press("r")
    page.locator(".details-body .link", has_text="show all").click()
    assert page.get_by_test_id("raw").inner_text() == raw


def test_f10_each_value_offers_filter_column_copy_and_count(page: Page, hub: HubProcess, publish: Publish) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_page(page, hub, "f10.acts")
    publish("f10.acts", lines(30, shade="\x1b[31mred\x1b[0m"))
    wait_received(page, 30)
    page.get_by_test_id("row").first.click()

    offer(page, "user", "Count its values")
    expect(page.get_by_test_id("counts")).to_contain_text("10u0")
    offer(page, "req.id", "Copy the path")
    expect(page.get_by_test_id("toast")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "req.id"
    offer(page, "shade", "Copy the value")
    page.wait_for_function("async () => await navigator.clipboard.readText() === 'red'")
    offer(page, "req.id", "As a column")
    expect(page.get_by_test_id("row").first.locator(".column")).to_have_text("0")
    offer(page, "user", "Filter for this")
    expect(page.get_by_test_id("row")).to_have_count(10)
    offer(page, "req.id", "Filter this out")

    expect(page.get_by_test_id("filter")).to_have_value("user=u0 -req.id=0")
    expect(page.get_by_test_id("row")).to_have_count(9)


def test_f10_arrow_keys_move_the_line_with_the_drawer_open_and_walk_the_tree(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "f10.keys")
    publish("f10.keys", lines(30))
    expect(page.get_by_test_id("row").last).to_contain_text("line 29")
    expect(page.get_by_test_id("row").last).to_be_in_viewport()

    page.get_by_test_id("grid").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(node(page, "message").locator(".node-value")).to_have_text("line 29")
    page.keyboard.press("ArrowUp")
    expect(node(page, "message").locator(".node-value")).to_have_text("line 28")
    node(page, "level").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)
    expect(node(page, "req")).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(node(page, "req.id")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.get_by_role("menuitem", name="Filter for this")).to_be_focused()


def test_f11_fields_of_the_lines_are_listed_with_exact_counts(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "f11")
    for start in range(0, 20_000, 5_000):
        publish("f11", [json.dumps({"message": "m", "user": f"u{n % 7}", "n": n}) for n in range(start, start + 5_000)])
        wait_received(page, start + 5_000)

    user = page.get_by_test_id("facet-user")
    expect(user.locator(".facet-name i")).to_have_text("20,000")
    counts = [len(range(rest, 20_000, 7)) for rest in range(5)]
    expect(user.locator(".facet-value:visible b")).to_have_text([f"{count:,}" for count in counts])
    # A number with many values is told as a range.
    expect(page.get_by_test_id("facet-n").get_by_test_id("facet-range")).to_contain_text("· 20,000")

    # What is filtered out stays, and can be taken back; the counts are those of the result.
    user.locator(".facet-value").nth(2).hover()
    user.get_by_test_id("facet-out").nth(2).click()
    expect(page.get_by_test_id("filter")).to_have_value("-user=u2")
    expect(user.locator(".facet-name i")).to_have_text(f"{20_000 - counts[2]:,} / 20,000")
    expect(page.get_by_test_id("level-none")).to_contain_text(f"{20_000 - counts[2]:,} / 20,000")
    excluded = user.locator(".facet-value[data-out=true]")
    expect(excluded).to_have_text("u2")
    excluded.click()
    expect(page.get_by_test_id("filter")).to_have_value("")
    user.locator(".facet-value").nth(1).click()
    expect(page.get_by_test_id("filter")).to_have_value("user=u1")
    expect(user.locator(".facet-value:visible b")).to_have_text([f"{counts[1]:,}"])
    page.get_by_test_id("facet-search").fill("zzz")
    expect(user).to_be_hidden()


def test_f11_fields_of_use_are_listed_first_and_the_others_can_be_opened_and_searched(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    names = [f"field{n:02}" for n in range(15)]
    open_page(page, hub, "f11.top")
    # The first field is in 15 lines, the last in one; of its values the first is in eight, others in one each.
    publish(
        "f11.top",
        [json.dumps({name: max(0, n - 7) for name in names[: 15 - n]}) for n in range(15)],
    )
    wait_received(page, 15)

    shown = page.locator(".facet")
    # The others have the same value in all lines.
    expect(shown.locator(".facet-name span")).to_have_text(names[:7])
    expect(shown.locator(".facet-name i")).to_have_text([str(15 - n) for n in range(7)])
    expect(shown.first.locator(".facet-value:visible b")).to_have_text(["8", "1", "1", "1", "1"])
    # The bar behind a value is as wide as its share.
    assert (
        shown.first.locator(".facet-value").first.evaluate("(part) => part.style.getPropertyValue('--share')")
        == "53.3%"
    )
    page.get_by_role("button", name="More (8)").click()
    expect(shown.locator(".facet-name span")).to_have_text(names)
    page.get_by_test_id("facet-search").fill("d14")
    expect(shown.locator(".facet-name span")).to_have_text(["field14"])


def test_f11_field_counts_stay_right_after_old_lines_are_dropped(page: Page, hub: HubProcess, publish: Publish) -> None:
    page.add_init_script("localStorage.setItem('sse-hub.held', '10000')")
    open_page(page, hub, "f11.evicted")
    for start in range(0, 15_000, 5_000):
        publish(
            "f11.evicted",
            [json.dumps({"message": "m", "half": "old" if n < 8_000 else "new"}) for n in range(start, start + 5_000)],
        )
        wait_received(page, start + 5_000)

    expect(page.get_by_test_id("held")).to_have_text("10,000")
    expect(page.get_by_test_id("facet-half").locator(".facet-value:visible b")).to_have_text(["7,000", "3,000"])


def test_f08_histogram_bars_add_up_to_the_lines_shown_and_a_drag_selects_a_time_range(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "f08")
    stamps = [f"2026-11-21T03:{n // 60:02}:{n % 60:02}.000Z" for n in range(600)]
    publish(
        "f08",
        [
            json.dumps({"time": stamp, "level": "error" if n % 10 == 0 else "info", "message": f"line {n}"})
            for n, stamp in enumerate(stamps)
        ],
    )
    wait_received(page, 600)
    # The first lines stand where they came, until the others show that all of them come late.
    page.wait_for_function("() => window.sseHub.bars().total === 600 && window.sseHub.bars().width === 5000")

    bars = page.evaluate(DRAWN_BARS)
    assert sum(bar["total"] for bar in bars["bars"]) == 600
    assert 60 <= len(bars["bars"]) <= 120
    page.keyboard.press("5")
    page.wait_for_function("() => window.sseHub.bars().total === 60")
    page.keyboard.press("0")
    page.wait_for_function("() => window.sseHub.bars().total === 600")
    # What is dragged over is what is drawn, which is a quarter of a second behind.
    expect(page.locator(".hist-canvas")).to_have_attribute("aria-label", re.compile(": 600 lines "))
    box = page.get_by_test_id("hist").bounding_box()
    assert box
    step = box["width"] / len(bars["bars"])
    page.mouse.move(box["x"] + 10.5 * step, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 20.5 * step, box["y"] + 20, steps=5)
    page.mouse.up()

    expect(page.get_by_test_id("range")).to_be_visible()
    wanted = sum(bar["total"] for bar in bars["bars"][10:21])
    page.wait_for_function("(count) => window.sseHub.stats().shown === count", arg=wanted)
    assert page.evaluate(DRAWN_BARS)["total"] == 600
    assert page.locator(".hist-table tbody tr").count() > 5
    page.get_by_test_id("range").locator(".term-close").click()
    page.mouse.click(box["x"] + 0.5 * step, box["y"] + 20)

    expect(page.locator(".row[aria-current=true] .message")).to_have_text("line 0")


@pytest.mark.speed
def test_f08_the_histogram_updates_cheaply_with_100_000_lines(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "f08.many")
    for start in range(0, 100_000, 5_000):
        publish("f08.many", lines(5_000))
        wait_received(page, start + 5_000)
    page.wait_for_function("() => window.sseHub.bars().total === 100000")

    publish("f08.many", lines(100))
    wait_received(page, 100_100)
    page.wait_for_function("() => window.sseHub.bars().total === 100000")

    assert stats(page)["histMs"] < at_scale(40, 10)


def test_f08_the_histogram_is_drawn_at_most_four_times_a_second(
    page: Page, hub: HubProcess, redis: RedisServer
) -> None:
    """Five drawings take a second; one for each flush would take less than half of that."""
    open_page(page, hub, "f08.pace")
    page.evaluate(WATCH_DRAWING)

    with numbers_published(redis, "f08.pace", 100):
        page.wait_for_function("() => window.drawings.length >= 5")

    drawings = page.evaluate("window.drawings")
    assert drawings[4] - drawings[0] > 800
    assert stats(page)["received"] > 50


def test_a_field_shown_as_a_column_is_not_repeated_at_the_end_of_the_row(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "columns")
    publish("columns", lines(3))
    expect(page.get_by_test_id("row").first.locator(".tail")).to_contain_text("user=u0")

    page.get_by_test_id("facet-user").locator(".facet-name").click()

    expect(page.get_by_test_id("row").first.locator(".tail")).not_to_contain_text("user=u0")
    expect(page.get_by_test_id("row").first.locator(".column")).to_have_text("u0")
    assert "column=user" in page.url
    assert messages(page) == ["line 0", "line 1", "line 2"]
    # The palette has the fields, too.
    palette(page, "user")
    expect(page.locator(".column")).to_have_count(0)
