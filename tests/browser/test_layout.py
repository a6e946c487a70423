"""
Where the parts of the page are and how large: borders that are dragged or moved by keys, details, headings, the phone.
"""

import json

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browser_page import Publish, numbered, open_page
from tests.support.servers import HubProcess

pytestmark = pytest.mark.browser


def box(part: Locator) -> dict[str, float]:
    found = part.bounding_box()
    assert found is not None
    return {"x": found["x"], "y": found["y"], "width": found["width"], "height": found["height"]}


def drag(page: Page, separator: Locator, right: int, down: int) -> None:
    at = box(separator)
    page.mouse.move(at["x"] + at["width"] / 2, at["y"] + at["height"] / 2)
    page.mouse.down()
    page.mouse.move(at["x"] + at["width"] / 2 + right, at["y"] + at["height"] / 2 + down, steps=3)
    page.mouse.up()


def border(page: Page, of: str) -> Locator:
    return page.get_by_role("separator", name=of, exact=True)


def test_borders_are_dragged_or_moved_by_keys_and_stay_where_they_are_put(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    for n in range(20):
        publish(f"borders.c{n:02}", numbered([n]))
    open_page(page, hub, "borders.one", "borders.other")
    for name in ("borders.one", "borders.other"):
        publish(name, [json.dumps({"level": "info", "message": "m", "logger": "a.logger", "user": "u7"})])
    rail, known = page.get_by_test_id("rail"), page.get_by_test_id("channel-rows")
    tag, log, content = (
        page.locator(f"[data-testid=row] .{part}").first for part in ("channel-tag", "logger", "content")
    )
    expect(log).to_be_visible()
    expect(page.get_by_test_id("facets")).to_be_visible()

    edge = border(page, "Width of the channel list")
    drag(page, edge, 100, 0)
    assert box(rail)["width"] == 320
    drag(page, edge, 600, 0)
    assert box(rail)["width"] == 480
    edge.press("Home")
    assert box(rail)["width"] == 180
    edge.press("ArrowRight")
    expect(edge).to_have_attribute("aria-valuenow", "196")
    before = box(known)["height"]
    border(page, "Height of the channels above the fields").press("ArrowUp")
    assert abs(box(known)["height"] - (before - 16)) < 1
    drag(page, border(page, "Width of the channel column"), 60, 0)
    edge = border(page, "Width of the logger column")
    edge.press("End")
    assert box(log)["width"] == 600
    edge.dblclick()
    assert box(log)["width"] < 100
    for heading, column in (("channel", tag), ("logger", log), ("message", content)):
        assert abs(box(page.get_by_test_id("heads").locator(f".head-{heading}"))["x"] - box(column)["x"]) < 1

    sizes = [box(part)["width"] for part in (rail, tag)]
    page.reload()
    expect(tag).to_be_visible()
    assert [box(part)["width"] for part in (rail, tag)] == sizes


def test_details_are_right_below_or_in_the_place_of_the_lines(page: Page, hub: HubProcess, publish: Publish) -> None:
    page.set_viewport_size({"width": 1400, "height": 900})
    open_page(page, hub, "placed")
    publish("placed", numbered([1, 2]))
    grid, details = page.get_by_test_id("grid"), page.get_by_test_id("drawer")
    row = page.get_by_test_id("row").last
    row.click()
    expect(details).to_be_visible()

    # Below in a window of this width; elsewhere if the reader wants that.
    assert box(details)["y"] > box(grid)["y"] + box(grid)["height"] - 1
    tall = box(details)["height"]
    drag(page, border(page, "Height of the details"), 0, -50)
    assert box(details)["height"] == tall + 50
    # What is seldom wanted is folded, and stays as it is from line to line.
    expect(page.get_by_test_id("raw")).to_be_hidden()
    page.get_by_test_id("drawer-fold-raw").locator("summary").click()
    page.keyboard.press("k")
    expect(page.get_by_test_id("raw")).to_contain_text("line 1")
    expect(page.get_by_test_id("raw")).to_be_visible()
    page.get_by_test_id("details-right").click()
    drag(page, border(page, "Width of the details"), -80, 0)
    assert box(details)["width"] == 420 + 80
    page.get_by_test_id("details-full").click()
    expect(row).to_be_hidden()
    page.keyboard.press("Escape")
    expect(row).to_be_visible()
    expect(grid).to_be_focused()

    page.reload()
    row.click()
    expect(page.get_by_test_id("details-full")).to_have_attribute("aria-pressed", "true")
    page.evaluate("localStorage.clear()")
    page.set_viewport_size({"width": 2560, "height": 1200})
    page.reload()
    row.click()
    expect(details).to_be_visible()
    assert box(details)["x"] > box(grid)["width"]
    assert box(details)["width"] > 700


def test_a_column_of_a_field_has_a_heading_that_takes_it_away(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "headed")
    publish("headed", [json.dumps({"level": "info", "message": "m", "user": "u7"})])
    expect(page.get_by_test_id("row")).to_have_count(1)
    expect(page.get_by_test_id("heads")).to_be_hidden()

    page.locator("[data-testid=facet-user] .facet-name").click()
    heading = page.get_by_test_id("heads").locator(".head-column")
    expect(heading).to_contain_text("user")
    assert abs(box(heading)["x"] - box(page.locator("[data-testid=row] .column"))["x"]) < 1
    # The fields are one Tab stop, too.
    page.locator("[data-testid=facet-user] .facet-name").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("[data-testid=facet-user] .facet-value").first).to_be_focused()
    assert page.locator(".facets-list button[tabindex='0']").count() == 1
    page.get_by_role("button", name="Remove the column user").click()
    expect(page.get_by_test_id("heads")).to_be_hidden()
    expect(page.locator(".column")).to_have_count(0)


def test_on_a_phone_open_channels_are_named_and_the_sheet_closes_by_a_button_or_esc(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_page(page, hub, "hand.api", "hand.mail")
    publish(
        "hand.api", [json.dumps({"level": "info", "message": "m", **{f"field{n}": f"value {n}" for n in range(7)}})]
    )
    expect(page.get_by_test_id("row")).to_have_count(1)
    expect(page.get_by_test_id("open-all").locator(".open-which")).to_have_text("api, mail")
    page.get_by_test_id("find-open").click()
    expect(page.get_by_test_id("find")).to_be_focused()
    page.keyboard.press("Escape")

    page.get_by_test_id("menu").click()
    sheet = page.locator(".rail[data-shown=true]")
    expect(sheet).to_be_visible()
    expect(page.locator(".facet").nth(6)).to_be_in_viewport()
    page.get_by_test_id("rail-close").click()
    expect(sheet).to_have_count(0)
    page.get_by_test_id("menu").click()
    page.get_by_test_id("section-open").or_(page.get_by_test_id("channel-hand.api")).first.focus()
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
