"""Routes besides the stream: errors as JSON, the directory, health, the address of the page."""

from typing import Any

import pytest

from sse_hub.http.routes.openapi import document
from tests.support.http_client import fetch
from tests.support.raw_http import request_head, send_raw
from tests.support.servers import HubProcess, RedisServer
from tests.support.sse_client import open_stream
from tests.support.waiting import wait_until

OPERATIONS = [(path, method) for path, item in document()["paths"].items() for method in item if path != "/"]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("channel=", "''"),
        ("channel=a%00", "'a\\x00'"),
        ("channel=a%0d%0aid:%201", "'a\\r\\nid: 1'"),
        ("channel=a%0A", "'a\\n'"),
        ("channel=%C3%A9", "'é'"),
        ("channel=%FF", "is not a channel name"),
        ("channel=a%20b", "'a b'"),
        ("channel=a%3F", "'a?'"),
        ("channel=[a]", "'[a]'"),
        ("channel=" + "x" * 129, "1 to 128 letters"),
        ("channel=" + "x" * 3000, "1 to 128 letters"),
        ("channel=sse-hub:fence", "is reserved"),
        ("channel=sse-hub:*", "is reserved"),
        ("channel=__keyspace@0__:x", "is reserved"),
        ("channel=__sentinel__:hello", "is reserved"),
        ("channel=__redis__:invalidate", "is reserved"),
        ("channel=log&channel=a%20b", "'a b'"),
        ("&".join(f"channel=c{number}" for number in range(33)), "33 channels were requested; 1 to 32 are allowed"),
        ("tail=-1", "tail='-1' must be an integer from 0 to 10000"),
        ("tail=10001", "from 0 to 10000"),
        ("tail=1.5", "from 0 to 10000"),
        ("tail=", "from 0 to 10000"),
        ("tail=%D9%A3", "from 0 to 10000"),
        ("tail=" + "9" * 3000, "from 0 to 10000"),
        ("batch=2", "batch='2' must be an integer from 0 to 1"),
        ("batch=yes", "from 0 to 1"),
        ("max_rate=-1", "max_rate='-1' must be an integer from 0 to 1000000"),
        ("guard=-1", "guard='-1' must be an integer from 0 to 1000000"),
        *(
            (f"heartbeat={text}", f"heartbeat={text!r} must be an integer from 5 to 60")
            for text in ("4", "61", "", "5.5", "1e1")
        ),
        ("since=", "since='' is not understood"),
        ("since=yesterday", "an ISO time"),
        ("since=-15x", "a time ago"),
        ("since=5-", "an event id"),
        ("since=2026-13-01", "an ISO time"),
    ],
)
def test_an_invalid_request_gets_a_json_error(hub: HubProcess, query: str, told: str) -> None:
    answer = fetch(hub, f"/message?{query}")

    assert answer.status == 400
    assert answer.json["error"] == "Bad Request"
    assert told in answer.json["detail"]
    assert len(answer.json["detail"]) < 400


def test_a_channel_name_of_10_kb_gets_a_json_error(hub: HubProcess) -> None:
    answer = fetch(hub, "/message?channel=" + "x" * 10_000)

    assert answer.status == 414
    assert answer.json["detail"]


def test_an_unknown_path_gets_404_in_json(hub: HubProcess) -> None:
    answer = fetch(hub, "/messages")

    assert answer.status == 404
    assert answer.json["error"] == "Not Found"


@pytest.mark.parametrize(("path", "home"), [("/nosuch", "./"), ("/a/b%3Cb%3E", "../"), ("/logs/x/", "../../")])
def test_a_person_at_an_unknown_path_gets_a_page_with_the_way_to_the_logs(
    hub: HubProcess, path: str, home: str
) -> None:
    """Its links are relative, as a proxy may serve the hub below a path, and what was asked for is text."""
    answer = fetch(hub, path, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    other = fetch(hub, path, headers={"Accept": "text/html"}, method="POST", body=b"")

    assert (answer.status, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert f'<a href="{home}index">'.encode() in answer.body
    assert b"<b>" not in answer.body
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert other.json["error"] == "Not Found"


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_a_route_answers_only_at_its_exact_path(hub: HubProcess, path: str, method: str) -> None:
    """A proxy that blocks `/metrics` may not block `/metrics/`."""
    for other in (f"{path}/", f"{path}//", f"/{path}", f"{path}%2f"):
        # 405 below /rules/, where anything may be the id of a rule, which is put and deleted.
        answers = {404, 405} if path.startswith("/rules/") else {404}
        assert fetch(hub, f"{other}?channel=x", b"" if method == "post" else None).status in answers


def test_a_wrong_method_gets_405_in_json(hub: HubProcess) -> None:
    answer = fetch(hub, "/message", b"")

    assert answer.status == 405
    assert answer.json["error"] == "Method Not Allowed"


async def test_the_root_redirects_with_a_relative_address(hub: HubProcess) -> None:
    """F10: below a path of a proxy, `/index` would be another page."""
    answer = await send_raw(hub, request_head("/"))

    assert (answer.status, "\r\nlocation: index\r\n" in answer.head.lower()) == (302, True)


def test_the_root_redirects_to_the_page(hub: HubProcess) -> None:
    answer = fetch(hub, "/")

    assert (answer.status, answer.url) == (200, hub.url + "/index")
    assert answer.headers["content-type"].startswith("text/html")
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.body.startswith(b"<!doctype html>")


async def test_the_directory_lists_every_channel(hub: HubProcess, server: RedisServer, channel: str) -> None:
    def entry() -> dict[str, Any]:
        entries: list[dict[str, Any]] = fetch(hub, "/channels").json["channels"]
        assert [each["name"] for each in entries] == sorted(each["name"] for each in entries)
        return next((each for each in entries if each["name"] == channel), {})

    with server.client() as client:
        client.publish(channel, "1")
        wait_until(lambda: entry().get("lines") == 1, "a channel nobody watches is told of")
        async with open_stream(f"{hub.url}/message?channel={channel}") as stream:
            client.publish(channel, "2")
            await stream.take(1)

            watched = entry()
            wait_until(lambda: entry()["lines_per_second"] > 0, "the rate is measured")
        wait_until(lambda: entry()["subscribers"] == 0, "the subscriber has left")

    assert (watched["lines"], watched["subscribers"]) == (2, 1)
    assert watched["last_line"].endswith("Z")


def test_a_working_hub_is_live_and_ready(hub: HubProcess) -> None:
    ready = fetch(hub, "/health/ready")

    assert fetch(hub, "/health/live").json == {"live": True}
    assert ready.status == 200
    assert ready.json["ready"] is True
    assert ready.json["fence_age_seconds"] < 3
