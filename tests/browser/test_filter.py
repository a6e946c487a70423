"""
The filter box, the level chips, find and context: what is shown, and what is only marked.
"""

import json
import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browser_page import (
    COUNT_STREAMS,
    TOP_ROW,
    WATCH_TASKS,
    Publish,
    messages,
    numbered,
    open_page,
    scroll_up,
    settled_top_row,
    stats,
    wait_received,
)
from tests.support.servers import HubProcess
from tests.support.settings import at_scale
from tests.support.waiting import wait_until

pytestmark = pytest.mark.browser


# How long it takes, in ms, from typing a filter until what it finds is counted.
TIME_FILTER = """async ([text, shown]) => {
  const box = document.querySelector("[data-testid=filter]");
  box.value = text;
  const start = performance.now();
  box.dispatchEvent(new Event("input", { bubbles: true }));
  box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  while (window.sseHub.stats().shown !== shown) await new Promise((done) => setTimeout(done, 5));
  return performance.now() - start;
}"""

# What is marked, as text; a mark may reach over several nodes.
MARKED = """(name) => [...(CSS.highlights.get(name) ?? [])].map((mark) => {
  const range = document.createRange();
  range.setStart(mark.startContainer, mark.startOffset);
  range.setEnd(mark.endContainer, mark.endOffset);
  return range.toString();
})"""


# Pixels of the scroll bar's ticks that are drawn.
TICKS = """() => {
  const canvas = document.querySelector(".ticks");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.filter((value, at) => at % 4 === 3 && value > 0).length;
}"""


def orders(count: int) -> list[str]:
    """Lines with fields."""
    return [
        json.dumps(
            {"level": "warn" if n % 4 == 0 else "info", "message": f"order {n} done", "user": f"u{n % 10}", "n": n}
        )
        for n in range(count)
    ]


def type_filter(page: Page, text: str) -> None:
    """Type a filter and commit it."""
    page.get_by_test_id("filter").fill(text)
    page.keyboard.press("Enter")


@pytest.mark.speed
def test_f05_a_filter_over_100_000_lines_applies_within_300_ms_without_blocking(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "f05.many")
    for start in range(0, 100_000, 5_000):
        publish("f05.many", orders(5_000))
        wait_received(page, start + 5_000)
    page.evaluate(WATCH_TASKS)

    took = page.evaluate(TIME_FILTER, ["level>=warn user=u4", 5_000])
    expect(page.get_by_test_id("shown")).to_have_text("5,000")
    expect(page.locator(".status")).to_contain_text("shown 5,000 of 100,000 in view")

    assert took < at_scale(1_500, 300)
    assert page.evaluate("window.longest") < at_scale(400, 100)
    assert stats(page)["received"] == 100_000
    page.get_by_test_id("filter-clear").click()
    expect(page.get_by_test_id("shown")).to_be_hidden()
    assert stats(page)["shown"] == 100_000


