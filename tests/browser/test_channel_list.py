"""
The channel list, where names are many: sections, groups, finding one by a few letters, one Tab stop; channels in rows.
"""

import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from sse_hub.protocol.ids import iso_time
from tests.support.browser_page import WATCH_TASKS, Publish, numbered, open_page, stats
from tests.support.servers import HubProcess

logger = logging.getLogger(__name__)
pytestmark = pytest.mark.browser

# How long the list takes from the hub's answer until it is laid out, in ms.
TIME_DRAWING = """
(() => {
  const json = Response.prototype.json;
  window.drawn = [];
  Response.prototype.json = async function () {
    const value = await json.call(this);
    if (this.url.endsWith("/channels")) {
      const start = performance.now();
      // After whatever the page does with the answer at once.
      setTimeout(() => {
        document.querySelector(".rail").getBoundingClientRect();
        window.drawn.push(performance.now() - start);
      });
    }
    return value;
  };
})();
"""
# How long it takes from a letter that is typed until what it finds is laid out.
TIME_SEARCH = """(text) => {
  const field = document.querySelector("[data-testid=channel-input]");
  const start = performance.now();
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  document.querySelector(".rail").getBoundingClientRect();
  return performance.now() - start;
}"""
FOCUSED = "document.activeElement.closest('[data-testid]')?.dataset.testid"


def directory(count: int, active: int) -> dict[str, Any]:
    """What the hub says of many channels: containers, of which some have lines and a few have errors."""
    now = int(time.time() * 1_000)
    channels = [
        {
            "name": f"docker.team-{n % 40:02}-service-with-a-long-name-{n:04}",
            "lines": 100 + n,
            "lines_per_second": 2.5 if n < active else 0,
            "last_line": iso_time(now - (1_000 if n < active else 3_600_000)),
            "subscribers": 0,
            "errors_last_minute": 3 if n < active and n % 25 == 0 else 0,
            "usual_gap_seconds": None,
        }
        for n in range(count)
    ]
    return {"ready": True, "recording": True, "channels": channels}


@pytest.fixture
def crowd(page: Page) -> Iterator[Page]:
    """A page whose hub knows 5,000 channels."""
    answer = json.dumps(directory(5_000, 100))

    def fulfill(route: Route) -> None:
        route.fulfill(body=answer, content_type="application/json")

    page.route("**/channels", fulfill)
    yield page
    page.unroute("**/channels")


