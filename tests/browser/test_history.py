"""
The page and the log: what was published before it was opened, older lines above, what is missing in between.
"""

import re
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browser_page import (
    ALL_NUMBERS,
    Publish,
    load_older,
    messages,
    numbered,
    numbers_published,
    open_page,
    scroll_up,
    settled_top_row,
    stats,
    wait_received,
)
from tests.support.chromium import Console
from tests.support.servers import HubProcess, RedisServer, free_port, hub_process
from tests.support.settings import PATIENCE, at_scale
from tests.support.waiting import wait_until

pytestmark = pytest.mark.browser

# A fence in ms, older than all that a test publishes.
LONG_AGO = 1_700_000_000_000

# Questions for lines, and not those for the markers among them.
OF_LINES = re.compile(r"/history\?(?!channel=sse-hub\.markers)")

# Where the row of a seq is.
ROW_TOP = "(seq) => document.querySelector(`[data-seq='${seq}']`).getBoundingClientRect().top"

AT_THE_BEGINNING = """
() => document.querySelector("[data-testid=grid]").scrollTop === 0
  && /begins/.test(document.querySelector(".top").textContent)
  && / 1$/.test(document.querySelector("[data-testid=row] .message").textContent)
"""


def reload(page: Page, received: int) -> None:
    """Load the page anew, once it has received so many lines in all: then it holds the last 500 of them."""
    wait_received(page, received)
    page.reload()
    expect(page.get_by_test_id("held")).to_have_text("500")


def to_beginning(page: Page, names: str) -> None:
    """Press Home until the log of these channels has no older lines."""
    words = page.get_by_test_id("top-words")
    end = f"No older lines: the log of {names} begins here"
    while not words.inner_text().startswith(end):
        held = stats(page)["held"]
        page.keyboard.press("Home")
        page.wait_for_function(
            """([held, end]) => window.sseHub.stats().held > held
            || document.querySelector(".top-words").textContent.startsWith(end)""",
            arg=[held, end],
        )


def answer_history(page: Page, *answers: dict[str, Any]) -> list[str]:
    """Answer the page's questions for older lines with these, in turn; returns the list of what it asks."""
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(json=answers[min(len(asked), len(answers)) - 1])

    page.route(OF_LINES, answer)
    return asked


def hold_history(page: Page) -> list[Route]:
    """Leave the page's questions for older lines without an answer; returns the list of them."""
    held: list[Route] = []
    page.route(OF_LINES, lambda route: held.append(route))
    return held


def page_of(channel: str, fence: int, first: int, last: int, **more: Any) -> dict[str, Any]:
    """One answer of /history: numbered lines of one fence."""
    lines = [
        [f"{fence}-{n}", channel, line]
        for n, line in zip(range(first, last + 1), numbered(range(first, last + 1)), strict=True)
    ]
    return {"lines": lines, "more": False, "gaps": [], **more}


def test_f02_a_reload_shows_the_last_500_lines_at_once(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "reload")
    publish("reload", numbered(range(1, 1_301)))

    reload(page, 1_300)

    expect(page.get_by_test_id("row").last).to_contain_text("line 1300")
    expect(page.get_by_test_id("row").last).to_be_in_viewport()
    expect(page.get_by_test_id("follow")).to_have_text("following")
    assert stats(page)["gaps"] == 0


def test_f12_scrolling_to_the_top_loads_older_lines_back_to_the_start_of_the_log(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "older")
    publish("older", numbered(range(1, 1_801)))
    reload(page, 1_800)

    page.keyboard.press("Home")
    expect(page.get_by_test_id("held")).to_have_text("1,000")
    to_beginning(page, "older")

    expect(page.get_by_test_id("top-button")).to_be_hidden()
    assert page.evaluate(ALL_NUMBERS) == list(range(1, 1_801))
    assert (stats(page)["held"], stats(page)["dupes"], stats(page)["gaps"]) == (1_800, 0, 0)
    page.keyboard.press("End")
    expect(page.get_by_test_id("row").last).to_contain_text("line 1800")


