"""No client can overload the hub: requests over a limit are refused at once, cheaply, with a reason, and counted."""

import asyncio
import gzip
import logging
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import psutil
import pytest

from sse_hub.commands.canary.lines import CanaryLines
from sse_hub.commands.canary.published import PublishedLines
from sse_hub.commands.canary.reader import CanaryReader
from sse_hub.commands.canary.verifier import StreamVerifier
from sse_hub.commands.watch.follower import StreamFollower
from sse_hub.tasks import cancel_and_wait
from tests.support.http_client import fetch
from tests.support.raw_http import LOCALHOST, RawResponse, open_streams, raw_connection, request_head, send_raw
from tests.support.servers import HubProcess, RedisServer, hub_process
from tests.support.settings import DEADLINE_SECONDS, PATIENCE, at_scale
from tests.support.sse_client import open_stream
from tests.support.tokens import token, token_hub
from tests.support.waiting import wait_until
from tests.support.workers import worker_hub, workers_of

logger = logging.getLogger(__name__)

STREAMS = 20
HEADER_SECONDS = 2
BODY_SECONDS = 2
STALL_SECONDS = 5
PROXY, STRANGER = "127.0.0.9", "127.0.0.8"
REJECTED = at_scale(300, 10_000)
CPU_EACH_SECONDS = 0.001 * PATIENCE
# Commands in Redis: the recorder's heartbeat, one fence per second, this test's own commands.
CALLS_PER_SECOND = 60
SETTINGS = {
    "--streams-per-address": STREAMS,
    "--header-seconds": HEADER_SECONDS,
    "--body-seconds": BODY_SECONDS,
    "--body-bytes": 100_000,
    "--stall-seconds": STALL_SECONDS,
    "--heartbeat-seconds": 1,
    "--publish-lines-per-second": 50,
    "--proxy-peers": PROXY,
}


@pytest.fixture(scope="module")
def strict_hub(server: RedisServer) -> Iterator[HubProcess]:
    """A hub with small limits, which apply to loopback addresses too."""
    with hub_process(server.url, *(str(each) for pair in SETTINGS.items() for each in pair)) as hub:
        hub.wait_recording()
        yield hub


def is_refused_stream(reply: RawResponse, reason: str) -> bool:
    """True for a response after which an EventSource reconnects, with the reason in an event."""
    events, decoder = reply.stream()
    assert reply.status == 200 and "text/event-stream" in reply.head
    assert decoder.retry_ms is not None and 5_000 <= decoder.retry_ms <= 15_000
    return [event.json["reason"] for event in events if event.type == "refused"] == [reason]


# S13: request limits.


@pytest.mark.parametrize(
    ("head", "status", "words"),
    [
        (request_head("/message?channel=" + "x" * 4_080), 414, "more than 4096 bytes"),
        (request_head("/" + "x" * 100_000), 414, "more than 4096 bytes"),
        (b"GET /" + b"x" * 500_000, 414, "more than 4096 bytes"),
        (request_head("/channels", "A: " + "y" * 8_200), 431, "more than 8192 bytes"),
        (request_head("/channels", *(f"A{number}: {'y' * 80}" for number in range(100))), 431, "more than 8192 bytes"),
        (
            request_head("/message?" + "&".join(f"channel=c{number}" for number in range(33))),
            400,
            "1 to 32 are allowed",
        ),
        (
            request_head("/publish?channel=a", "Content-Length: 100001", method="POST") + b" " * 100_001,
            413,
            "more than 100000",
        ),
    ],
)
async def test_s13_a_request_that_is_too_large_is_refused_with_the_limit(
    strict_hub: HubProcess, head: bytes, status: int, words: str
) -> None:
    reply = await send_raw(strict_hub, head)

    assert reply.status == status
    assert words in reply.detail


async def test_s13_requests_up_to_the_limits_are_served(hub: HubProcess) -> None:
    url = "/channels?" + "x" * (4_096 - len("/channels?"))
    headers = [f"A{number}: {'y' * 77}" for number in range(96)]

    assert (await send_raw(hub, request_head(url))).status == 200
    assert (await send_raw(hub, request_head("/channels", *headers))).status == 200
    assert (await send_raw(hub, request_head("/health/live") + request_head("/health/live"))).status == 200


async def test_s13_a_last_event_id_over_512_characters_gets_a_gap_and_the_live_stream(
    hub: HubProcess, channel: str
) -> None:
    for id in ("7" * 513, "1-" + "1." * 300):
        async with open_stream(f"{hub.url}/message?channel={channel}", {"Last-Event-ID": id}) as stream:
            [gap] = await stream.take(1)
            assert (stream.status, gap.json["reason"]) == (200, "unknown-id")


