"""A hub inside another Sanic app: below a prefix, behind the app's own doors, gone with the app."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.support.embedding_app import PREFIX, STAFF, embedding_app
from tests.support.servers import redis_server
from tests.support.settings import STOP_SECONDS


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def ask(
    url: str, headers: dict[str, str] | None = None, body: bytes | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers (lower case) and body of the answer."""
    request = urllib.request.Request(url, body, headers or {})
    try:
        with urllib.request.build_opener(NoRedirects).open(request, timeout=10) as answer:
            return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, {name.lower(): value for name, value in error.headers.items()}, error.read()


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    with redis_server() as server, embedding_app(server) as (url, _):
        yield url


PATHS = ["", "/", "/index", "/web/js/page.js", "/message", "/channels", "/export", "/history", "/metrics", "/docs"]


@pytest.mark.parametrize("path", [*PATHS, "/whoami", "/patterns", "/search"])
def test_whom_the_app_refuses_the_hub_tells_nothing(hub: str, path: str) -> None:
    status, _, body = ask(hub + path)

    assert (status, json.loads(body)["detail"]) == (401, "Log in first.")


def test_a_stranger_publishes_nothing(hub: str) -> None:
    status, _, _ = ask(f"{hub}/publish?channel=secret", body=b'{"n": 1}')

    assert status == 401
    assert json.loads(ask(f"{hub}/history?channel=secret", STAFF)[2])["lines"] == []


def test_a_route_answers_at_its_very_path(hub: str) -> None:
    assert ask(f"{hub}/metrics", STAFF)[0] == 200
    assert ask(f"{hub}/metrics/", STAFF)[0] == 404


@pytest.mark.parametrize("path", ["", "/"])
def test_the_page_is_below_the_prefix(hub: str, path: str) -> None:
    status, headers, _ = ask(hub + path, STAFF)

    assert (status, headers["location"]) == (302, f"{PREFIX}/index")
    module = re.search(rb'src="?(web/[^" >]*js/page\.js)', ask(f"{hub}/index", STAFF)[2])
    assert module
    assert ask(f"{hub}/{module[1].decode()}", STAFF)[0] == 200


def test_what_is_published_is_streamed_and_recorded(hub: str) -> None:
    request = urllib.request.Request(f"{hub}/message?channel=shop", headers=STAFF)
    with urllib.request.urlopen(request, timeout=10) as stream:
        assert stream.readline() == b"retry: 2000\n"
        published = json.loads(ask(f"{hub}/publish?channel=shop", STAFF, b'{"n": 1}')[2])
        lines = iter(stream.readline, b"")
        assert next(line for line in lines if line.startswith(b"data:")) == b'data: {"n": 1}\n'

    page = json.loads(ask(f"{hub}/history?channel=shop", STAFF)[2])
    assert page["lines"] == [[published["last_id"], "shop", '{"n": 1}']]


def test_errors_of_the_hub_are_its_own_and_those_of_the_app_the_app_s(hub: str) -> None:
    status, headers, body = ask(f"{hub}/message?channel=two%20words", STAFF)
    assert (status, json.loads(body)["error"]) == (400, "Bad Request")
    assert headers["x-shop"] == "1"

    origin = hub.removesuffix(PREFIX)
    assert ask(f"{origin}/nothing")[::2] == (404, b"no such thing in the shop")
    status, headers, body = ask(f"{origin}/")
    assert (status, body) == (200, b"the shop")
    # What `sse-hub serve` adds to every answer is none of a mounted hub's business.
    assert not {"content-security-policy", "x-frame-options", "vary"} & set(headers)


def test_an_app_that_stops_tells_its_streams_where_to_go_on() -> None:
    with redis_server() as server, embedding_app(server) as (url, process):
        request = urllib.request.Request(f"{url}/message?channel=shop", headers=STAFF)
        with urllib.request.urlopen(request, timeout=10) as stream:
            assert stream.readline() == b"retry: 2000\n"
            process.terminate()
            rest = stream.read().decode().strip().split("\n")

        assert process.wait(STOP_SECONDS) == 0
        assert rest[-1].startswith("retry: ")
        assert any(line.startswith("id: ") for line in rest)