def test_f12_visible_rows_do_not_move_while_older_lines_load(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "anchor")
    publish("anchor", numbered(range(501, 1_001)))
    wait_received(page, 500)
    held = hold_history(page)

    with page.expect_request(OF_LINES):
        page.keyboard.press("Home")
    expect(page.get_by_test_id("top-words")).to_have_text("Loading older lines…")
    seq, top = settled_top_row(page)
    held[0].fulfill(json=page_of("anchor", LONG_AGO, 1, 500, more=True))
    expect(page.get_by_test_id("held")).to_have_text("1,000")

    settled_top_row(page)
    assert page.evaluate(ROW_TOP, seq) == top
    assert len(held) == 1
    # New lines meanwhile move nothing either.
    publish("anchor", numbered(range(1_001, 1_101)))
    expect(page.get_by_test_id("pill")).to_have_text("↓ 100 new (1 error)")
    assert page.evaluate(ROW_TOP, seq) == top


def test_f12_the_mouse_wheel_scrolls_through_the_whole_log(page: Page, hub: HubProcess, publish: Publish) -> None:
    """No row is passed over when a page comes in the middle of a scroll."""
    open_page(page, hub, "wheel")
    publish("wheel", numbered(range(1, 1_201)))
    reload(page, 1_200)
    page.evaluate("""() => {
        window.rowsSeen = new Set();
        const look = () => {
          const view = document.querySelector("[data-testid=grid]").getBoundingClientRect();
          for (const row of document.querySelectorAll("[data-testid=row]")) {
            const { top, bottom } = row.getBoundingClientRect();
            if (bottom > view.top && top < view.bottom) rowsSeen.add(Number(/line (\\d+)/.exec(row.textContent)[1]));
          }
          requestAnimationFrame(look);
        };
        look();
    }""")

    def turn() -> bool:
        page.mouse.wheel(0, -400)
        return bool(page.evaluate(AT_THE_BEGINNING))

    page.get_by_test_id("grid").hover()
    wait_until(turn, "the wheel has brought the beginning of the log")

    assert sorted(page.evaluate("[...rowsSeen]")) == list(range(1, 1_201))


