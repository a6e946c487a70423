"""
For everyone: keyboard alone, screen readers, languages, contrast, colours of text, and what the page says of itself.
"""

import json
import re
import time
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from tests.support.accessibility import FINDINGS, SMALL, axe_source
from tests.support.browser_page import (
    HIDE,
    Publish,
    numbered,
    open_page,
    palette,
    stats,
    stream_of,
    wait_received,
)
from tests.support.servers import HubProcess

pytestmark = pytest.mark.browser

LANGUAGES = Path(__file__).parents[2] / "web" / "lang"
LEVELS = ("trace", "debug", "info", "success", "warn", "error", "fatal")


def mixed() -> list[str]:
    """Lines of every level, with fields, tokens, a trace, and a gap of days between two."""
    lines = [
        json.dumps(
            {"level": level, "message": f'GET /pay/{level} 503 from 10.0.0.7 in 12ms "quoted"', "user": "u7", "took": n}
        )
        for n, level in enumerate(LEVELS)
    ]
    stack = 'Traceback (most recent call last):\n  File "app.py", line 2, in f\n    g()\nValueError: too small'
    return [
        *lines,
        json.dumps({"level": "error", "message": "boom", "exception": stack}),
        "plain text \x1b[31mred\x1b[0m",
    ]


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    return axe_source()


def test_f19_axe_finds_no_serious_problem_in_any_theme_and_layout(
    page: Page, hub: HubProcess, publish: Publish, axe: str
) -> None:
    open_page(page, hub, "axe", "axe.two")
    publish("axe", mixed())
    publish("axe.two", numbered(range(1, 40)))
    wait_received(page, 48)
    page.get_by_test_id("facets-more").click()
    expect(page.get_by_test_id("facet-user")).to_be_visible()
    page.evaluate(axe)

    def look(where: str) -> None:
        found = page.evaluate(FINDINGS)
        assert found == [], f"{where}: {found}"

    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        look(scheme)
    page.keyboard.press("4")
    page.get_by_test_id("filter").fill("level>=warn user=u7")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("term")).to_have_count(2)
    look("filtered")
    page.get_by_test_id("row").last.click()
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        look(f"drawer, {scheme}")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    look("help")
    page.keyboard.press("Escape")
    page.get_by_test_id("more").click()
    look("settings")
    page.keyboard.press("Escape")
    page.keyboard.press("Shift+S")
    expect(page.get_by_test_id("stats-value").first).to_be_visible()
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        look(f"statistics, {scheme}")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("pay")
    look("find")
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 360, "height": 740})
    look("phone")


def test_f18_the_palette_offers_what_is_likely_and_finds_what_is_meant(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "pal.one")
    publish("pal.two", mixed())
    publish("pal.one", [json.dumps({"message": "noise", "logger": "pal.loud"})] * 3)
    wait_received(page, 3)
    expect(page.get_by_test_id("channel-pal.two")).to_be_visible()
    entries = page.get_by_test_id("palette").get_by_role("option")

    page.keyboard.press("Control+k")
    expect(page.locator(".palette-head")).to_have_text(["Channels", "Do"])
    expect(entries.filter(has_text="next line")).to_have_count(0)
    # A word that newcomers use, then one with a wrong letter.
    page.get_by_test_id("palette-input").fill("dark")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.keyboard.press("Control+k")
    page.get_by_test_id("palette-input").fill("pal.tow")
    expect(entries.first).to_contain_text("pal.two")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_test_id("open")).to_contain_text("pal.one")
    expect(page.get_by_test_id("open")).to_contain_text("pal.two")
    # What was used last comes first, and what a newcomer calls muting is a filter.
    page.keyboard.press("Control+k")
    expect(entries.first).to_contain_text("pal.two")
    expect(page.locator(".palette-head").first).to_have_text("Recent")
    page.get_by_test_id("palette-input").fill("mute")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("filter")).to_have_value("-logger=pal.loud")
    # The settings are in tabs, whose arrows lead from one to the next.
    palette(page, "timezone")
    expect(page.get_by_test_id("zone")).to_be_visible()
    page.get_by_test_id("tab-time").press("ArrowRight")
    expect(page.get_by_test_id("tab-behaviour")).to_be_focused()
    expect(page.get_by_test_id("set-held")).to_be_visible()
    expect(page.get_by_test_id("zone")).to_be_hidden()