async def test_s13_every_request_of_a_kept_alive_connection_has_the_same_limits(strict_hub: HubProcess) -> None:
    alive = request_head("/health/live").replace(b"Connection: close\r\n", b"")
    async with raw_connection(strict_hub) as connection:
        connection.send(alive)
        await connection.read_until(b'{"live":true}')
        connection.send(alive[:10])
        connection.send(alive[10:])
        await connection.read_until(b'{"live":true}')
        connection.send(request_head("/" + "x" * 5_000))
        reply = await connection.answer()

    assert reply.status == 414


# S14: limits of a line are in tests/unit/protocol/test_line_limits.py.


async def test_s14_a_compressed_body_is_refused_once_too_much_comes_out(hub: HubProcess, channel: str) -> None:
    """F14: a hundred kilobytes may become a hundred megabytes."""
    bomb = gzip.compress(b" " * 100_000_000)
    before = hub.resident_bytes()
    reply = await send_raw(
        hub,
        request_head(
            f"/publish?channel={channel}", "Content-Encoding: gzip", f"Content-Length: {len(bomb)}", method="POST"
        )
        + bomb,
    )

    assert reply.status == 413
    assert hub.resident_bytes() - before < 60_000_000


# S15: streams by address and subject. The counting itself is tested in tests/unit/http/test_admission.py and
# tests/unit/auth/test_client_address.py.


async def test_s15_an_address_at_its_stream_limit_is_told_to_retry_while_others_are_served(
    strict_hub: HubProcess, channel: str
) -> None:
    stream = request_head(f"/message?channel={channel}", "Last-Event-ID: 17-3")
    async with open_streams(strict_hub, channel, STREAMS, STRANGER):
        refused = await send_raw(strict_hub, stream, STRANGER)
        other_route = await send_raw(strict_hub, request_head("/channels"), STRANGER)
        async with open_streams(strict_hub, channel, STREAMS):
            pass

    assert is_refused_stream(refused, "address")
    assert refused.stream()[1].last_event_id == "17-3"
    assert f"{STRANGER} has {STREAMS} streams open" in refused.body.decode()
    assert other_route.status == 200

    async with asyncio.timeout(10 * PATIENCE):
        while b"refused" in await first_frames(strict_hub, stream, STRANGER):
            pass


async def first_frames(hub: HubProcess, data: bytes, address: str) -> bytes:
    async with raw_connection(hub, address) as connection:
        connection.send(data)
        await connection.read_until(b"\r\n\r\n")
        return await connection.read_until(b"\n\n\r\n")


async def test_watch_and_canary_report_why_they_get_no_stream(strict_hub: HubProcess, channel: str) -> None:
    said: list[str] = []
    follower = StreamFollower(strict_hub.url, (channel,), None, lambda *line: None, lambda gap: None, said.append)
    async with open_streams(strict_hub, channel, STREAMS), httpx.AsyncClient() as client:
        verifier = StreamVerifier(PublishedLines(), CanaryLines("refused", 100))
        reader = CanaryReader(client, [f"{strict_hub.url}/message?channel={channel}"], verifier, 0)
        running = [asyncio.create_task(each.run()) for each in (follower, reader)]
        await asyncio.to_thread(wait_until, lambda: bool(said and reader.errors), "both have been refused")
        await cancel_and_wait(running)

    assert f"{LOCALHOST} has {STREAMS} streams open" in said[0]
    assert f"{LOCALHOST} has {STREAMS} streams open" in reader.last_error


async def test_s15_a_spoofed_x_forwarded_for_has_no_effect(strict_hub: HubProcess, channel: str) -> None:
    async with open_streams(strict_hub, channel, STREAMS, STRANGER):
        for claim in ("203.0.113.1", "203.0.113.2, 127.0.0.9", "127.0.0.1"):
            data = request_head(f"/message?channel={channel}", f"X-Forwarded-For: {claim}")
            assert is_refused_stream(await send_raw(strict_hub, data, STRANGER), "address")


async def test_s15_behind_a_trusted_proxy_the_forwarded_address_counts(strict_hub: HubProcess, channel: str) -> None:
    def of(client: str) -> list[str]:
        return [f"X-Forwarded-For: 6.6.6.6, {client}"]

    async with (
        open_streams(strict_hub, channel, STREAMS, PROXY, of("203.0.113.1")),
        open_streams(strict_hub, channel, STREAMS, PROXY, of("203.0.113.2")),
        open_streams(strict_hub, channel, STREAMS, PROXY, of("2001:db8::1")),
    ):
        for client in ("203.0.113.1", "2001:db8::2"):
            reply = await send_raw(strict_hub, request_head(f"/message?channel={channel}", *of(client)), PROXY)
            assert is_refused_stream(reply, "address")