@pytest.mark.speed
def test_a_list_of_5_000_channels_is_drawn_and_searched_at_once(crowd: Page, hub: HubProcess) -> None:
    crowd.add_init_script(TIME_DRAWING)
    open_page(crowd, hub, "crowd.one")
    expect(crowd.get_by_test_id("section-all")).to_contain_text("5,000")
    crowd.evaluate(WATCH_TASKS)
    crowd.wait_for_function("() => window.drawn.length > 2")
    typed = ("s", "sv", "svc", "svc1", "svc12", "team-07 041", "sevrice", "*", "")
    searched = [crowd.evaluate(TIME_SEARCH, text) for text in typed]
    drawn, longest = crowd.evaluate("[window.drawn, window.longest]")

    logger.info("drawn %s ms, searched %s ms, longest task %s ms", drawn, searched, longest)
    assert sorted(drawn)[len(drawn) // 2] < 50
    assert sorted(searched)[len(searched) // 2] < 50
    assert longest < 100
    assert crowd.locator(".channel").count() < 60


def test_one_of_5_000_channels_is_found_by_its_group_or_a_few_letters(crowd: Page, hub: HubProcess) -> None:
    open_page(crowd, hub, "crowd.one")
    rows = crowd.get_by_role("tree", name="Known channels").get_by_role("treeitem")
    expect(rows.nth(1)).to_have_attribute("title", "crowd.one")
    expect(crowd.get_by_test_id("section-needs")).to_contain_text("4")
    expect(crowd.locator("[data-kind=channel] .channel-errors:visible").first).to_have_text("3")

    # The group of all is open, as nothing is beside it; the one in it leads to its channels, or opens a pattern.
    team = crowd.get_by_test_id("group-docker.team-03-*")
    team.scroll_into_view_if_needed()
    expect(team).to_have_attribute("title", "docker.team-03-*")
    expect(team).to_contain_text("team-03")
    expect(team).to_contain_text("125 · 7.5/s")
    team.click()
    first = crowd.get_by_test_id("channel-docker.team-03-service-with-a-long-name-0003")
    expect(first).to_have_attribute("title", "docker.team-03-service-with-a-long-name-0003")
    assert first.locator(".channel-name span").all_inner_texts()[1].endswith("0003")
    team.get_by_role("button", name="Open docker.team-03-* too").click()
    expect(crowd.get_by_test_id("open")).to_contain_text("docker.team-03-*")

    # Enter opens the best that is found, Ctrl+Enter adds one, and the keyboard is at the lines then.
    field = crowd.get_by_test_id("channel-input")
    field.fill("svc 17 1217")
    expect(rows.first).to_have_attribute("aria-selected", "true")
    field.press("Enter")
    expect(crowd.get_by_test_id("open")).to_have_text("docker.team-17-service-with-a-long-name-1217")
    assert crowd.evaluate(FOCUSED) == "grid"
    field.fill("nmae-4999")
    field.press("Control+Enter")
    expect(crowd.locator(".open-name")).to_have_count(2)
    assert crowd.evaluate(FOCUSED) == "grid"
    assert crowd.get_by_test_id("section-open").evaluate("(row) => row.parentElement.parentElement.scrollTop") == 0


def test_the_channel_list_is_one_tab_stop_and_leaves_names_without_lines_out(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    for n in range(14):
        publish(f"stop.of.c{n:02}", numbered([n]))
    open_page(page, hub, "stop.nobody", "stop.of.c00")
    expect(page.get_by_test_id("channel-stop.nobody")).to_be_visible()
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED) == "skip"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED) == "section-open"

    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.evaluate(FOCUSED) == "channel-stop.of.c00"
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("-")
    expect(page.locator(".open-name")).to_have_text(["stop.of.c00"])
    # One that never had a line is no channel.
    expect(page.get_by_test_id("channel-stop.nobody")).to_have_count(0)
    page.get_by_test_id("channel-input").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "separator"
    page.get_by_test_id("skip").focus()
    page.keyboard.press("Enter")
    assert page.evaluate(FOCUSED) == "grid"


def test_rows_say_the_shortest_part_of_their_channel_and_no_part_twice(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    names = [f"tags.{part}.log" for part in ("api", "mail", "web", "a-service-with-a-long-name-039")]
    open_page(page, hub, *names)
    for name in names:
        publish(name, [json.dumps({"level": "info", "message": "m", "logger": f"{name}.http", "user": "u7"})])

    tags = page.locator("[data-testid=row] .channel-tag")
    expect(tags).to_have_count(4)
    assert [tag.evaluate("(tag) => tag.textContent") for tag in tags.all()] == [
        "api",
        "mail",
        "web",
        "with-a-long-name-039",
    ]
    assert [tag.get_attribute("title") for tag in tags.all()] == names
    assert len({tag.get_attribute("data-hue") for tag in tags.all()}) == 4
    expect(page.locator("[data-testid=row] .logger")).to_have_text(["http"] * 4)
    # The end of a name is seen, whatever is cut.
    assert tags.nth(3).evaluate(
        "(tag) => tag.lastChild.getBoundingClientRect().right <= tag.getBoundingClientRect().right + 1"
    )
    # The buttons of a row stand behind its text.
    row = page.get_by_test_id("row").first
    row.hover()
    assert row.evaluate("""(row) => {
      const edge = row.querySelector(".row-buttons").getBoundingClientRect().left;
      const parts = [...row.querySelectorAll(".content > span")];
      return parts.every((part) => part.getBoundingClientRect().right <= edge + 1);
    }""")
    assert stats(page)["held"] == 4
