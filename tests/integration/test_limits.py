"""One client can't tip the hub over: what is too much is refused at once, cheaply, in words, and counted."""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import psutil
import pytest

from sse_hub.commands.canary.judge import Judge
from sse_hub.commands.canary.ledger import Ledger
from sse_hub.commands.canary.lines import CanaryLines
from sse_hub.commands.canary.reader import CanaryReader
from sse_hub.commands.watch.follower import StreamFollower
from sse_hub.tasks import cancel_and_wait
from tests.integration.asking import ask
from tests.integration.people import token, token_hub
from tests.integration.test_workers import worker_hub, workers_of
from tests.integration.wires import HERE, Reply, open_streams, request, told, wire
from tests.rig import DEADLINE_SECONDS, PATIENCE, HubProcess, RedisServer, at_scale, hub_process, wait_until
from tests.sse import open_stream

logger = logging.getLogger(__name__)

STREAMS = 20
HEADER_SECONDS = 2
BODY_SECONDS = 2
STALL_SECONDS = 5
PROXY, STRANGER = "127.0.0.9", "127.0.0.8"
REJECTED = at_scale(300, 10_000)
CPU_EACH_SECONDS = 0.001 * PATIENCE
# In Redis: the heartbeat of the recorder, the fence of each second, this test's own questions.
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
    """A hub with small limits, which count for this machine's addresses too."""
    with hub_process(server.url, *(str(each) for pair in SETTINGS.items() for each in pair)) as hub:
        hub.wait_recording()
        yield hub


def is_refused_stream(reply: Reply, reason: str) -> bool:
    """True for an answer after which an EventSource comes back, and of which it can tell why."""
    events, decoder = reply.stream()
    assert reply.status == 200 and "text/event-stream" in reply.head
    assert decoder.retry_ms is not None and 5_000 <= decoder.retry_ms <= 15_000
    return [event.json["reason"] for event in events if event.type == "refused"] == [reason]


# S13: request limits.


@pytest.mark.parametrize(
    ("head", "status", "words"),
    [
        (request("/message?channel=" + "x" * 4_080), 414, "more than 4096 bytes"),
        (request("/" + "x" * 100_000), 414, "more than 4096 bytes"),
        (b"GET /" + b"x" * 500_000, 414, "more than 4096 bytes"),
        (request("/channels", "A: " + "y" * 8_200), 431, "more than 8192 bytes"),
        (request("/channels", *(f"A{number}: {'y' * 80}" for number in range(100))), 431, "more than 8192 bytes"),
        (request("/message?" + "&".join(f"channel=c{number}" for number in range(33))), 400, "1 to 32 are allowed"),
        (
            request("/publish?channel=a", "Content-Length: 100001", method="POST") + b" " * 100_001,
            413,
            "more than 100000",
        ),
    ],
)
async def test_s13_a_request_that_is_too_large_is_told_so(
    strict_hub: HubProcess, head: bytes, status: int, words: str
) -> None:
    reply = await told(strict_hub, head)

    assert reply.status == status
    assert words in reply.detail


async def test_s13_requests_up_to_the_limits_are_served(hub: HubProcess) -> None:
    url = "/channels?" + "x" * (4_096 - len("/channels?"))
    headers = [f"A{number}: {'y' * 77}" for number in range(96)]

    assert (await told(hub, request(url))).status == 200
    assert (await told(hub, request("/channels", *headers))).status == 200
    assert (await told(hub, request("/health/live") + request("/health/live"))).status == 200


async def test_s13_a_last_event_id_over_512_characters_begins_anew_and_says_so(hub: HubProcess, channel: str) -> None:
    for id in ("7" * 513, "1-" + "1." * 300):
        async with open_stream(f"{hub.url}/message?channel={channel}", {"Last-Event-ID": id}) as stream:
            [gap] = await stream.take(1)
            assert (stream.status, gap.json["reason"]) == (200, "unknown-id")


async def test_s13_requests_on_one_connection_are_held_to_the_same_limits(strict_hub: HubProcess) -> None:
    alive = request("/health/live").replace(b"Connection: close\r\n", b"")
    async with wire(strict_hub) as connection:
        connection.send(alive)
        await connection.read_until(b'{"live":true}')
        connection.send(alive[:10])
        connection.send(alive[10:])
        await connection.read_until(b'{"live":true}')
        connection.send(request("/" + "x" * 5_000))
        reply = await connection.answer()

    assert reply.status == 414


# S14: what a line may be is in tests/unit/test_line_limits.py.