def test_f18_everything_can_be_done_by_keyboard(page: Page, hub: HubProcess, publish: Publish, tmp_path: Path) -> None:
    """Open a channel, filter errors, open one, add a field filter, export."""
    open_page(page, hub, "keys.elsewhere")
    publish("keys.app", mixed())
    expect(page.get_by_test_id("channel-keys.app")).to_be_visible()

    palette(page, "keys.app")
    expect(page.get_by_test_id("row")).to_have_count(9)
    page.keyboard.press("5")
    expect(page.get_by_test_id("row")).to_have_count(3)
    page.keyboard.press("g")
    page.keyboard.press("k")
    page.keyboard.press("k")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("drawer")).to_be_visible()
    # Tab goes on to the tree, whose arrows lead to the field.
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('[role=treeitem]')"):
            break
    for _ in range(10):
        if page.evaluate("document.activeElement.dataset.name") == "user":
            break
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Filter for this")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("filter")).to_have_value("user=u7")
    expect(page.get_by_test_id("row")).to_have_count(2)
    palette(page, "export")
    expect(page.get_by_test_id("ask-scope")).to_be_focused()
    with page.expect_download() as download:
        while not page.evaluate("document.activeElement.matches('[data-testid=ask-go]')"):
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
    download.value.save_as(tmp_path / "lines")
    saved = (tmp_path / "lines").read_text().splitlines()
    assert [json.loads(line)["level"] for line in saved] == ["error", "fatal"]