def test_older_lines_of_several_channels_load_in_one_order_and_once_each(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    """Lines of different channels share ids; none may be lost where one page of the log ends."""
    open_page(page, hub, "many.a", "many.b", "many.c")
    for start in range(1, 1_801, 60):
        for shift, channel in enumerate(("many.a", "many.b", "many.c")):
            publish(channel, numbered(range(start + 20 * shift, start + 20 * shift + 20)))
    reload(page, 1_800)

    to_beginning(page, "many.a, many.b and many.c")

    assert sorted(page.evaluate(ALL_NUMBERS)) == list(range(1, 1_801))
    for name in ("many.a", "many.b", "many.c"):
        page.get_by_test_id(f"channel-{name}").click()
        expect(page.locator(".app")).to_have_attribute("data-state", "live")
        to_beginning(page, name)
        numbers = page.evaluate(ALL_NUMBERS)
        assert (numbers, len(numbers)) == (sorted(numbers), 600)


def test_the_filter_and_the_level_chips_apply_to_older_lines(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "olderfilter")
    publish("olderfilter", numbered(range(1, 1_901)))
    reload(page, 1_900)
    page.get_by_test_id("level-error").click(modifiers=["Shift"])
    expect(page.get_by_test_id("row")).to_have_count(5)

    page.keyboard.press("Home")

    expect(page.get_by_test_id("held")).to_have_text("1,900")
    expect(page.get_by_test_id("level-error")).to_contain_text("19")
    expect(page.get_by_test_id("row").first).to_contain_text("line 100")
    expect(page.get_by_test_id("shown")).to_have_text("19")
    page.get_by_test_id("filter").fill("1700")
    expect(page.get_by_test_id("row")).to_have_count(1)
    page.get_by_test_id("filter").fill("")
    page.get_by_test_id("level-error").click(modifiers=["Shift"])
    expect(page.get_by_test_id("shown")).to_be_hidden()
    assert page.evaluate(ALL_NUMBERS) == list(range(1, 1_901))


def test_the_rest_of_the_log_is_searched_with_hits_in_the_same_list_and_their_context(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "searched")
    publish("searched", numbered(range(1, 1_901)))
    reload(page, 1_900)
    words, button, rows = (
        page.get_by_test_id("top-words"),
        page.get_by_test_id("top-button"),
        page.get_by_test_id("row"),
    )
    page.get_by_test_id("filter").fill("level=error")
    page.keyboard.press("Enter")
    expect(words).to_have_text("5 hits in the 500 newest lines")

    # It can be stopped, and goes on.
    asked: list[Route] = []
    page.route("**/search?*", lambda route: asked.append(route))
    button.click()
    expect(words).to_have_text("Searching the log…, 5 hits")
    button.click()
    expect(words).to_have_text("Search stopped, 5 hits")
    expect(button).to_have_text("Search on")
    page.unroute("**/search?*")
    button.click()
    expect(words).to_have_text("All of the log searched, 19 hits")
    expect(button).to_be_hidden()
    expect(rows).to_have_count(19)
    expect(rows.first).to_contain_text("line 100")
    expect(page.get_by_test_id("held")).to_have_text("514")

    # Another filter begins anew: what is held is whole again.
    page.get_by_test_id("filter").fill('"line 123"')
    page.keyboard.press("Enter")
    empty = page.get_by_test_id("empty")
    expect(empty).to_contain_text("None of the 500 newest lines match")
    page.get_by_test_id("search-log").click()
    expect(rows).to_have_count(11)
    assert messages(page) == ["line 123", *(f"line {n}" for n in range(1230, 1240))]

    # The neighbours of a hit are loaded when they are asked for.
    rows.nth(5).click()
    page.keyboard.press("Escape")
    page.keyboard.press("x")
    expect(rows.filter(has_text="line 1229")).to_be_in_viewport()
    expect(rows.filter(has_text="line 1241")).to_be_visible()
    page.keyboard.press("Escape")
    expect(rows).to_have_count(11)


def test_f02_gaps_in_the_log_are_rows_at_their_place(page: Page, hub: HubProcess, publish: Publish) -> None:
    gaps = [
        {"channel": "oldgaps", "after": None, "before": f"{LONG_AGO}-11", "lost": None, "reason": "trimmed"},
        {
            "channel": "oldgaps",
            "after": f"{LONG_AGO}-20",
            "before": f"{LONG_AGO}-24",
            "lost": 3,
            "reason": "log-lost",
        },
    ]
    answer = page_of("oldgaps", LONG_AGO, 11, 20)
    answer["lines"] += page_of("oldgaps", LONG_AGO, 24, 30)["lines"]
    answer_history(page, {**answer, "gaps": gaps})
    open_page(page, hub, "oldgaps")
    publish("oldgaps", numbered([31]))

    load_older(page)

    expect(page.get_by_test_id("gap")).to_have_count(2)
    rows = page.locator(".spacer .row").all_inner_texts()
    assert ["line" not in row.split("·")[0] or "not delivered" in row for row in rows] == [
        position in (0, 11) for position in range(20)
    ]
    expect(page.get_by_test_id("gap").last).to_contain_text("oldgaps: 3 lines not delivered")
    expect(page.get_by_test_id("gap").last).to_contain_text("Redis lost its log")
    assert (stats(page)["gaps"], stats(page)["dropped"], stats(page)["held"]) == (2, 3, 18)


def test_a_failed_load_of_older_lines_is_retried_only_by_the_reader(
    page: Page, hub: HubProcess, publish: Publish, console: Console
) -> None:
    console.allowed.add("status of 503")
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=503, json={"error": "Service Unavailable", "detail": "Redis does not answer."})

    page.route(OF_LINES, refuse)
    open_page(page, hub, "failing")
    publish("failing", numbered([5]))

    page.keyboard.press("Home")
    expect(page.get_by_test_id("top-words")).to_have_text("Older lines could not be loaded: Redis does not answer.")
    for _ in range(5):
        page.keyboard.press("Home")
    assert len(asked) == 1
    page.unroute(OF_LINES)
    answer_history(page, page_of("failing", LONG_AGO, 1, 4))
    page.get_by_role("button", name="Retry").click()

    expect(page.get_by_test_id("row")).to_have_count(5)
    expect(page.get_by_test_id("row").first).to_contain_text("line 1")
    expect(page.get_by_test_id("grid")).to_be_focused()


