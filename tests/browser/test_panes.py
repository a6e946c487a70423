"""
The split view: what goes from line to line, finds, selects and copies stays in the pane it began in.
"""

import json
import time

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browser_page import Publish, open_page, wait_received
from tests.support.servers import HubProcess

pytestmark = pytest.mark.browser

TICKS = """(pane) => {
  const canvas = pane.querySelector(".ticks");
  return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0);
}"""


def two_panes(page: Page, hub: HubProcess, publish: Publish, name: str) -> Locator:
    """Two panes of 30 lines each, in turn; each third line of a pane is an error and names its trace."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    channels = [f"{name}.a", f"{name}.b"]
    open_page(page, hub, *channels)
    now = int(time.time() * 1_000)
    for n in range(30):
        for side, channel in zip("ab", channels, strict=True):
            found = n % 3 == "ab".index(side)
            line = {"level": "error" if found else "warn", "time": now + 2 * n + (side == "b"), "msg": f"{side}{n}"}
            publish(channel, [json.dumps(line | {"trace_id": f"trace-{side}"} if found else line)])
    wait_received(page, 60)
    page.get_by_test_id("grid").focus()
    page.keyboard.press("s")
    panes = page.get_by_test_id("pane")
    expect(panes).to_have_count(2)
    expect(panes.nth(1).get_by_test_id("row").last).to_contain_text("b29")
    return panes


def test_f13_jumps_and_find_results_stay_in_their_pane(page: Page, hub: HubProcess, publish: Publish) -> None:
    panes = two_panes(page, hub, publish, "panes.jump")
    chosen = panes.nth(1).locator(".row[aria-current=true]")
    panes.nth(1).get_by_test_id("row").filter(has_text="b20").click()
    page.keyboard.press("Escape")

    for key, n in (("e", 22), ("e", 25), ("E", 22), ("w", 23), ("W", 21), ("e", 22), ("o", 25)):
        page.keyboard.press(key)
        expect(chosen.locator(".message")).to_have_text(f"b{n}")
    page.keyboard.press("m")
    panes.nth(0).get_by_test_id("row").filter(has_text="a10").click()
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    panes.nth(1).get_by_test_id("row").filter(has_text="b20").click()
    page.keyboard.press("Escape")
    for _ in "12":
        page.keyboard.press("'")
        expect(chosen.locator(".message")).to_have_text("b25")

    page.keyboard.press("/")
    page.keyboard.type("/[ab]1[0-4]/")
    expect(page.get_by_test_id("find-count")).to_have_text("10 hits")
    for _ in range(2):
        page.keyboard.press("Enter")
    expect(chosen.locator(".message")).to_have_text("b11")
    expect(page.get_by_test_id("find-count")).to_have_text("4 of 10")
    assert [panes.nth(n).evaluate(TICKS) for n in (0, 1)] == [True, True]
    panes.nth(0).get_by_test_id("row").filter(has_text="a28").click()
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(panes.nth(0).locator(".row[aria-current=true] .message")).to_have_text("a12")


def test_f17_a_selection_in_one_pane_has_no_line_of_another(page: Page, hub: HubProcess, publish: Publish) -> None:
    panes = two_panes(page, hub, publish, "panes.copy")
    rows = panes.nth(0).get_by_test_id("row")
    rows.filter(has_text="a10").click()
    page.keyboard.press("Escape")
    rows.filter(has_text="a13").click(modifiers=["Shift"])

    for key, first, last in (("C", 10, 13), ("Control+a", 0, 29)):
        page.keyboard.press(key)
        page.keyboard.press("C")
        expect(page.get_by_test_id("toast")).to_have_text(f"{last - first + 1} lines copied to the clipboard")
        copied = [json.loads(line)["msg"] for line in page.evaluate("navigator.clipboard.readText()").split("\n")]
        assert copied == [f"a{n}" for n in range(first, last + 1)]


def test_f06_esc_leaves_a_context_in_the_pane_where_it_was_opened(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    panes = two_panes(page, hub, publish, "panes.context")
    page.keyboard.press("5")
    expect(panes.nth(0).get_by_test_id("row")).to_have_count(10)
    panes.nth(0).get_by_test_id("row").filter(has_text="a12").click()
    page.keyboard.press("Escape")

    page.keyboard.press("x")
    expect(panes.nth(0).get_by_test_id("row").filter(has_text="a11")).to_be_visible()
    panes.nth(1).hover()
    page.keyboard.press("Escape")

    expect(panes.nth(0).get_by_test_id("row")).to_have_count(10)
    expect(panes.nth(0).locator(".row[aria-current=true] .message")).to_have_text("a12")
    expect(panes.nth(1).locator(".row[aria-current=true]")).to_have_count(0)
