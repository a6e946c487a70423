"""A hub embedded in another Sanic app: below a prefix, behind the app's own access control, stopped with the app."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from urllib.parse import urljoin

import pytest

from tests.support.embedding_app import PREFIX, STAFF, embedding_app
from tests.support.servers import redis_server
from tests.support.settings import DEADLINE_SECONDS, STOP_SECONDS


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def ask(
    url: str, headers: dict[str, str] | None = None, body: bytes | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers (lower case) and body of the response."""
    request = urllib.request.Request(url, body, headers or {})
    try:
        with urllib.request.build_opener(NoRedirects).open(request, timeout=DEADLINE_SECONDS) as answer:
            return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, {name.lower(): value for name, value in error.headers.items()}, error.read()


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    with redis_server() as server, embedding_app(server) as (url, _):
        yield url


PATHS = ["", "/", "/index", "/web/js/page.js", "/message", "/channels", "/export", "/history", "/metrics", "/docs"]


@pytest.mark.parametrize("path", [*PATHS, "/whoami", "/patterns", "/search", "/stats"])
def test_a_client_refused_by_the_app_gets_nothing_from_the_hub(hub: str, path: str) -> None:
    status, _, body = ask(hub + path)

    assert (status, json.loads(body)["detail"]) == (401, "Log in first.")


def test_a_client_refused_by_the_app_cannot_publish(hub: str) -> None:
    status, _, _ = ask(f"{hub}/publish?channel=secret", body=b'{"n": 1}')

    assert status == 401
    assert json.loads(ask(f"{hub}/history?channel=secret", STAFF)[2])["lines"] == []


def test_an_embedded_route_answers_only_at_its_exact_path(hub: str) -> None:
    assert ask(f"{hub}/metrics", STAFF)[0] == 200
    assert ask(f"{hub}/metrics/", STAFF)[0] == 404


@pytest.mark.parametrize("path", ["", "/"])
def test_the_embedded_page_is_served_below_the_prefix(hub: str, path: str) -> None:
    status, headers, _ = ask(hub + path, STAFF)

    assert (status, urljoin(hub + path, headers["location"])) == (302, f"{hub}/index")
    module = re.search(rb'src="?(web/[^" >]*js/page\.js)', ask(f"{hub}/index", STAFF)[2])
    assert module
    assert ask(f"{hub}/{module[1].decode()}", STAFF)[0] == 200


def test_an_embedded_hub_streams_and_records_what_is_published(hub: str) -> None:
    request = urllib.request.Request(f"{hub}/message?channel=shop", headers=STAFF)
    with urllib.request.urlopen(request, timeout=DEADLINE_SECONDS) as stream:
        assert stream.readline().startswith(b"id: ")
        published = json.loads(ask(f"{hub}/publish?channel=shop", STAFF, b'{"n": 1}')[2])
        lines = iter(stream.readline, b"")
        data = (line for line in lines if line.startswith(b"data:"))
        assert [next(data), next(data)] == [b"data: {}\n", b'data: {"n": 1}\n']

    page = json.loads(ask(f"{hub}/history?channel=shop", STAFF)[2])
    assert [row[:3] for row in page["lines"]] == [[published["last_id"], "shop", '{"n": 1}']]


def test_errors_of_hub_and_app_keep_their_own_formats(hub: str) -> None:
    status, headers, body = ask(f"{hub}/message?channel=two%20words", STAFF)
    assert (status, json.loads(body)["error"]) == (400, "Bad Request")
    assert headers["x-shop"] == "1"

    origin = hub.removesuffix(PREFIX)
    assert ask(f"{origin}/nothing")[::2] == (404, b"no such thing in the shop")
    status, headers, body = ask(f"{origin}/")
    assert (status, body) == (200, b"the shop")
    # An embedded hub does not add the headers that `sse-hub serve` adds to every response.
    assert not {"content-security-policy", "x-frame-options", "vary"} & set(headers)


def test_a_stopping_app_ends_its_streams_at_a_known_position() -> None:
    with redis_server() as server, embedding_app(server) as (url, process):
        request = urllib.request.Request(f"{url}/message?channel=shop", headers=STAFF)
        with urllib.request.urlopen(request, timeout=DEADLINE_SECONDS) as stream:
            assert stream.readline().startswith(b"id: ")
            process.terminate()
            rest = stream.read().decode().strip().split("\n")

        assert process.wait(STOP_SECONDS) == 0
        assert [line.partition(": ")[0] for line in rest[-4:]] == ["id", "retry", "event", "data"]