async def test_s14_a_body_is_not_unpacked(hub: HubProcess, channel: str) -> None:
    bomb = bytes.fromhex("1f8b08000000000000ff") + b"\x00" * 1_000
    reply = await told(
        hub,
        request(f"/publish?channel={channel}", "Content-Encoding: gzip", f"Content-Length: {len(bomb)}", method="POST")
        + bomb,
    )

    assert reply.status == 400
    assert "is not JSON" in reply.detail


# S15: streams by address and subject. The counting itself is in tests/unit/test_limits.py and test_whence.py.


async def test_s15_an_address_that_has_its_streams_is_told_to_come_back_and_others_are_served(
    strict_hub: HubProcess, channel: str
) -> None:
    stream = request(f"/message?channel={channel}", "Last-Event-ID: 17-3")
    async with open_streams(strict_hub, channel, STREAMS, STRANGER):
        refused = await told(strict_hub, stream, STRANGER)
        other_route = await told(strict_hub, request("/channels"), STRANGER)
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
    async with wire(hub, address) as connection:
        connection.send(data)
        await connection.read_until(b"\r\n\r\n")
        return await connection.read_until(b"\n\n\r\n")


async def test_our_own_clients_say_why_they_get_no_stream(strict_hub: HubProcess, channel: str) -> None:
    said: list[str] = []
    follower = StreamFollower(strict_hub.url, (channel,), None, lambda *line: None, lambda gap: None, said.append)
    async with open_streams(strict_hub, channel, STREAMS), httpx.AsyncClient() as client:
        judge = Judge(Ledger(), CanaryLines("refused", 100))
        reader = CanaryReader(client, [f"{strict_hub.url}/message?channel={channel}"], judge, 0)
        running = [asyncio.create_task(each.run()) for each in (follower, reader)]
        await asyncio.to_thread(wait_until, lambda: bool(said and reader.errors), "both have been refused")
        await cancel_and_wait(running)

    assert f"{HERE} has {STREAMS} streams open" in said[0]
    assert f"{HERE} has {STREAMS} streams open" in reader.last_error


async def test_s15_a_spoofed_x_forwarded_for_has_no_effect(strict_hub: HubProcess, channel: str) -> None:
    async with open_streams(strict_hub, channel, STREAMS, STRANGER):
        for claim in ("203.0.113.1", "203.0.113.2, 127.0.0.9", "127.0.0.1"):
            data = request(f"/message?channel={channel}", f"X-Forwarded-For: {claim}")
            assert is_refused_stream(await told(strict_hub, data, STRANGER), "address")


async def test_s15_behind_a_trusted_peer_the_forwarded_address_counts(strict_hub: HubProcess, channel: str) -> None:
    def of(client: str) -> list[str]:
        return [f"X-Forwarded-For: 6.6.6.6, {client}"]

    async with (
        open_streams(strict_hub, channel, STREAMS, PROXY, of("203.0.113.1")),
        open_streams(strict_hub, channel, STREAMS, PROXY, of("203.0.113.2")),
        open_streams(strict_hub, channel, STREAMS, PROXY, of("2001:db8::1")),
    ):
        for client in ("203.0.113.1", "2001:db8::2"):
            reply = await told(strict_hub, request(f"/message?channel={channel}", *of(client)), PROXY)
            assert is_refused_stream(reply, "address")


async def test_s15_without_options_this_machine_opens_as_many_as_it_likes(hub: HubProcess, channel: str) -> None:
    async with open_streams(hub, channel, 150):
        pass


async def test_s15_a_subject_has_so_many_streams_from_wherever_it_asks(server: RedisServer, tmp_path: Path) -> None:
    alice, bob = (f"Authorization: Bearer {token(sub=name, subscribe=['a'])}" for name in ("alice", "bob"))
    with token_hub(server.url, tmp_path, "--streams-per-subject", "2") as hub:
        async with open_streams(hub, "a", 1, HERE, [alice]), open_streams(hub, "a", 1, STRANGER, [alice]):
            refused = await told(hub, request("/message?channel=a", alice), "127.0.0.2")
            async with open_streams(hub, "a", 2, HERE, [bob]):
                pass
            stranger = await told(hub, request("/message?channel=a"))

    assert is_refused_stream(refused, "subject")
    assert "'alice' has 2 streams open" in refused.body.decode()
    assert stranger.status == 401


async def test_what_an_address_has_is_counted_over_all_workers(server: RedisServer, channel: str) -> None:
    limits = ("--streams-per-address", "5", "--publish-lines-per-second", "5")
    body = b"{}\n" * 100
    lines = request(f"/publish?channel={channel}", f"Content-Length: {len(body)}", method="POST") + body
    stream = request(f"/message?channel={channel}")
    with worker_hub(server.url, *limits) as hub:
        hub.wait_recording()
        async with open_streams(hub, channel, 5, STRANGER):
            refused = [await told(hub, stream, STRANGER) for _ in range(20)]
            async with open_streams(hub, channel, 5, HERE):
                pass
        # They are given back when the hub has noticed.
        frames = b"refused"
        async with asyncio.timeout(DEADLINE_SECONDS):
            while b"refused" in frames:
                async with wire(hub, STRANGER) as again:
                    again.send(stream)
                    await again.read_until(b"\r\n\r\n")
                    frames = await again.read_until(b"\n\n\r\n")
        published = [(await told(hub, lines, STRANGER)).status for _ in range(10)]

    assert all(is_refused_stream(reply, "address") for reply in refused)
    assert published == [200] + [429] * 9