async def test_s15_by_default_localhost_opens_many_streams_without_a_refusal(hub: HubProcess, channel: str) -> None:
    async with open_streams(hub, channel, 150):
        pass


async def test_s15_a_subject_has_one_stream_limit_over_all_its_addresses(server: RedisServer, tmp_path: Path) -> None:
    alice, bob = (f"Authorization: Bearer {token(sub=name, subscribe=['a'])}" for name in ("alice", "bob"))
    with token_hub(server.url, tmp_path, "--streams-per-subject", "2") as hub:
        async with open_streams(hub, "a", 1, LOCALHOST, [alice]), open_streams(hub, "a", 1, STRANGER, [alice]):
            refused = await send_raw(hub, request_head("/message?channel=a", alice), "127.0.0.2")
            async with open_streams(hub, "a", 2, LOCALHOST, [bob]):
                pass
            stranger = await send_raw(hub, request_head("/message?channel=a"))

    assert is_refused_stream(refused, "subject")
    assert "'alice' has 2 streams open" in refused.body.decode()
    assert stranger.status == 401


async def test_streams_of_an_address_are_counted_over_all_workers(server: RedisServer, channel: str) -> None:
    limits = ("--streams-per-address", "5", "--publish-lines-per-second", "5")
    body = b"{}\n" * 100
    lines = request_head(f"/publish?channel={channel}", f"Content-Length: {len(body)}", method="POST") + body
    stream = request_head(f"/message?channel={channel}")
    with worker_hub(server.url, *limits) as hub:
        hub.wait_recording()
        async with open_streams(hub, channel, 5, STRANGER):
            refused = [await send_raw(hub, stream, STRANGER) for _ in range(20)]
            async with open_streams(hub, channel, 5, LOCALHOST):
                pass
        # They are released when the hub has noticed the end of the connections.
        frames = b"refused"
        async with asyncio.timeout(DEADLINE_SECONDS):
            while b"refused" in frames:
                async with raw_connection(hub, STRANGER) as again:
                    again.send(stream)
                    await again.read_until(b"\r\n\r\n")
                    frames = await again.read_until(b"\n\n\r\n")
        published = [(await send_raw(hub, lines, STRANGER)).status for _ in range(10)]

    assert all(is_refused_stream(reply, "address") for reply in refused)
    assert published == [200] + [429] * 9


async def test_streams_of_a_dead_worker_are_no_longer_counted(server: RedisServer, channel: str) -> None:
    with worker_hub(server.url, "--streams-total", "4") as hub:
        async with open_streams(hub, channel, 4):
            full = await send_raw(hub, request_head(f"/message?channel={channel}"))
            for worker in workers_of(hub):
                worker.kill()
            wait_until(lambda: hub.output.count("worker_ready") == 4, "others have taken their places")
        async with open_streams(hub, channel, 4):
            again = await send_raw(hub, request_head(f"/message?channel={channel}"))

    assert is_refused_stream(full, "total")
    assert is_refused_stream(again, "total")


async def test_publishing_over_the_rate_limit_answers_retry_after(strict_hub: HubProcess, channel: str) -> None:
    body = b"{}\n" * 100
    data = request_head(f"/publish?channel={channel}", f"Content-Length: {len(body)}", method="POST") + body
    first, second = await send_raw(strict_hub, data, STRANGER), await send_raw(strict_hub, data, STRANGER)

    assert (first.status, second.status) == (200, 429)
    assert "Retry-After: " in second.head.title()
    assert "More than 50 lines per second" in second.detail


async def test_an_address_at_its_connection_limit_gets_no_more_while_others_do(strict_hub: HubProcess) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(4 * STREAMS):
            await stack.enter_async_context(raw_connection(strict_hub, STRANGER))
        async with raw_connection(strict_hub, STRANGER) as one_more:
            assert await one_more.ended() < HEADER_SECONDS
        assert (await send_raw(strict_hub, request_head("/health/live"))).status == 200
    async with asyncio.timeout(10 * PATIENCE):
        while (await send_raw(strict_hub, request_head("/health/live"), STRANGER)).status != 200:
            pass


# S16: slow clients.


