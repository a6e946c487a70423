"""
The statistics: counts over the hub's log by level or field, percentiles, the way to lines and filters, the address.
"""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser_page import Publish, messages, open_page, palette, wait_received
from tests.support.servers import HubProcess

pytestmark = pytest.mark.browser

HOSTILE = '<img src=x onerror="document.title=1">'
SIDEWAYS = (
    "() => document.querySelector('dialog[open]').scrollWidth - document.querySelector('dialog[open]').clientWidth"
)


def line(n: int) -> str:
    """Every third line is an error, of one of three services; one has a name that must stay text."""
    service = ("billing", "checkout", HOSTILE)[n // 3 % 3] if n < 90 else "billing"
    level = "error" if n % 3 == 0 else "info"
    return json.dumps({"level": level, "message": f"line {n}", "service": service, "took": f"{n}ms"})


def rows(page: Page) -> dict[str, str]:
    """The values of the table, with the number beside each."""
    found: list[tuple[str, str]] = (
        page.evaluate("""() => [...document.querySelectorAll(".stats-values tbody tr")].map((row) =>
        [row.cells[0].textContent, row.cells[1].textContent])""")
    )
    return dict(found)


def counted(page: Page) -> None:
    """Return when the hub has counted all of the range."""
    expect(page.get_by_test_id("stats-act")).to_be_hidden()


def test_errors_by_service_over_six_hours_take_three_clicks(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "counts.app")
    publish("counts.app", map(line, range(120)))
    wait_received(page, 120)

    page.get_by_test_id("statistics-open").click()
    page.get_by_test_id("stats-least-error").click()
    page.get_by_test_id("stats-by-logger").click()

    expect(page.get_by_test_id("stats-range-6h")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_test_id("stats-words")).to_contain_text("40 lines of 120 read")
    assert rows(page) == {"billing": "20", "checkout": "10", HOSTILE: "10"}
    assert page.title() != "1"
    # The address opens the same in another tab.
    assert re.search(r"&stats=6h&least=error&by=logger$", page.url)
    page.reload()
    expect(page.get_by_test_id("stats-words")).to_contain_text("40 lines of 120 read")
    expect(page.get_by_test_id("stats-by-logger")).to_have_attribute("aria-pressed", "true")

    # A value becomes a filter, of the page and of the counts; what is not wanted is filtered out.
    page.get_by_test_id("stats-value").filter(has_text="checkout").click()
    expect(page.get_by_test_id("stats-words")).to_contain_text("10 lines of 120 read")
    expect(page.get_by_test_id("filter")).to_have_value("logger=checkout")
    page.get_by_test_id("stats-picture").click(position={"x": 1, "y": 40})
    expect(page.get_by_test_id("statistics")).to_be_hidden()
    assert "stats=" not in page.url
    expect(page.get_by_test_id("row").first).to_be_visible()
    assert all(int(text.split()[1]) // 3 % 3 == 1 for text in messages(page))
    page.go_back()
    expect(page.get_by_test_id("filter")).to_have_value("")


def test_percentiles_and_any_field_by_keyboard_alone(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "counts.keys")
    publish("counts.keys", map(line, range(120)))
    wait_received(page, 120)

    palette(page, "counts over time")
    page.get_by_test_id("stats-field").focus()
    page.keyboard.type("took")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("stats-values")).to_contain_text("120 numbers")
    assert rows(page) == {"min": "0 ms", "p50": "59 ms", "p90": "107 ms", "p99": "118 ms", "max": "119 ms"}
    page.get_by_test_id("stats-field").fill("no.such")
    page.keyboard.press("Enter")
    counted(page)
    assert rows(page) == {"without no.such": "120"}
    # What is drawn is there as text, too: the step at the cursor, and a table of all.
    page.get_by_test_id("stats-picture").focus()
    page.keyboard.press("End")
    expect(page.get_by_test_id("stats-tip")).to_contain_text("without no.such")
    assert "without no.such" in (page.get_by_test_id("stats-picture").get_attribute("aria-valuetext") or "")
    assert page.locator("[data-testid=statistics] .visually-hidden table tbody tr").count() >= 120
    page.keyboard.press("Home")
    page.keyboard.press("Enter")

    expect(page.get_by_test_id("statistics")).to_be_hidden()


def test_a_long_count_says_how_far_it_is_and_can_be_stopped(page: Page, hub: HubProcess, publish: Publish) -> None:
    for start in range(0, 75_000, 15_000):
        publish("counts.long", map(line, range(start, start + 15_000)))
    open_page(page, hub, "counts.long")

    page.goto(f"{page.url}&stats=1h&by=level")
    act = page.get_by_test_id("stats-act")
    expect(act).to_have_text("Stop")
    act.click()
    expect(act).to_have_text("Go on")
    act.click()
    counted(page)

    expect(page.get_by_test_id("stats-words")).to_contain_text("75,000 lines of 75,000 read")
    assert rows(page) == {"error": "25,000", "info": "50,000"}


@pytest.mark.parametrize(("size", "width"), [(18, 1280), (13, 360)])
def test_statistics_fit_on_a_phone_and_with_large_text(
    page: Page, hub: HubProcess, publish: Publish, size: int, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 740})
    page.add_init_script(f"localStorage.setItem('sse-hub.size', '{size}'); localStorage.setItem('sse-hub.lang', 'pt')")
    open_page(page, hub, f"counts.small{size}", "counts.other")
    publish(f"counts.small{size}", [json.dumps({"level": "warn", "service": "s" * 300, "n": n}) for n in range(20)])
    wait_received(page, 20)

    page.get_by_test_id("statistics-open").click()
    page.get_by_test_id("stats-field").fill("service")
    page.get_by_test_id("stats-count").click()

    expect(page.get_by_test_id("stats-value").filter(has_text="sss")).to_be_visible()
    assert page.evaluate(SIDEWAYS) <= 0
