"""A page that gets no stream, because there are too many, says why, and goes on when there is room."""

import urllib.request

from playwright.sync_api import Page, expect

from tests.support.browser_page import Publish
from tests.support.servers import RedisServer, hub_process
from tests.support.settings import DEADLINE_SECONDS


def test_a_page_refused_a_stream_says_why_and_continues_when_there_is_room(
    page: Page, redis: RedisServer, publish: Publish
) -> None:
    with hub_process(redis.url, "--streams-per-address", "1") as hub:
        with urllib.request.urlopen(f"{hub.url}/message?channel=refused", timeout=DEADLINE_SECONDS):
            page.goto(f"{hub.url}/index?channel=refused")

            expect(page.locator(".state-detail")).to_contain_text("127.0.0.1 has 1 streams open")
            expect(page.locator(".app")).to_have_attribute("data-state", "reconnecting")
        page.locator(".retry").click()
        expect(page.locator(".app")).to_have_attribute("data-state", "live")
        publish("refused", ['{"message": "there is room"}'])

        expect(page.locator("[data-testid=row] .message")).to_have_text(["there is room"])