async def test_s16_slow_heads_slow_bodies_and_slow_readers_are_cut_in_time(
    strict_hub: HubProcess, server: RedisServer, channel: str
) -> None:
    head, body, silent, second, reader = await asyncio.gather(
        slow_head(strict_hub),
        slow_body(strict_hub, channel),
        silent_one(strict_hub),
        slow_second_head(strict_hub),
        slow_reader(strict_hub, server, channel),
    )

    assert (head.status, body.status) == (408, 408)
    for seconds in (head.seconds, silent, second):
        assert HEADER_SECONDS - 0.5 < seconds < (HEADER_SECONDS + 2) * PATIENCE
    assert BODY_SECONDS - 0.5 < body.seconds < (BODY_SECONDS + 2) * PATIENCE
    assert reader < (STALL_SECONDS + 4) * PATIENCE


async def slow_head(hub: HubProcess) -> RawResponse:
    async with raw_connection(hub, "127.0.0.2") as connection:
        dripping = asyncio.create_task(connection.drip(request_head("/channels", "A: " + "y" * 1_000), 0.1))
        reply = await connection.answer()
        dripping.cancel()
    return reply


async def slow_body(hub: HubProcess, channel: str) -> RawResponse:
    async with raw_connection(hub, "127.0.0.3") as connection:
        connection.send(request_head(f"/publish?channel={channel}", "Content-Length: 1000", method="POST"))
        dripping = asyncio.create_task(connection.drip(b" " * 1_000, 0.1))
        reply = await connection.answer()
        dripping.cancel()
    return reply


async def silent_one(hub: HubProcess) -> float:
    async with raw_connection(hub, "127.0.0.4") as connection:
        return await connection.ended()


async def slow_second_head(hub: HubProcess) -> float:
    async with raw_connection(hub, "127.0.0.5") as connection:
        connection.send(request_head("/health/live").replace(b"Connection: close\r\n", b""))
        await connection.read_until(b'{"live":true}')
        connection.made_at = time.monotonic()
        dripping = asyncio.create_task(connection.drip(request_head("/channels", "A: " + "y" * 1_000), 0.1))
        seconds = await connection.ended()
        dripping.cancel()
    return seconds


async def slow_reader(hub: HubProcess, server: RedisServer, channel: str) -> float:
    """How long the stream of a client lasts that reads nothing but sends all the time, in seconds."""

    def streams() -> int:
        return int(fetch(hub, "/health/ready").json["subscribers"])

    async with raw_connection(hub, "127.0.0.6", receive_buffer_bytes=4096) as connection:
        connection.send(request_head(f"/message?channel={channel}"))
        await connection.read_until(b"\r\n\r\n")
        await connection.read_until(b"\n\n\r\n")
        with server.client() as client:
            for _ in range(40):
                client.publish(channel, "x" * 100_000)
        started = time.monotonic()
        dripping = asyncio.create_task(connection.drip(b"y" * 1_000, 0.1))
        await asyncio.to_thread(wait_until, lambda: streams() == 0, "the hub closes the client")
        dripping.cancel()
        return time.monotonic() - started


# S17: responses over a limit are cheap.


async def test_s17_refused_streams_are_cheap_and_send_nothing_to_redis(
    strict_hub: HubProcess, server: RedisServer, channel: str
) -> None:
    process = psutil.Process(strict_hub.process.pid)
    data = request_head(f"/message?channel={channel}-{channel}")
    async with open_streams(strict_hub, channel, STREAMS):
        calls, cpu, began = calls_of(server), process.cpu_times(), time.monotonic()
        for _ in range(REJECTED // 50):
            replies = await asyncio.gather(*(send_raw(strict_hub, data) for _ in range(50)))
            assert all(is_refused_stream(reply, "address") for reply in replies)
        seconds = time.monotonic() - began
        spent = process.cpu_times()
        calls = calls_of(server) - calls

    each = (spent.user + spent.system - cpu.user - cpu.system) / REJECTED
    logger.warning("rejected=%d in %.1f s, CPU %.0f µs each, Redis calls %d", REJECTED, seconds, each * 1e6, calls)
    assert each < CPU_EACH_SECONDS
    assert calls < CALLS_PER_SECOND * (seconds + 1)
    with server.client() as client:
        assert client.pubsub_numsub(f"{channel}-{channel}") == [(f"{channel}-{channel}".encode(), 0)]


def calls_of(server: RedisServer) -> int:
    with server.client() as client:
        statistics: dict[str, dict[str, int]] = client.info("commandstats")
    return sum(each["calls"] for each in statistics.values())