async def test_the_streams_of_a_worker_that_has_died_count_no_longer(server: RedisServer, channel: str) -> None:
    with worker_hub(server.url, "--streams-total", "4") as hub:
        async with open_streams(hub, channel, 4):
            full = await told(hub, request(f"/message?channel={channel}"))
            for worker in workers_of(hub):
                worker.kill()
            wait_until(lambda: hub.output.count("worker_ready") == 4, "others have taken their places")
        async with open_streams(hub, channel, 4):
            again = await told(hub, request(f"/message?channel={channel}"))

    assert is_refused_stream(full, "total")
    assert is_refused_stream(again, "total")


async def test_who_publishes_more_than_allowed_is_told_when_to_try_again(strict_hub: HubProcess, channel: str) -> None:
    body = b"{}\n" * 100
    data = request(f"/publish?channel={channel}", f"Content-Length: {len(body)}", method="POST") + body
    first, second = await told(strict_hub, data, STRANGER), await told(strict_hub, data, STRANGER)

    assert (first.status, second.status) == (200, 429)
    assert "Retry-After: " in second.head.title()
    assert "More than 50 lines a second" in second.detail


async def test_an_address_with_too_many_connections_gets_no_more_and_others_do(strict_hub: HubProcess) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(4 * STREAMS):
            await stack.enter_async_context(wire(strict_hub, STRANGER))
        async with wire(strict_hub, STRANGER) as one_more:
            assert await one_more.ended() < HEADER_SECONDS
        assert (await told(strict_hub, request("/health/live"))).status == 200
    async with asyncio.timeout(10 * PATIENCE):
        while (await told(strict_hub, request("/health/live"), STRANGER)).status != 200:
            pass


# S16: slow clients.


async def test_s16_slow_heads_bodies_and_readers_are_cut_in_time_whatever_they_send(
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


async def slow_head(hub: HubProcess) -> Reply:
    async with wire(hub, "127.0.0.2") as connection:
        dripping = asyncio.create_task(connection.drip(request("/channels", "A: " + "y" * 1_000), 0.1))
        reply = await connection.answer()
        dripping.cancel()
    return reply


async def slow_body(hub: HubProcess, channel: str) -> Reply:
    async with wire(hub, "127.0.0.3") as connection:
        connection.send(request(f"/publish?channel={channel}", "Content-Length: 1000", method="POST"))
        dripping = asyncio.create_task(connection.drip(b" " * 1_000, 0.1))
        reply = await connection.answer()
        dripping.cancel()
    return reply


async def silent_one(hub: HubProcess) -> float:
    async with wire(hub, "127.0.0.4") as connection:
        return await connection.ended()


async def slow_second_head(hub: HubProcess) -> float:
    async with wire(hub, "127.0.0.5") as connection:
        connection.send(request("/health/live").replace(b"Connection: close\r\n", b""))
        await connection.read_until(b'{"live":true}')
        connection.made_at = time.monotonic()
        dripping = asyncio.create_task(connection.drip(request("/channels", "A: " + "y" * 1_000), 0.1))
        seconds = await connection.ended()
        dripping.cancel()
    return seconds


async def slow_reader(hub: HubProcess, server: RedisServer, channel: str) -> float:
    """How long a client that reads nothing, but sends all the time, keeps its stream."""

    def streams() -> int:
        return int(ask(hub, "/health/ready").json["subscribers"])

    async with wire(hub, "127.0.0.6", receive_buffer_bytes=4096) as connection:
        connection.send(request(f"/message?channel={channel}"))
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


# S17: over-limit answers are cheap.


async def test_s17_streams_beyond_the_limit_cost_little_and_ask_nothing_of_redis(
    strict_hub: HubProcess, server: RedisServer, channel: str
) -> None:
    process = psutil.Process(strict_hub.process.pid)
    data = request(f"/message?channel={channel}-{channel}")
    async with open_streams(strict_hub, channel, STREAMS):
        calls, cpu, began = calls_of(server), process.cpu_times(), time.monotonic()
        for _ in range(REJECTED // 50):
            replies = await asyncio.gather(*(told(strict_hub, data) for _ in range(50)))
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
