"""Redis is frozen with its connections open: hubs notice, keep their clients, and lose no line when it thaws."""

import asyncio
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from sse_hub.tasks import cancel_and_wait
from tests.support.certificates import make_certificates
from tests.support.http_client import fetch
from tests.support.load import publishing, redis_order, verdict, wait_published
from tests.support.recording_hubs import EVERY_LINE, follow, recorded, recorded_seqs, recording_hubs
from tests.support.servers import (
    HUB_PASSWORD,
    HUB_USER,
    HubProcess,
    RedisServer,
    end,
    free_port,
    hub_process,
    redis_server,
)
from tests.support.settings import PATIENCE, at_scale
from tests.support.sse_client import Stream, open_stream
from tests.support.waiting import wait_until

LINES_PER_SECOND = at_scale(2_000, 5_000)
FROZEN_SECONDS = at_scale(4, 12)
# Without streams, and with the time that is left to record the last lines.
STOP_SECONDS = 2.5 * PATIENCE
OPTIONS = (*EVERY_LINE, "--heartbeat-seconds", "1")


async def read_on(stream: Stream) -> None:
    """Read `stream` until it ends or the task is cancelled, so that its heartbeats are counted as they arrive."""
    while not stream.ended:
        await stream.read()


def freeze(server: RedisServer, hubs: list[HubProcess], idle: Stream) -> tuple[float, int]:
    """Freeze it for some seconds. Returns how long it took until no hub was ready, and the number of heartbeats."""
    started, before = time.monotonic(), len(idle.decoder.comments)
    server.freeze()
    wait_until(lambda: not any(hub.ready() for hub in hubs), "neither is ready")
    noticed = time.monotonic() - started
    time.sleep(max(0.0, FROZEN_SECONDS - noticed))
    assert not any(hub.ready() for hub in hubs)
    assert all(hub.status("/health/live") == 200 for hub in hubs)
    heartbeats = len(idle.decoder.comments) - before
    server.thaw()
    for hub in hubs:
        hub.wait_ready()
        hub.wait_recording()
    return noticed, heartbeats


async def test_hubs_survive_a_frozen_redis_and_lose_no_line() -> None:
    """Neither for clients that join while it is frozen, nor for publishers that wait for it."""
    with recording_hubs(options=OPTIONS) as (server, hubs, _), redis_order(server, "a") as published:
        urls = [hub.url for hub in hubs]
        begun = [asyncio.Event() for _ in hubs]
        readers = [
            asyncio.create_task(follow([url], "channel=a", event)) for url, event in zip(urls, begun, strict=True)
        ]
        await asyncio.gather(*(event.wait() for event in begun))
        async with open_stream(f"{hubs[0].url}/message?channel=idle") as idle:
            beating = asyncio.create_task(read_on(idle))
            with publishing(server, "a", lines_per_second=LINES_PER_SECOND) as publisher:
                await asyncio.to_thread(wait_published, publisher, 1_000)
                wait_until(lambda: len(published) > 500, "a position")
                position = str(sorted(published)[0])
                freezing = asyncio.create_task(asyncio.to_thread(freeze, server, hubs, idle))
                newcomers = [asyncio.create_task(follow([url], "channel=a", asyncio.Event(), position)) for url in urls]
                noticed, heartbeats = await freezing
                await asyncio.to_thread(wait_published, publisher, 1_000)
            publisher.finish()
            told = [verdict(await reader) for reader in (*readers, *newcomers)]
            await cancel_and_wait((beating,))
            assert not idle.ended
        wait_until(lambda: len(published) == publisher.begun, "the reference is complete")
        last = max(published)
        await asyncio.to_thread(wait_until, lambda: last in recorded(server, "a"), "all is recorded")
        log = recorded_seqs(server, "a")

        assert noticed < 3.0 * PATIENCE
        assert heartbeats >= FROZEN_SECONDS / 2
        assert list(log.items()) == sorted(published.items())
        for each in told:
            assert each.gaps == []
            each.agree_with(published)
        assert all(each.lines[-1] == (last, publisher.begun) for each in told)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_hub_stops_in_time_while_redis_is_frozen(tls: bool, tmp_path: Path) -> None:
    """It waited for the server's goodbye over TLS, then ended with a traceback."""
    make_certificates(tmp_path)
    files = {"cert": "server.crt", "key": "server.key", "ca-cert": "ca.crt"}
    options = [word for name, file in files.items() for word in (f"--tls-{name}-file", str(tmp_path / file))]
    port = free_port()
    with redis_server(options=(*options, "--tls-port", str(port), "--tls-auth-clients", "no")) as server:
        ca = quote(str(tmp_path / "ca.crt"))
        over_tls = f"rediss://{HUB_USER}:{HUB_PASSWORD}@127.0.0.1:{port}/0?ssl_ca_certs={ca}"
        with hub_process(over_tls if tls else server.url) as hub:
            hub.wait_recording()
            # So each of its pools has a connection.
            assert fetch(hub, "/publish?channel=a", b'{"n": 1}').status == 200
            assert fetch(hub, "/history?channel=a&after=0-0").status == 200
            server.freeze()
            began = time.monotonic()
            end(hub)
            assert time.monotonic() - began < STOP_SECONDS

    assert hub.process.returncode == 0
