"""Rows of the security checklist that need a hub without access control. docs/security.md lists their tests."""

import asyncio
import json
import re
import socket
from urllib.parse import quote

import pytest

from tests.support.http_client import fetch, post
from tests.support.servers import HubProcess, RedisServer
from tests.support.settings import DEADLINE_SECONDS, PATIENCE
from tests.support.sse_client import open_stream

NAME = re.compile(r"[A-Za-z0-9._:/@+-]{1,128}")
# Names with special characters of globs, protocols, paths or Redis keys.
ODD_NAMES = ["?", "[a-z]", "a?c", "h[ae]llo", "\\*", "a\\", "a b", "a\r\nSUBSCRIBE x", "\0", "a\n", "ä", "a;b", "a%2Ab"]
SLOWEST_SCRIPT_MS = 5.0


async def test_s05_patterns_are_matched_by_the_hub_and_never_sent_to_redis(
    server: RedisServer, hub: HubProcess
) -> None:
    """The hub subscribes to its ingest pattern only; patterns of clients are matched in the hub."""
    with server.client() as client:
        before = int(client.pubsub_numpat())
        async with open_stream(f"{hub.url}/message?channel=zz*&channel=*.q*&channel=named.one"):
            after = int(client.pubsub_numpat())
            named = dict(client.pubsub_numsub("named.one", "zz*"))

    assert (before, after) == (1, 1)
    assert set(named.values()) == {0}


@pytest.mark.parametrize("name", ODD_NAMES, ids=ascii)
def test_s05_an_invalid_channel_name_is_refused_by_every_route(hub: HubProcess, name: str) -> None:
    assert not NAME.fullmatch(name)
    for path in ("/message", "/history", "/export", "/search?text=x&", "/stats", "/patterns", "/publish"):
        query = f"{path}{'' if '?' in path else '?'}channel={quote(name)}"
        answer = fetch(hub, query, b"{}" if path == "/publish" else None)
        assert (answer.status, "is not a channel name" in answer.json["detail"]) == (400, True)


def test_s21_scripts_take_little_time_in_redis(server: RedisServer, hub: HubProcess, channel: str) -> None:
    """As measured by Redis itself, with a body of 1,000 lines among the calls."""
    hub.wait_recording()
    with server.client() as client:
        client.config_resetstat()
        for _ in range(100):
            assert post(hub, channel, b'{"n": 1}').status == 200
        assert post(hub, channel, *(b'{"n": %d}' % n for n in range(1_000))).status == 200
        assert fetch(hub, f"/history?channel={channel}&limit=1000").status == 200
        spread = client.info("latencystats")["latency_percentiles_usec_evalsha"]
        calls = client.info("commandstats")["cmdstat_evalsha"]["calls"]

    assert calls > 100
    assert spread["p99"] / 1000 < SLOWEST_SCRIPT_MS * PATIENCE


@pytest.mark.parametrize(
    "path",
    [
        "/web/../sse_hub/http/app.py",
        "/web/..%2f..%2fetc/passwd",
        "/web/%2e%2e/%2e%2e/etc/passwd",
        "/web//etc/passwd",
        "/web/js/..%5c..%5cREADME.md",
        "/web/js/main.js%00.css",
        "/web/js/",
        "/web/js",
        "/web/",
        "/web",
        "/web/vendor/",
        "/index/../../etc/passwd",
        "/.git/config",
    ],
)
def test_s24_no_path_leads_outside_the_pages_files(hub: HubProcess, path: str) -> None:
    # Sent raw, as HTTP clients normalize such paths first.
    with socket.create_connection(("127.0.0.1", hub.port), DEADLINE_SECONDS) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n".encode())
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")

    assert head.split()[1] in (b"404", b"400"), head
    assert b"nosniff" in head
    assert json.loads(body)["error"]
    assert b"root:" not in body


async def test_s26_an_id_reveals_only_a_time_and_a_count_of_its_own_channel(
    server: RedisServer, hub: HubProcess, channel: str
) -> None:
    """A client's ids must not reveal what others publish meanwhile on channels it may not see."""
    async with open_stream(f"{hub.url}/message?channel={channel}") as stream:
        with server.client() as client, client.pipeline(transaction=True) as pipe:
            for _ in range(3):
                pipe.publish(channel, "{}")
                for _ in range(50):
                    pipe.publish(f"other-{channel}", "{}")
            await asyncio.to_thread(pipe.execute)
        ids = [event.id for event in await stream.take(3)]

    fences = {id.split("-")[0] for id in ids}
    assert [int(id.split("-")[1]) for id in ids] == [1, 2, 3]
    assert len(fences) == 1
    assert len(fences.pop()) == 13