def test_f05_new_lines_are_filtered_and_clearing_the_filter_keeps_the_line_in_view(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    page.add_init_script(COUNT_STREAMS)
    open_page(page, hub, "f05.live")
    publish("f05.live", orders(400))
    wait_received(page, 400)

    type_filter(page, "level>=warn user=u4 n>=100")
    expect(page.get_by_test_id("row").last).to_contain_text("order 384 done")
    publish("f05.live", orders(500)[400:])
    expect(page.get_by_test_id("row").last).to_contain_text("order 484 done")
    assert messages(page) == [f"order {n} done" for n in range(104, 500, 20)]
    page.get_by_test_id("row").filter(has_text="order 204 done").click()
    page.keyboard.press("Escape")
    page.get_by_test_id("filter-clear").click()

    expect(page.get_by_test_id("shown")).to_be_hidden()
    expect(page.get_by_test_id("row").filter(has_text="order 204 done")).to_be_in_viewport()
    assert stats(page)["shown"] == 500
    # The stream is the one it was.
    assert page.evaluate("window.madeStreams()") == 1


def test_f05_text_typed_before_the_script_runs_is_the_filter(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "early")
    publish("early", numbered(range(1, 11)))
    wait_received(page, 10)
    held: list[Route] = []
    page.route("**/js/page.js", lambda route: held.append(route))
    page.goto(f"{page.url}&q=9", wait_until="commit")
    page.get_by_test_id("filter").press_sequentially("line 7")
    wait_until(lambda: held != [], "the page asks for its script")
    held[0].continue_()

    expect(page.get_by_test_id("row")).to_have_count(1)
    expect(page.get_by_test_id("row")).to_contain_text("line 7")
    expect(page.get_by_test_id("filter")).to_have_value("line 7")
    expect(page.get_by_test_id("filter")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**q=line+7**")


def test_f05_an_invalid_expression_turns_the_box_red_and_keeps_the_last_valid_filter(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "f05.bad")
    publish("f05.bad", orders(40))
    wait_received(page, 40)
    type_filter(page, "user=u4")
    expect(page.get_by_test_id("row")).to_have_count(4)

    type_filter(page, "user=u4 /(/")

    expect(page.get_by_test_id("filter-error")).to_contain_text("regular expression")
    expect(page.get_by_test_id("filter")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_test_id("row")).to_have_count(4)
    type_filter(page, "user=u5")
    expect(page.get_by_test_id("filter-error")).to_be_hidden()
    expect(page.get_by_test_id("row").first).to_contain_text("order 5 done")


def test_f05_suggestions_come_from_the_lines_and_are_accepted_by_keyboard(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "f05.suggest")
    publish("f05.suggest", orders(40))
    wait_received(page, 40)

    page.keyboard.press("f")
    page.keyboard.type("us")
    expect(page.get_by_role("option").first).to_contain_text("user")
    page.keyboard.press("Tab")
    expect(page.get_by_test_id("filter")).to_have_value("user=")
    expect(page.get_by_role("option").first).to_contain_text("u")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")

    expect(page.get_by_test_id("row")).to_have_count(4)


def test_f05_every_term_is_a_chip_that_can_be_switched_off_and_removed(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "f05.chips")
    publish("f05.chips", orders(40))
    wait_received(page, 40)
    type_filter(page, "user=u4 level>=warn")
    chips = page.get_by_test_id("term")
    expect(chips).to_have_count(2)
    expect(page.get_by_test_id("row")).to_have_count(2)

    chips.nth(1).locator(".term-text").click()
    expect(page.get_by_test_id("row")).to_have_count(4)
    expect(page.get_by_test_id("filter")).to_have_value("user=u4 level>=warn")
    chips.nth(1).locator(".term-text").click()
    expect(page.get_by_test_id("row")).to_have_count(2)
    chips.nth(0).locator(".term-close").click()

    expect(page.get_by_test_id("filter")).to_have_value("level>=warn")
    expect(page.get_by_test_id("row")).to_have_count(10)


def test_a_filter_of_another_tool_is_translated_and_one_that_is_being_typed_hides_nothing(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "f05.foreign")
    publish("f05.foreign", orders(40))
    wait_received(page, 40)
    box, note, rows = page.get_by_test_id("filter"), page.get_by_test_id("filter-note"), page.get_by_test_id("row")

    # Half a value finds nothing yet: the lines stay, dimmed.
    page.keyboard.press("f")
    page.keyboard.type("user=u")
    expect(page.locator(".main")).to_have_attribute("data-stale", "true")
    assert stats(page)["shown"] == 40
    page.keyboard.type("4")
    expect(rows).to_have_count(4)
    expect(page.locator(".main")).to_have_attribute("data-stale", "false")

    # Fields that there are: translated with Enter, and undone by a click.
    type_filter(page, "level:warn AND user:u4")
    expect(box).to_have_value("level=warn user=u4")
    expect(note).to_contain_text("level:warn AND user:u4 was read as level=warn user=u4")
    expect(rows).to_have_count(2)
    note.get_by_role("button", name="Undo").click()
    expect(box).to_have_value("level:warn AND user:u4")
    expect(note).to_be_hidden()
    expect(rows).to_have_count(0)

    # What may be a text as well is only offered, and what no filter does is named.
    type_filter(page, "done AND 14")
    expect(box).to_have_value("done AND 14")
    expect(note).to_contain_text("Did you mean")
    note.get_by_role("button", name="done 14").click()
    expect(box).to_have_value("done 14")
    expect(rows).to_have_count(1)
    type_filter(page, "done | count")
    expect(note).to_contain_text("Statistics (S) counts lines")
    type_filter(page, "order")
    expect(note).to_be_hidden()


def test_f07_digit_keys_set_the_minimum_level_and_0_shows_all(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "f07")
    levels = ["trace", "debug", "info", "warn", "error", "fatal"]
    publish("f07", [json.dumps({"level": level, "message": level}) for level in levels] + ["plain text"])
    wait_received(page, 7)
    for level in [*levels, "none"]:
        expect(page.get_by_test_id(f"level-{level}")).to_contain_text("1")

    page.keyboard.press("4")
    expect(page.get_by_test_id("row")).to_have_count(3)
    assert messages(page) == ["warn", "error", "fatal"]
    page.keyboard.press("6")
    expect(page.get_by_test_id("row")).to_have_count(1)
    expect(page.get_by_test_id("level-warn")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("0")

    expect(page.get_by_test_id("row")).to_have_count(7)


def test_f07_levels_are_distinguished_by_text_in_forced_colours(page: Page, hub: HubProcess, publish: Publish) -> None:
    page.emulate_media(forced_colors="active")
    open_page(page, hub, "f07.forced")
    publish(
        "f07.forced", [json.dumps({"level": level, "message": "m"}) for level in ("info", "warn", "error", "fatal")]
    )

    expect(page.get_by_test_id("row")).to_have_count(4)
    assert page.locator("[data-testid=row] .level").all_inner_texts() == ["I", "W", "E", "F"]


def test_f06_find_counts_marks_and_visits_matches_and_hides_nothing(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "f06")
    publish("f06", numbered(range(1, 2_001)))
    wait_received(page, 2_000)

    page.keyboard.press("/")
    page.keyboard.type("line 19")
    expect(page.get_by_test_id("find-count")).to_have_text("111 hits")
    page.wait_for_function(f"() => ({MARKED})('found').length > 0")
    assert set(page.evaluate(MARKED, "found")) == {"line 19"}
    assert page.evaluate(TICKS) > 0
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("find-count")).to_contain_text("of 111")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("find")).to_be_hidden()
    assert stats(page)["shown"] == 2_000

    page.keyboard.press("End")
    page.keyboard.press("Control+f")
    page.get_by_test_id("find").fill(r"/line 1[0]?7\b/")
    expect(page.get_by_test_id("find-count")).to_have_text("2 hits")
    page.keyboard.press("Enter")
    page.locator(".find-previous").click()
    page.keyboard.press("n")
    page.keyboard.press("N")

    expect(page.locator(".row[aria-current=true]")).to_be_in_viewport()
    expect(page.locator(".row[aria-current=true]")).to_contain_text("line 1")
    page.wait_for_function(f"() => ({MARKED})('found-now').length === 1")


def test_f06_ctrl_f_opens_the_pages_find_and_pressed_twice_the_browsers(page: Page, hub: HubProcess) -> None:
    open_page(page, hub, "f06.twice")
    page.evaluate("""() => {
        window.taken = [];
        window.addEventListener("keydown", (event) => event.key === "f" && taken.push(event.defaultPrevented));
    }""")

    page.keyboard.press("Control+f")
    expect(page.get_by_test_id("find")).to_be_focused()
    page.keyboard.press("Control+f")

    assert page.evaluate("taken") == [True, False]


def test_f06_find_can_become_a_filter(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "f06.filter")
    publish("f06.filter", numbered(range(1, 201)))
    wait_received(page, 200)

    page.keyboard.press("/")
    page.keyboard.type("line 19")
    page.keyboard.press("Alt+Enter")

    expect(page.get_by_test_id("filter")).to_have_value('"line 19"')
    expect(page.get_by_test_id("row")).to_have_count(11)


def test_f06_a_filtered_line_is_shown_in_context_and_esc_returns(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "f06.context")
    publish("f06.context", numbered(range(1, 1_001)))
    wait_received(page, 1_000)
    page.keyboard.press("5")
    expect(page.get_by_test_id("row")).to_have_count(10)
    page.get_by_test_id("row").nth(4).click()
    page.keyboard.press("Escape")

    hits = page.url
    bar = page.get_by_test_id("context")
    current = page.locator(".row[aria-current=true]")
    page.keyboard.press("x")
    expect(page.get_by_test_id("row").filter(has_text="line 499")).to_be_visible()
    expect(page.get_by_test_id("row").filter(has_text="line 500")).to_be_in_viewport()
    expect(page.locator(".row[data-hit]")).to_contain_text("line 500")
    expect(bar).to_contain_text(re.compile(r"Around \d\d:\d\d:\d\d · line 500.*hit 5 of 10", re.DOTALL))
    # The hits are gone through without a way back, and the address brings the place again.
    bar.get_by_role("button", name="Next hit of the filter").click()
    expect(current).to_contain_text("line 600")
    expect(page.get_by_test_id("context-count")).to_have_text("hit 6 of 10")
    page.reload()
    expect(page.get_by_test_id("context-count")).to_have_text(re.compile("hit (1 of 5|6 of 10)"))
    expect(current).to_contain_text("line 600")
    page.go_back()
    expect(bar).to_be_hidden()
    assert page.url == hits
    expect(page.get_by_test_id("row").filter(has_text="line 601")).to_have_count(0)
    page.get_by_test_id("row").filter(has_text="line 600").click()
    page.keyboard.press("Escape")
    page.keyboard.press("x")
    page.get_by_test_id("context-back").click()

    expect(bar).to_be_hidden()
    expect(page.get_by_test_id("row").filter(has_text="line 601")).to_have_count(0)
    expect(current).to_contain_text("line 600")
    assert "context=" not in page.url

    # Another filter, once it is asked for, is not a context that Esc leaves.
    page.keyboard.press("x")
    expect(page.get_by_test_id("row").filter(has_text="line 599")).to_be_visible()
    page.keyboard.press("6")
    expect(page.get_by_test_id("row")).to_have_count(0)
    page.keyboard.press("Escape")
    page.keyboard.press("4")
    expect(page.get_by_test_id("row").last).to_contain_text("line 1000")


def test_f06_leaving_a_context_returns_to_the_same_place(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "f06.place")
    publish("f06.place", numbered(range(1, 10_001)))
    wait_received(page, 10_000)
    page.keyboard.press("5")
    page.wait_for_function("() => window.sseHub.stats().shown === 100")
    row = page.get_by_test_id("row").filter(has_text="line 5000")
    after = page.get_by_test_id("row").filter(has_text="line 5002")

    def leave_a_context() -> None:
        page.keyboard.press("x")
        expect(after).to_be_visible()
        page.keyboard.press("End")
        page.keyboard.press("Escape")
        expect(after).to_have_count(0)

    scroll_up(page, 1_100)
    row.click()
    page.keyboard.press("Escape")
    before = settled_top_row(page)
    leave_a_context()
    expect(row).to_have_attribute("aria-current", "true")
    assert settled_top_row(page) == before
    page.keyboard.press("End")
    expect(page.get_by_test_id("pill")).to_be_hidden()
    after = page.get_by_test_id("row").filter(has_text="line 9999")
    page.get_by_test_id("row").last.click()
    page.keyboard.press("Escape")
    leave_a_context()

    expect(page.get_by_test_id("pill")).to_be_hidden()
    expect(page.get_by_test_id("row").last).to_be_in_viewport()


def test_f03_wrapped_rows_do_not_move_while_lines_arrive(page: Page, hub: HubProcess, publish: Publish) -> None:
    """Rows of different heights, scrolled up through rows that were never measured."""
    open_page(page, hub, "f03.wrap")
    publish("f03.wrap", [json.dumps({"message": f"line {n} " + "word " * (n % 90)}) for n in range(1, 601)])
    wait_received(page, 600)
    page.keyboard.press("z")
    expect(page.get_by_test_id("row").last).to_be_in_viewport()
    page.get_by_test_id("grid").hover()
    for _ in range(8):
        page.mouse.wheel(0, -700)
        settled_top_row(page)

    before = settled_top_row(page)
    publish("f03.wrap", numbered(range(601, 701)))
    expect(page.get_by_test_id("pill")).to_contain_text("100 new")

    assert page.evaluate(TOP_ROW) == before
    tops = page.evaluate("""() => [...document.querySelectorAll("[data-testid=row]")].map((row) => {
        const { top, bottom } = row.getBoundingClientRect();
        return [Math.round(top), Math.round(bottom)];
    })""")
    assert all(bottom == top for (_, bottom), (top, _) in zip(tops, tops[1:], strict=False))
    page.keyboard.press("End")
    expect(page.get_by_test_id("row").last).to_contain_text("line 700")
    expect(page.get_by_test_id("row").last).to_be_in_viewport()


def test_f10_a_wrapped_line_stays_in_sight_when_the_details_narrow_the_view(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    page.add_init_script("localStorage.setItem('sse-hub.details', 'right')")
    open_page(page, hub, "f10.wrap")
    publish("f10.wrap", [json.dumps({"message": f"line {n} " + "word " * 40}) for n in range(1, 201)])
    wait_received(page, 200)
    page.keyboard.press("z")
    expect(page.get_by_test_id("row").last).to_be_in_viewport()
    row = page.get_by_test_id("row").filter(has_text="line 199 ")
    before = row.bounding_box()

    row.locator(".time").click()
    expect(page.get_by_test_id("drawer")).to_be_visible()
    settled_top_row(page)

    after = row.bounding_box()
    assert before and after and abs(after["y"] - before["y"]) <= 1
    assert after["height"] > before["height"]


def test_a_filter_that_hides_everything_shows_when_a_line_last_matched(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    """Also of a line that is held no longer; nothing is said where none has passed since the filter was set."""
    page.add_init_script("localStorage.setItem('sse-hub.held', '10000')")
    open_page(page, hub, "f05.last")
    type_filter(page, "needle")
    publish("f05.last", [json.dumps({"message": "a needle"}), *numbered(range(2))])
    expect(page.get_by_test_id("row")).to_have_count(1)

    publish("f05.last", numbered(range(10_000)))

    empty = page.get_by_test_id("empty")
    expect(empty).to_contain_text("None of the 10,000 newest lines match")
    expect(empty).to_contain_text(re.compile(r"Last match \d+ s ago"))
    type_filter(page, "straw")
    expect(empty).to_contain_text("Esc in the filter box")
    page.get_by_test_id("level-error").click()
    page.get_by_test_id("clear-filter").click()
    expect(empty).to_be_hidden()
    assert stats(page)["shown"] == 10_000
