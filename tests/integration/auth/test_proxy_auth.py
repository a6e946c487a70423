"""`--access proxy`: only the proxy's own headers count. Also: the security headers of a hub without access control."""

import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.support.http_client import fetch
from tests.support.servers import HubProcess, RedisServer, free_port, hub_process
from tests.support.settings import DEADLINE_SECONDS, ROOT

PROXY, STRANGER = "127.0.0.2", "127.0.0.3"
RULES = """
[groups.ops]
subscribe = ["*"]
publish = ["*"]
[users.alice]
subscribe = ["shop.*"]
"""


@pytest.fixture(scope="module")
def behind(module_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    rules = tmp_path_factory.mktemp("rules") / "rules.toml"
    rules.write_text(RULES)
    options = ("--access", "proxy", "--proxy-peers", PROXY, "--proxy-rules", str(rules))
    with hub_process(module_server.url, *options) as hub:
        yield hub


def status(hub: HubProcess, path: str, peer: str, *headers: tuple[str, str], method: str = "GET") -> int:
    """The response status for a client at `peer`. A header may be repeated, in any case."""
    connection = HTTPConnection("127.0.0.1", hub.port, timeout=DEADLINE_SECONDS, source_address=(peer, 0))
    try:
        connection.putrequest(method, path)
        for name, value in headers:
            connection.putheader(name, value)
        connection.putheader("Content-Length", "0")
        connection.endheaders()
        return connection.getresponse().status
    finally:
        connection.close()


ALICE, OPS = ("Remote-User", "alice"), ("Remote-Groups", "dev,ops")
HISTORY = "/history?channel=shop.api"


@pytest.mark.parametrize(
    ("peer", "headers", "path", "expected"),
    [
        (PROXY, [ALICE], HISTORY, 200),
        (PROXY, [ALICE], "/history?channel=log", 403),
        (PROXY, [ALICE, OPS], "/history?channel=log", 200),
        (PROXY, [("Remote-User", "bob")], HISTORY, 403),
        (PROXY, [], HISTORY, 401),
        (PROXY, [OPS], HISTORY, 401),
        (PROXY, [("Remote-User", "")], HISTORY, 401),
        (PROXY, [ALICE, ("remote-user", "root")], HISTORY, 401),
        (PROXY, [ALICE, OPS, OPS], HISTORY, 401),
        (PROXY, [("Remote_User", "alice")], HISTORY, 401),
        (STRANGER, [ALICE, OPS], HISTORY, 401),
        (STRANGER, [ALICE, ("X-Forwarded-For", PROXY)], HISTORY, 401),
        (STRANGER, [ALICE, ("Forwarded", f"for={PROXY}"), ("X-Real-IP", PROXY)], HISTORY, 401),
        (PROXY, [ALICE, ("Sec-Fetch-Site", "cross-site")], HISTORY, 403),
        (PROXY, [ALICE, ("Origin", "https://evil.example")], HISTORY, 403),
        (STRANGER, [], "/health/live", 200),
    ],
)
def test_user_headers_count_only_when_sent_by_the_trusted_proxy(
    behind: HubProcess, peer: str, headers: list[tuple[str, str]], path: str, expected: int
) -> None:
    assert status(behind, path, peer, *headers) == expected


def test_ticket_and_login_are_refused_behind_an_authenticating_proxy(behind: HubProcess) -> None:
    for path in ("/ticket", "/login", "/logout"):
        assert status(behind, path, PROXY, ALICE, OPS, method="POST") == 400


def test_a_hub_reachable_from_outside_does_not_start_without_an_access_setting(module_server: RedisServer) -> None:
    port = free_port()
    command = [sys.executable, "run.py", "--redis-url", module_server.url, "--port", str(port), "--host", "0.0.0.0"]

    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False)

    assert said.returncode == 1
    assert "--access none for everybody" in said.stderr
    with hub_process(module_server.url, "--host", "0.0.0.0", "--access", "none") as hub:
        assert fetch(hub, "/channels").status == 200


def test_every_worker_checks_the_proxy_headers(module_server: RedisServer, tmp_path: Path) -> None:
    with hub_process(module_server.url, "--workers", "2", "--access", "proxy", "--proxy-peers", PROXY) as hub:
        for _ in range(4):
            assert status(hub, HISTORY, PROXY, ALICE) == 200
            assert status(hub, HISTORY, STRANGER, ALICE) == 401


ROUTES: list[tuple[str, bytes | None]] = [
    *((path, None) for path in ("/index", "/channels", "/history", "/export", "/health/live", "/health/ready")),
    *((path, None) for path in ("/whoami", "/nothing", "/message?channel=a%20b", "/web/js/page.js")),
    ("/publish", b"nonsense"),
    ("/login", b""),
]


@pytest.mark.parametrize(("path", "body"), ROUTES)
def test_every_response_has_the_security_headers(hub: HubProcess, path: str, body: bytes | None) -> None:
    headers: Any = fetch(hub, path, body).headers
    policy = headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] in ("no-referrer", "same-origin")
    assert headers.get_all("access-control-allow-origin") is None


def test_a_304_response_keeps_the_content_security_policy(hub: HubProcess) -> None:
    first = fetch(hub, "/index")

    again = fetch(hub, "/index", headers={"If-None-Match": first.headers["etag"]})

    assert (first.status, again.status) == (200, 304)
    assert "script-src 'self'" in again.headers["content-security-policy"]
    assert again.headers["content-security-policy"] == first.headers["content-security-policy"]


def test_a_stream_has_the_security_headers(hub: HubProcess) -> None:
    connection = HTTPConnection("127.0.0.1", hub.port, timeout=DEADLINE_SECONDS)
    connection.request("GET", "/message")
    response = connection.getresponse()
    connection.close()

    assert response.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in response.headers["content-security-policy"]


def test_without_access_control_other_sites_still_cannot_publish(hub: HubProcess) -> None:
    told = [("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-site")]
    for headers in [{name: value} for name, value in told]:
        assert fetch(hub, "/publish?channel=log", b"{}", headers).status == 403


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"])
def test_form_content_types_are_judged_by_origin_and_not_refused_as_such(hub: HubProcess, kind: str) -> None:
    """curl sends the first of these types by default."""
    for origin in ("https://evil.example", "null"):
        assert fetch(hub, "/publish?channel=log", b"{}", {"Content-Type": kind, "Origin": origin}).status == 403
    hub.wait_recording()
    assert fetch(hub, "/publish?channel=log", b"{}", {"Content-Type": kind}).status == 200


def test_without_access_control_everybody_has_all_rights_and_no_subject(hub: HubProcess) -> None:
    told = fetch(hub, "/whoami", headers={"Authorization": "Bearer x.y.z"}).json

    assert told == {"subject": None, "subscribe": ["*"], "publish": ["*"], "operate": True, "expires": None}
    assert fetch(hub, "/login", b'{"token": "x"}').status == 400
