"""The page works where another app has mounted it, for those whom that app lets in."""

import re

from playwright.sync_api import BrowserContext, Page, expect

from tests.support.browser_page import Publish
from tests.support.embedding_app import PREFIX, embedding_app
from tests.support.servers import RedisServer


def test_the_embedded_page_works_below_a_prefix_and_with_the_apps_own_login(
    page: Page, context: BrowserContext, redis: RedisServer, publish: Publish
) -> None:
    with embedding_app(redis) as (url, _):
        context.add_cookies([{"name": "who", "value": "staff", "url": url.removesuffix(PREFIX)}])
        publish("mounted.old", ['{"level": "info", "message": "an old one"}'])

        page.goto(f"{url}/")
        expect(page).to_have_url(re.compile(re.escape(f"{url}/index")))
        page.goto(f"{url}/index?channel=mounted.new&channel=mounted.old")
        expect(page.get_by_test_id("state")).to_have_text("live")
        publish("mounted.new", ['{"level": "info", "message": "a new one"}'])

        expect(page.get_by_test_id("row")).to_have_text([re.compile("an old one"), re.compile("a new one")])
        expect(page.get_by_test_id("channel-mounted.new")).to_be_visible()

        # What is loaded later comes from below the prefix too.
        page.keyboard.press("?")
        expect(page.get_by_test_id("help")).to_contain_text("status>=500")