def test_f18_keys_are_listed_in_the_help_and_ignored_while_typing(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "f18")
    publish("f18", numbered(range(1, 31)))
    wait_received(page, 30)

    page.keyboard.press("?")
    expect(page.get_by_test_id("help")).to_contain_text("Ctrl+K")
    assert page.get_by_test_id("help").locator("kbd").count() > 45
    page.keyboard.press("Escape")
    page.keyboard.press("f")
    page.keyboard.type("zz")
    expect(page.get_by_test_id("wrap")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    for keys in ("Alt+z", "Control+Shift+z"):
        page.keyboard.press(keys)
    expect(page.get_by_test_id("wrap")).to_have_attribute("aria-pressed", "false")
    page.evaluate(
        "document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'z', isComposing: true, bubbles: true }))"
    )
    expect(page.get_by_test_id("wrap")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("z")
    expect(page.get_by_test_id("wrap")).to_have_attribute("aria-pressed", "true")
    # Single keys can be switched off; what needs Ctrl stays.
    page.get_by_test_id("more").click()
    page.get_by_test_id("tab-behaviour").click()
    page.get_by_test_id("set-keys").uncheck()
    page.keyboard.press("Escape")
    page.get_by_test_id("grid").focus()
    page.keyboard.press("z")
    expect(page.get_by_test_id("wrap")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Control+k")
    expect(page.get_by_test_id("palette")).to_be_visible()


def test_f19_new_lines_are_announced_while_they_are_few(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "f19.heard")
    publish("f19.heard", numbered([1]))
    heard = page.get_by_test_id("announcer")
    expect(heard).to_have_text("info: line 1")

    publish("f19.heard", numbered(range(2, 302)))
    expect(heard).to_have_text("300 new (3 errors)")
    assert page.locator("[data-testid=grid] [aria-live]").count() == 0
    expect(page.locator(".spacer")).to_have_attribute("aria-rowcount", "301")
    expect(page.get_by_test_id("row").last).to_have_attribute("aria-rowindex", "301")
    page.keyboard.press("Space")
    publish("f19.heard", numbered([302]))
    expect(page.get_by_test_id("pill")).to_contain_text("1 new")
    expect(heard).to_have_text("300 new (3 errors)")


def placeholders(words: str) -> set[str]:
    """The `{names}` in a text."""
    return {part.split("}")[0] for part in words.split("{")[1:] if "}" in part}


@pytest.mark.parametrize(("code", "live", "headline"), [("zh", "实时", "字段"), ("pt", "Ao vivo", "Campos")])
def test_f19_the_page_uses_the_readers_language(
    page: Page, hub: HubProcess, publish: Publish, code: str, live: str, headline: str
) -> None:
    english = json.loads((LANGUAGES / "en.json").read_text())
    words = json.loads((LANGUAGES / f"{code}.json").read_text())
    assert {key for key in english if not key.endswith("_one")} == {key for key in words if not key.endswith("_one")}
    assert [key for key in words if key in english and placeholders(words[key]) != placeholders(english[key])] == []
    page.add_init_script(f"localStorage.setItem('sse-hub.lang', '{code}')")
    open_page(page, hub, f"f19.{code}")
    publish(f"f19.{code}", ['{"message": "Visit 新增 id 8348", "user": "u7"}'])

    expect(page.get_by_test_id("pause")).to_have_text(live)
    expect(page.get_by_test_id("facets").locator("h2")).to_have_text(headline)
    assert page.locator("html").get_attribute("lang") == code
    expect(page.locator("[data-testid=row] .message")).to_have_text("Visit 新增 id 8348")


def test_f15_rules_tokens_and_terminal_colours_are_highlighted_safely(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_page(page, hub, "f15")
    publish("f15", [*mixed(), '{"message": "see https://example.org/a?b=1 and javascript:alert(1)"}'])
    wait_received(page, 10)
    row = page.get_by_test_id("row")
    link = row.last.locator("a")
    expect(link).to_have_attribute("href", "https://example.org/a?b=1")
    assert (link.get_attribute("rel"), link.count()) == ("noopener noreferrer", 1)
    assert row.first.locator(".message span").count() > 2
    red = row.nth(8).locator(".message span").last
    expect(red).to_have_text("red")
    assert "\x1b" not in row.nth(8).inner_text()
    publish("f15", ["\x1b[38;5;208mof 256\x1b[0m \x1b[38;2;1;2;3mof all\x1b[0m\x1b[2K\x1b]8;;http://x\x07 end"])
    for words, colour in (("of 256", "rgb(255, 135, 0)"), ("of all", "rgb(1, 2, 3)")):
        expect(row.nth(10).locator(".message span", has_text=words)).to_have_css("color", colour)
    expect(row.nth(10).locator(".message")).to_have_text("of 256 of all end")

    palette(page, "highlight rules")
    page.get_by_test_id("ask-text").fill("boom")
    page.get_by_test_id("ask-row").check()
    page.get_by_test_id("ask-go").click()
    expect(row.nth(7)).to_have_attribute("data-rule", "row")
    palette(page, "highlight rules")
    page.get_by_test_id("ask-text").fill("/10[.]0/")
    page.get_by_test_id("ask-go").click()
    expect(row.first.locator(".rule")).to_have_text("10.0")
    assert stats(page)["shown"] == 11
    page.reload()
    expect(row.nth(7)).to_have_attribute("data-rule", "row")
    row.nth(8).click()
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    expect(page.get_by_test_id("toast")).to_contain_text("clipboard")
    assert page.evaluate("navigator.clipboard.readText()").endswith("plain text red")


def test_f19_a_logger_in_chinese_has_room_for_its_name(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "f19.wide")
    publish("f19.wide", [json.dumps({"level": "info", "logger": "订单支付服务", "message": "新增"})])

    logger = page.get_by_test_id("row").locator(".logger")
    expect(logger).to_have_text("订单支付服务")
    assert logger.evaluate("(each) => each.scrollWidth <= each.clientWidth")


def test_f19_touch_targets_on_a_phone_are_44_px_high_and_wide(page: Page, hub: HubProcess, publish: Publish) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    open_page(page, hub, "f19.phone")
    publish("f19.phone", [json.dumps({"level": "info", "message": "short", "long": "x" * 100_000})])
    row = page.get_by_test_id("row").first
    expect(row).to_be_in_viewport()
    small = {"lines": page.evaluate(SMALL)}
    row.click()
    expect(page.get_by_test_id("tree")).to_be_visible()
    small["drawer"] = page.evaluate(SMALL)
    page.keyboard.press("Escape")
    for name in ("menu", "more", "views", "export", "statistics-open"):
        page.get_by_test_id(name).click()
        opened = page.locator(".rail[data-shown=true], :popover-open, dialog[open]")
        expect(opened).to_have_count(1)
        if name == "statistics-open":
            expect(page.get_by_test_id("stats-value").first).to_be_visible()
        small[name] = page.evaluate(SMALL)
        page.mouse.click(350, 400) if name == "menu" else page.keyboard.press("Escape")
        expect(opened).to_have_count(0)

    assert {name: found for name, found in small.items() if found} == {}


def test_f20_a_page_that_was_too_slow_shows_the_lines_it_missed_as_a_gap(page: Page, hub: HubProcess) -> None:
    gap = {"channel": "f20", "after": "1795233018000-2", "before": "1795233020000-0", "lost": 500, "reason": "slow"}
    page.route("**/message?*", stream_of(f"event: gap\ndata: {json.dumps(gap)}\n\n"))
    page.add_init_script("localStorage.setItem('sse-hub.zone', 'UTC')")
    page.goto(f"{hub.url}/index?channel=f20")

    expect(page.get_by_test_id("gap").get_by_test_id("dropped-row")).to_contain_text(
        "500 lines not delivered, 03:50:18–03:50:20 · this page was too slow"
    )
    expect(page.get_by_test_id("dropped")).to_have_text("500")
    numbers: dict[str, Any] = stats(page)
    assert (numbers["dropped"], numbers["gaps"]) == (500, 1)


def test_f20_the_pages_test_interface_is_read_only(page: Page, hub: HubProcess) -> None:
    open_page(page, hub, "read-only")

    page.evaluate("() => { window.sseHub = null; }")

    assert page.evaluate("() => window.sseHub.stats().state") == "live"


def test_f20_the_lag_shows_how_far_the_newest_line_is_behind_or_its_clock_ahead(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    open_page(page, hub, "f20.lag")
    expect(page.get_by_test_id("lag")).to_be_hidden()

    for seconds, words in ((-3, r"^3(\.\d+)? s$"), (8, r"^its clock is (7\.\d+|8(\.0)?) s ahead$")):
        at = int((time.time() + seconds) * 1_000)
        publish("f20.lag", [json.dumps({"level": "info", "time": at, "msg": "m", "pid": 1})])
        expect(page.get_by_test_id("lag")).to_have_text(re.compile(words))
    expect(page.get_by_test_id("held")).to_have_attribute("title", re.compile(r"\d MB"))


def test_f20_unseen_errors_are_counted_in_the_title(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "f20.title")
    expect(page).to_have_title("f20.title · sse-hub")
    page.evaluate(HIDE, True)
    publish("f20.title", [json.dumps({"level": level, "message": "m"}) for level in ("error", "info", "fatal")])
    wait_received(page, 3)

    expect(page).to_have_title("(2) f20.title · sse-hub")
    assert str(page.locator("link[rel=icon]").get_attribute("href")).startswith("data:image/svg+xml")
    page.evaluate(HIDE, False)

    expect(page).to_have_title("f20.title · sse-hub")
    expect(page.get_by_test_id("row")).to_have_count(3)


def test_f15_a_rule_counts_unseen_matches_in_the_title(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "f15.title")
    palette(page, "highlight rules")
    page.get_by_test_id("ask-text").fill("boom")
    page.get_by_test_id("ask-title").check()
    page.get_by_test_id("ask-go").click()
    page.evaluate(HIDE, True)
    publish("f15.title", [json.dumps({"message": text}) for text in ("boom", "quiet", "boom")])
    wait_received(page, 3)

    expect(page).to_have_title("(2) f15.title · sse-hub")
    page.evaluate(HIDE, False)
    expect(page).to_have_title("f15.title · sse-hub")


def test_f21_lines_of_numbers_are_drawn_as_a_chart(page: Page, hub: HubProcess, publish: Publish) -> None:
    open_page(page, hub, "f21")
    for n in range(20):
        publish("f21", [json.dumps({"cpu": 10 + n, "memory": 50.5, "load": 0.1 * n})])
    wait_received(page, 20)

    expect(page.get_by_test_id("plot")).to_be_visible()
    for name in ("cpu", "memory", "load"):
        expect(page.locator(".plot-legend")).to_contain_text(name)
    page.get_by_test_id("plot-toggle").click()
    expect(page.get_by_test_id("plot")).to_be_hidden()