def test_opening_another_channel_cancels_the_request_for_older_lines(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    """What comes for channels that were left is not shown, and there is one question at a time."""
    held = hold_history(page)
    open_page(page, hub, "left")
    publish("left", numbered([1]))
    expect(page.get_by_test_id("row")).to_have_count(1)
    for _ in range(3):
        page.keyboard.press("Home")
    expect(page.get_by_test_id("top-words")).to_have_text("Loading older lines…")

    with page.expect_event("requestfailed", lambda request: "/history?" in request.url):
        page.get_by_test_id("channel-input").fill("entered")
        page.keyboard.press("Enter")

    expect(page.get_by_test_id("open")).to_have_text("entered")
    assert len(held) == 1
    publish("entered", numbered([2]))
    expect(page.get_by_test_id("row")).to_have_count(1)
    expect(page.get_by_test_id("top-button")).to_have_text("Load older lines")


def test_f12_a_full_page_loads_no_older_lines_and_says_so(page: Page, hub: HubProcess, publish: Publish) -> None:
    """Newer lines take the room; nothing broken is offered."""
    asked = answer_history(page, page_of("full", LONG_AGO, 1, 4))
    open_page(page, hub, "full")
    for start in range(0, 100_500, 7_500):
        publish("full", numbered(range(start, start + 7_500)))
        wait_received(page, start + 7_500)
    scroll_up(page, 500)

    page.keyboard.press("Home")

    expect(page.get_by_test_id("top-words")).to_have_text(
        "The page holds 100,000 lines, its maximum; older lines are not loaded"
    )
    expect(page.get_by_test_id("top-button")).to_be_hidden()
    assert asked == []


@pytest.mark.speed
def test_f02_the_page_stays_responsive_during_a_long_replay(page: Page, hub: HubProcess, publish: Publish) -> None:
    """After an hour away tens of thousands of lines come at once; the page must answer its reader meanwhile."""
    page.add_init_script("""
        window.longest = 0;
        new PerformanceObserver((list) => {
          for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration);
        }).observe({ type: "longtask", buffered: true });
    """)
    open_page(page, hub, "away")
    publish("away", numbered([0]))
    wait_received(page, 1)
    page.get_by_test_id("stop").click()
    expect(page.get_by_test_id("state")).to_have_text("stopped")
    for start in range(1, 40_001, 5_000):
        publish("away", numbered(range(start, start + 5_000)))
    page.evaluate("window.longest = 0")

    page.get_by_test_id("start").click()
    wait_received(page, 40_001)

    assert page.evaluate("window.longest") < 250 * PATIENCE
    expect(page.get_by_test_id("row").last).to_contain_text("line 40000")
    assert (stats(page)["gaps"], stats(page)["dupes"]) == (0, 0)


def test_f02_the_page_loses_no_line_while_its_hub_restarts_five_times(
    page: Page, hub: HubProcess, redis: RedisServer, console: Console
) -> None:
    """Another hub records meanwhile; lines that nobody records are lost, which the page would tell as gaps."""
    console.allowed |= {"ERR_", "Failed to load resource"}
    port = free_port()
    assert hub.ready()
    with ExitStack() as running:
        serving = running.enter_context(ExitStack())
        open_page(page, serving.enter_context(hub_process(redis.url, port=port)), "restarts")
        end = running.enter_context(numbers_published(redis, "restarts", at_scale(100, 500)))
        for _ in range(5):
            seen = stats(page)["received"]
            wait_received(page, seen + at_scale(100, 1_000))
            serving.close()
            expect(page.locator(".app")).to_have_attribute("data-state", "reconnecting")
            serving.enter_context(hub_process(redis.url, port=port))
            expect(page.locator(".app")).to_have_attribute("data-state", "live")
        total = end()
        wait_received(page, total)
        page.get_by_test_id("stop").click()

    assert page.evaluate(ALL_NUMBERS) == list(range(total))
    assert (stats(page)["received"], stats(page)["dupes"], stats(page)["gaps"]) == (total, 0, 0)
