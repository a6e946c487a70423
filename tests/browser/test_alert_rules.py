"""
Rules for alerts on the page: made, tried, fired, seen at the line they are about, paused and deleted; with the mouse
alone, and with the keyboard alone.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from tests.support.accessibility import FINDINGS, SMALL, axe_source
from tests.support.browser_page import Publish, open_page, palette, wait_received
from tests.support.chromium import Console
from tests.support.http_client import fetch
from tests.support.programs import valkey_binary
from tests.support.servers import HubProcess, RedisServer, hub_process, redis_server
from tests.support.tokens import bearer, token_hub

pytestmark = pytest.mark.browser

FILE = """
[destinations.ops]
kind = "webhook"
url = "http://127.0.0.1:9/"
allow_private = true

[rules.of-the-file]
channels = ["elsewhere"]
text = "<img src=x onerror=alert(1)>"
"""
MAX_TABS = 60


@pytest.fixture(scope="module")
def alerting(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HubProcess, RedisServer]]:
    """A hub with a rule file, which alone evaluates the rules of its Redis."""
    path = tmp_path_factory.mktemp("rules") / "rules.toml"
    path.write_text(FILE)
    with redis_server(valkey_binary()) as server, hub_process(server.url, "--rules", str(path), root=installed) as hub:
        hub.wait_recording()
        yield hub, server


@pytest.fixture
def hub(alerting: tuple[HubProcess, RedisServer]) -> HubProcess:
    return alerting[0]


@pytest.fixture
def publish(alerting: tuple[HubProcess, RedisServer]) -> Iterator[Publish]:
    with alerting[1].publisher() as client:

        def send(channel: str, lines: Iterable[str]) -> None:
            for line in lines:
                client.publish(channel, line)

        yield send


def declined(user: str, amount: int) -> str:
    return json.dumps({"event": "declined", "message": "card declined", "user": user, "amount": amount})


def put_rule(hub: HubProcess, id: str, rule: dict[str, Any], headers: dict[str, str]) -> Any:
    answer = fetch(hub, f"/rules/{id}", json.dumps(rule).encode(), headers, "PUT")
    assert answer.status in (200, 201), answer.body
    return answer.json


def tab_to(page: Page, testid: str) -> None:
    """Press Tab until the focus is there, as a reader does who has no mouse."""
    for _ in range(MAX_TABS):
        if page.evaluate("document.activeElement.dataset.testid") == testid:
            return
        page.keyboard.press("Tab")
    pytest.fail(f"Tab does not lead to {testid}")


def make_with_mouse(page: Page) -> None:
    """A rule of the present filter, which is wrong at first, and tried before it is saved."""
    page.get_by_test_id("alerts-open").click()
    page.get_by_test_id("rule-these").click()
    expect(page.get_by_test_id("rule-id")).to_have_value("shop-mouse-event-declined")
    expect(page.get_by_test_id("rule-channels")).to_have_value("shop.mouse")
    expect(page.get_by_test_id("rule-filter")).to_have_value("event=declined")
    page.get_by_test_id("rule-text").fill("{user!r}: {amount} <b>")
    page.get_by_test_id("rule-pause").fill("0s")
    page.get_by_test_id("rule-to-ops").check()
    # What the hub finds wrong stands at its field.
    page.get_by_test_id("rule-save").click()
    expect(page.get_by_test_id("rule-fault-text")).to_contain_text("only the name of a field")
    expect(page.get_by_test_id("rule-text")).to_be_focused()
    page.get_by_test_id("rule-text").fill("{user}: {amount} <b>")
    page.get_by_test_id("rule-test").click()
    expect(page.get_by_test_id("trial-words")).to_contain_text("It would have made 2 alerts of 3 lines")
    expect(page.get_by_test_id("trial-alerts").locator(".listing-text")).to_have_text(["u1: 5 <b>", "u2: 7 <b>"])
    page.get_by_test_id("rule-save").click()


def test_a_rule_is_made_tried_seen_at_its_line_and_deleted_with_the_mouse(
    page: Page, hub: HubProcess, publish: Publish, console: Console
) -> None:
    console.allowed.add("status of 400")
    open_page(page, hub, "shop.mouse")
    publish("shop.mouse", ['{"message": "fine"}', declined("u1", 5), declined("u2", 7)])
    wait_received(page, 3)
    page.get_by_test_id("filter").fill("event=declined")

    make_with_mouse(page)

    rule = page.get_by_test_id("rule").filter(has_text="shop-mouse")
    expect(rule).to_contain_text("shop.mouse · event=declined · each line · to ops")
    page.get_by_role("button", name="Close", exact=True).click()
    publish("shop.mouse", [declined("u3", 9)])
    mark = page.get_by_test_id("row").last.get_by_test_id("alert-mark")
    expect(mark).to_have_text("▲ alert: u3: 9 <b>")
    # From the line to its alert, and back.
    mark.click()
    page.get_by_test_id("drawer-alert").click()
    current = page.locator(".row[aria-current=true]")
    expect(current).to_have_attribute("data-ch", "sse-hub.alerts")
    current.click()
    expect(page.get_by_test_id("drawer-alert")).to_have_text("The line of this alert, on shop.mouse")
    page.get_by_test_id("drawer-alert").click()
    expect(page.locator(".row[aria-current=true] .alert-mark")).to_contain_text("u3: 9")

    page.get_by_test_id("alerts-open").click()
    expect(rule.get_by_test_id("rule-state")).to_contain_text("1 alert")
    rule.get_by_test_id("rule-pause").click()
    expect(page.get_by_test_id("rules-words")).to_contain_text("is paused")
    expect(rule.locator(".rule-badge")).to_have_text("paused")
    rule.get_by_test_id("rule-remove").click()
    rule.get_by_test_id("rule-removeNow").click()
    expect(rule).to_have_count(0)
    # After a reload, the mark is there again.
    page.goto(f"{hub.url}/index?channel=shop.mouse")
    expect(page.get_by_test_id("alert-mark")).to_have_count(1)


def make_with_keys(page: Page) -> None:
    """A rule that fires at two lines, tried before it is saved."""
    keys = page.keyboard
    page.get_by_test_id("grid").focus()
    keys.press("Shift+A")
    expect(page.get_by_test_id("rule-new")).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_test_id("rule-id")).to_be_focused()
    keys.type("by-keys")
    tab_to(page, "rule-channels")
    keys.type("shop.keys")
    tab_to(page, "rule-when")
    keys.press("ArrowDown")
    expect(page.get_by_test_id("rule-when")).to_have_value("count")
    tab_to(page, "rule-count")
    keys.type("2")
    tab_to(page, "rule-text")
    keys.type("{count} lines")
    tab_to(page, "rule-to-ops")
    keys.press("Space")
    tab_to(page, "rule-test")
    keys.press("Enter")
    expect(page.get_by_test_id("trial-words")).to_contain_text("It would have made 0 alerts of 0 lines")
    tab_to(page, "rule-save")
    keys.press("Enter")
    expect(page.get_by_test_id("rules-words")).to_contain_text("The rule by-keys is saved.")


def change_after_somebody_else(page: Page, hub: HubProcess) -> None:
    """Somebody else changes the rule meanwhile: what is typed stays, and saving again replaces it."""
    tab_to(page, "rule-edit")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("rule-channels")).to_be_focused()
    rule = next(each for each in fetch(hub, "/rules").json["rules"] if each["id"] == "by-keys")
    put_rule(hub, "by-keys", {"channels": ["shop.keys"], "when": "new"}, {"If-Match": rule["version"]})
    page.keyboard.press("End")
    page.keyboard.type(" shop.more")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("rule-fault")).to_contain_text("Somebody else has changed this rule")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("rule").first).to_contain_text("shop.keys shop.more · 2 lines within 5m")


def test_a_rule_is_made_fired_changed_and_deleted_with_the_keyboard(
    page: Page, hub: HubProcess, publish: Publish, console: Console
) -> None:
    console.allowed.add("status of 409")
    keys, words = page.keyboard, page.get_by_test_id("rules-words")
    open_page(page, hub, "shop.keys")
    make_with_keys(page)
    expect(page.locator("[data-rule=by-keys][data-act=edit]")).to_be_focused()
    keys.press("Escape")
    expect(page.get_by_test_id("rules-dialog")).to_be_hidden()
    publish("shop.keys", ['{"message": "one"}', '{"message": "two"}'])
    expect(page.get_by_test_id("row").last.get_by_test_id("alert-mark")).to_contain_text("2 lines")

    palette(page, "rules for alerts")
    change_after_somebody_else(page, hub)
    tab_to(page, "rule-pause")
    keys.press("Enter")
    expect(words).to_contain_text("The rule by-keys is paused.")
    tab_to(page, "rule-remove")
    keys.press("Enter")
    expect(page.locator("[data-rule=by-keys][data-act=keep]")).to_be_focused()
    keys.press("Tab")
    keys.press("Enter")
    expect(words).to_contain_text("The rule by-keys is deleted.")
    # Those of the file are there to be read: their text is text.
    tab_to(page, "rule-edit")
    keys.press("Enter")
    expect(page.get_by_test_id("rule-text")).to_have_value("<img src=x onerror=alert(1)>")
    expect(page.get_by_test_id("rule-text")).not_to_be_editable()
    expect(page.get_by_test_id("rule-save")).to_have_count(0)
    keys.press("Escape")
    expect(page.get_by_test_id("rule")).to_have_count(1)


def test_axe_finds_nothing_in_the_rules_and_fingers_find_everything(
    page: Page, hub: HubProcess, publish: Publish
) -> None:
    put_rule(hub, "for-axe", {"channels": ["shop.axe"], "pause": "0s", "to": ["ops"]}, {"If-None-Match": "*"})
    open_page(page, hub, "shop.axe")
    publish("shop.axe", ['{"message": "one"}'])
    expect(page.get_by_test_id("alert-mark")).to_have_count(1)
    page.evaluate(axe_source())
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 740})
        for scheme in schemes:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            assert page.evaluate(FINDINGS) == [], f"a mark, {scheme}, {width}"
            palette(page, "rules for alerts")
            expect(page.get_by_test_id("rule")).to_have_count(2)
            assert page.evaluate(FINDINGS) == [], f"the list, {scheme}, {width}"
            page.get_by_test_id("rule-edit").first.click()
            page.get_by_test_id("rule-test").click()
            expect(page.get_by_test_id("trial-words")).to_contain_text("It would have made")
            assert page.evaluate(FINDINGS) == [], f"the form, {scheme}, {width}"
            assert width > 360 or page.evaluate(SMALL) == []
            page.keyboard.press("Escape")
            expect(page.get_by_test_id("rule")).to_have_count(2)
            page.keyboard.press("Escape")
            expect(page.get_by_test_id("rules-dialog")).to_be_hidden()


def test_who_may_not_operate_the_hub_reads_the_rules(page: Page, redis: RedisServer, tmp_path: Path) -> None:
    with token_hub(redis.url, tmp_path) as hub:
        rule = {"channels": ["mine.a"], "text": "{message}"}
        operator = bearer(subscribe=["*"], publish=["*"], operate=True)
        made = put_rule(hub, "read-only", rule, operator | {"If-None-Match": "*"})
        page.set_extra_http_headers(bearer(subscribe=["mine.*"]))
        open_page(page, hub, "mine.a")

        page.get_by_test_id("alerts-open").click()
        expect(page.get_by_test_id("rule")).to_contain_text("mine.a · each line")
        assert page.get_by_test_id("rules-dialog").get_by_role("button").all_inner_texts() == ["", "Show"]
        page.get_by_test_id("rule-edit").click()
        expect(page.get_by_test_id("rules-dialog")).to_contain_text("Only those who may operate the hub")
        expect(page.get_by_test_id("rule-channels")).not_to_be_editable()
        expect(page.get_by_role("button", name=re.compile("Save|Test"))).to_have_count(0)
        fetch(hub, "/rules/read-only", None, operator | {"If-Match": made["version"]}, "DELETE")
