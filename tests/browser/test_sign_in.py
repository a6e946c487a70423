"""The page at a hub that wants to know who reads: a token signs in, by a cookie that no script sees."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser_page import Publish
from tests.support.chromium import Console
from tests.support.servers import HubProcess, RedisServer
from tests.support.settings import PATIENCE
from tests.support.tokens import token, token_hub


@pytest.fixture(scope="module")
def guarded(redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    with token_hub(redis.url, tmp_path_factory.mktemp("keys")) as hub:
        yield hub


def sign_in(page: Page, text: str) -> None:
    page.get_by_test_id("token").fill(text)
    page.get_by_test_id("sign-in-button").click()


def test_a_reader_signs_in_sees_permitted_channels_and_signs_out(
    page: Page, guarded: HubProcess, publish: Publish, console: Console
) -> None:
    console.allowed |= {"status of 401", "status of 403"}
    publish("mine.a", ['{"message": "for my eyes"}'])
    publish("theirs.b", ['{"message": "not for mine"}'])
    page.goto(f"{guarded.url}/index?channel=mine.a")

    sign_in(page, "nonsense")
    expect(page.get_by_test_id("sign-in")).to_contain_text("The token is not valid here.")
    sign_in(page, token(subscribe=["mine.*"]))

    expect(page.get_by_test_id("signed-in")).to_contain_text("alice sees mine.*")
    expect(page.get_by_test_id("rail")).to_contain_text("mine.a")
    expect(page.get_by_test_id("rail")).not_to_contain_text("theirs.b")
    publish("mine.a", ['{"message": "here it is"}'])
    expect(page.get_by_test_id("grid")).to_contain_text("here it is")
    assert page.evaluate("document.cookie") == ""
    # Without a channel in the address, the page opens what its reader may see.
    page.goto(f"{guarded.url}/index")
    expect(page.get_by_test_id("open")).to_have_text("mine.*")
    expect(page.locator(".app")).to_have_attribute("data-state", "live")
    page.get_by_role("button", name=re.compile("Sign out")).click()
    expect(page.get_by_test_id("sign-in")).to_be_visible()


def test_f20_a_forbidden_channel_is_refused_in_plain_words_and_requested_once(
    page: Page, guarded: HubProcess, publish: Publish, console: Console
) -> None:
    console.allowed |= {"status of 401", "status of 403"}
    publish("theirs.b", ['{"message": "not for mine"}'])
    page.goto(f"{guarded.url}/index?channel=mine.a")
    sign_in(page, token(subscribe=["mine.*"]))
    expect(page.get_by_test_id("signed-in")).to_be_visible()
    page.clock.install()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/message?" in request.url else None)

    page.goto(f"{guarded.url}/index?channel=theirs.b")

    expect(page.locator(".app")).to_have_attribute("data-state", "error")
    expect(page.get_by_test_id("state")).to_have_text("not connected")
    expect(page.get_by_test_id("state-detail")).to_contain_text("theirs.b")
    expect(page.get_by_test_id("empty")).to_contain_text("You have no access to theirs.b")
    expect(page.get_by_test_id("empty")).to_contain_text("You may see mine.*.")
    expect(page.get_by_test_id("test-line")).to_be_hidden()
    expect(page.get_by_test_id("row")).to_have_count(0)
    # The stream, and the question why there is none, whose answer is waited for half as long as this.
    with page.expect_response("**/channels"):
        page.clock.run_for(60_000)
    assert len(asked) == 2
    page.get_by_test_id("open-allowed").click()
    expect(page.locator(".app")).to_have_attribute("data-state", "live")
    expect(page.get_by_test_id("open")).to_have_text("mine.*")


def test_when_a_sign_in_expires_the_page_asks_for_another(page: Page, guarded: HubProcess, console: Console) -> None:
    console.allowed |= {"status of 401"}
    page.goto(f"{guarded.url}/index?channel=mine.a")
    sign_in(page, token(4 * PATIENCE, subscribe=["mine.*"]))
    expect(page.get_by_test_id("signed-in")).to_be_visible()

    expect(page.get_by_test_id("sign-in")).to_contain_text("Your sign-in has ended.")


def test_without_access_control_no_sign_in_is_shown(page: Page, hub: HubProcess) -> None:
    page.goto(f"{hub.url}/index")
    expect(page.get_by_test_id("rail")).to_be_visible()

    expect(page.get_by_test_id("sign-in")).to_have_count(0)
    expect(page.get_by_test_id("signed-in")).to_have_count(0)


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"])
@pytest.mark.parametrize("policy", ["unsafe-url", "no-referrer"])
def test_a_form_on_another_site_cannot_publish(
    page: Page, hub: HubProcess, console: Console, kind: str, policy: str
) -> None:
    """Whatever it keeps to itself of where it is, the browser says that it comes from elsewhere."""
    console.allowed |= {"status of 403"}
    action = f"{hub.url}/publish?channel=log"
    form = (
        f'<form method="post" enctype="{kind}" action="{action}"><input name="a" value="b"><button>Go</button></form>'
    )
    head = f'<!doctype html><meta name="referrer" content="{policy}"><link rel="icon" href="data:,">'
    page.route("http://evil.example/", lambda route: route.fulfill(body=head + form, content_type="text/html"))
    page.goto("http://evil.example/")

    with page.expect_response(action) as answer:
        page.get_by_role("button").click()

    assert answer.value.status == 403
    assert "origin" in answer.value.request.all_headers()
