"""
Text that is selected with the mouse: nothing moves under it, and it is copied as lines, or as the text that it is.
"""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser_page import Publish, numbers_published, open_page, stats, wait_received
from tests.support.servers import HubProcess, RedisServer

pytestmark = pytest.mark.browser

# Where the word "line" is in the n-th row from the bottom, in px of the window: all rows have it at the same place.
WORD = """(n) => {
  const rows = [...document.querySelectorAll("[data-testid=row]")];
  const text = rows.at(-n).querySelector(".message").firstChild;
  const range = new Range();
  range.setStart(text, 0);
  range.setEnd(text, 4);
  const { left, right, top, bottom } = range.getBoundingClientRect();
  return [left, right, (top + bottom) / 2];
}"""
SELECTED = "getSelection().toString()"


def place_of_word(page: Page) -> tuple[float, float, float]:
    """See WORD, once there are enough rows."""
    expect(page.get_by_test_id("row").nth(40)).to_be_attached()
    left, right, y = page.evaluate(WORD, 12)
    return left, right, y


def drag(page: Page, *points: tuple[float, float]) -> None:
    """Press at the first point, and let go at the last."""
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=3)
    page.mouse.up()


def test_f8_text_is_selected_while_lines_arrive_and_the_view_goes_on_afterwards(
    page: Page, hub: HubProcess, redis: RedisServer
) -> None:
    open_page(page, hub, "select.loud")
    bar = page.get_by_test_id("selection")
    follow = page.get_by_test_id("follow")
    with numbers_published(redis, "select.loud", 300):
        left, right, y = place_of_word(page)
        for n in range(10):
            page.mouse.move(left + 1, y)
            page.mouse.down()
            wait_received(page, stats(page)["received"] + 60)
            page.mouse.move(left + 8, y)
            wait_received(page, stats(page)["received"] + 60)
            page.mouse.move(right - 1, y)
            page.mouse.up()
            assert page.evaluate(SELECTED) == "line", n
            expect(bar).to_be_visible()
            expect(follow).to_have_text("held while you select")
            wait_received(page, stats(page)["received"] + 60)
            assert page.evaluate(SELECTED) == "line", n
            page.keyboard.press("Escape")
            expect(bar).to_be_hidden()
            expect(follow).to_have_text("following")


def test_f8_selected_text_is_copied_as_it_is_and_over_several_rows_as_lines(
    page: Page, hub: HubProcess, publish: Publish, redis: RedisServer
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_page(page, hub, "select.copy", "select.late")
    clipboard = "navigator.clipboard.readText()"
    bar = page.get_by_test_id("selection")
    follow = page.get_by_test_id("follow")
    with numbers_published(redis, "select.copy", 300):
        left, right, y = place_of_word(page)
        # Ctrl+C takes the text of one row, and over several rows whole lines, as `c` does.
        drag(page, (left + 1, y), (right - 1, y))
        page.keyboard.press("Control+c")
        assert page.evaluate(clipboard) == "line"
        page.keyboard.press("Escape")
        drag(page, (left + 10, y), (left + 20, y + 60))
        expect(page.locator(".row[aria-selected=true]")).to_have_count(4)
        page.keyboard.press("Control+c")
        expect(page.get_by_test_id("toast")).to_have_text("4 lines copied to the clipboard")
        copied = page.evaluate(clipboard)
        assert [re.sub(r"^\S+Z?\S* ", "", each)[:10] for each in copied.split("\n")] == ["INFO line "] * 4
        expect(bar.get_by_role("button", name="Filter for it")).to_be_hidden()
        bar.get_by_role("button", name="Copy as JSON").click()
        lines = [json.loads(each) for each in page.evaluate(clipboard).split("\n")]
        assert [each["message"] for each in lines] == re.findall(r"line \d+", copied)
        page.keyboard.press("Escape")

    # A click selects nothing: it opens the line, and the view follows on if it is the newest.
    publish("select.late", [json.dumps({"level": "info", "message": "the needle in it"})])
    last = page.get_by_test_id("row").last
    expect(last).to_contain_text("needle")
    last.locator(".message").dblclick(position={"x": 40, "y": 10})
    page.keyboard.press("Escape")
    expect(follow).to_have_text("following")
    last.locator(".message").dblclick(position={"x": 40, "y": 10})
    bar.get_by_role("button", name="Filter for it").click()
    expect(page.get_by_test_id("filter")).to_have_value("needle")
    expect(page.get_by_test_id("row")).to_have_count(1)
