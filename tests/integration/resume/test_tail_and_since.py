"""`tail=` and `since=`, replayed from the log and joined with live lines: the right lines, each once."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from tests.support.http_client import post
from tests.support.load import Id, Publisher, running
from tests.support.oracle import Place, Reference, RepeatingPublisher, Shape, assert_received, come_back, reference_of
from tests.support.recording_hubs import current_fence
from tests.support.servers import HubProcess, RedisServer, hub_process
from tests.support.settings import DEADLINE_SECONDS
from tests.support.sse_client import open_stream
from tests.support.waiting import wait_until

HELD = 100
CHANNELS = ["a", "b", "c"]
LOUD, QUIET = 30, 3
ROUNDS = 20
LINES = ROUNDS * (LOUD + 2 * QUIET)
TAILS = [1, HELD - 1, HELD, HELD + 1, HELD + ROUNDS * QUIET, 2 * HELD, LINES - 1, LINES, 10_000]


@pytest.fixture
def small_hub(own_server: RedisServer) -> Iterator[HubProcess]:
    """A hub that keeps the last 100 lines of a channel in memory. Another one, with enough memory, records."""
    with hub_process(own_server.url) as recorder:
        recorder.wait_recording()
        with hub_process(own_server.url, "--ring-lines", str(HELD)) as hub:
            hub.wait_recording()
            yield hub


async def publish_in_turn(server: RedisServer, hub: HubProcess) -> None:
    """Publish many lines on `a` and few on the others, so that the ring of `a` is shorter, with a fence per round."""
    loud = Publisher(server, ["a"], 1, "loud", "")
    quiet = [Publisher(server, [name], 1, name, "") for name in ("b", "c")]
    for _ in range(ROUNDS):
        loud.publish(LOUD)
        for each in quiet:
            each.publish(QUIET)
        await current_fence(hub)


async def hold_to_tail(hub: HubProcess, account: Reference, shape: Shape, lines: int) -> None:
    """AssertionError unless `shape` gets exactly the last `lines` lines of its channels."""
    held = {name: account.lines[name] for name in shape.channels}
    wanted = min(lines, sum(map(len, held.values())))
    async with asyncio.timeout(DEADLINE_SECONDS):
        received = await come_back([hub], shape, "", lambda each: each.count >= wanted)
    got = received.lines
    start: Place = {
        name: held[name][-len(got[name]) - 1][0] if len(got[name]) < len(held[name]) else Id(0, 0) for name in held
    }
    assert_received(account, received, shape, start)
    assert sum(map(len, got.values())) == wanted
    for name in held:
        assert got[name] == held[name][len(held[name]) - len(got[name]) :]
    oldest = min(lines[0][0].fence for lines in got.values() if lines)
    assert all(id.fence <= oldest for id in start.values()), "an omitted line is newer than a delivered one"


@pytest.mark.parametrize("restarted", [False, True])
async def test_tail_delivers_exactly_the_last_lines_of_one_channel_several_channels_and_a_pattern(
    own_server: RedisServer, small_hub: HubProcess, restarted: bool
) -> None:
    with reference_of(own_server, *CHANNELS) as account:
        await publish_in_turn(own_server, small_hub)
        wait_until(lambda: sum(map(len, account.lines.values())) == LINES, "the reference has all")
        with hub_process(own_server.url, "--ring-lines", str(HELD)) as fresh:
            hub = fresh if restarted else small_hub
            for lines in TAILS:
                for shape in (
                    Shape(["a"], begin=f"tail={lines}"),
                    Shape(["b"], begin=f"tail={lines}", batch=True),
                    Shape(CHANNELS, begin=f"tail={lines}"),
                    Shape(CHANNELS, begin=f"tail={lines}", batch=True),
                    Shape(CHANNELS, begin=f"tail={lines}", batch=True, pattern="*"),
                ):
                    await hold_to_tail(hub, account, shape, lines)


async def test_tail_of_an_unrecorded_channel_delivers_what_is_in_memory(own_server: RedisServer) -> None:
    with hub_process(own_server.url, "--ingest", "other.*") as hub:
        async with open_stream(f"{hub.url}/message?channel=a") as stream:
            Publisher(own_server, ["a"], 1, "only", "").publish(5)
            events = await stream.take(5)

        async with open_stream(f"{hub.url}/message?channel=a&tail=10") as stream:
            assert await stream.take(5) == events


def spellings(moment: datetime, id: Id) -> list[str]:
    # It is requested some seconds from now.
    ago = int((datetime.now(UTC) - moment).total_seconds()) + 5
    return [f"{id.fence}-0", moment.isoformat(timespec="milliseconds"), f"-{ago}s", "-15m"]


@pytest.mark.parametrize("begin", ["since", "tail"])
async def test_replay_from_the_log_continues_into_live_lines_without_loss(
    own_server: RedisServer, small_hub: HubProcess, begin: str
) -> None:
    with (
        reference_of(own_server, *CHANNELS) as account,
        running(RepeatingPublisher(own_server, CHANNELS, 2_000, "only", "")) as publisher,
    ):
        await asyncio.to_thread(wait_until, lambda: publisher.begun > 6_000, "there are lines")
        fence = account.fences[1][0]
        moment = datetime.fromtimestamp(fence / 1000, UTC) + timedelta(milliseconds=500)
        begins = spellings(moment, Id(fence, 0)) if begin == "since" else [f"{number}" for number in (1, 500, 5_000)]
        for text in begins:
            for shape in (
                Shape(["a"], begin=f"{begin}={quote(text)}"),
                Shape(CHANNELS, begin=f"{begin}={quote(text)}"),
                Shape(CHANNELS, begin=f"{begin}={quote(text)}", batch=True),
                Shape(CHANNELS, begin=f"{begin}={quote(text)}", batch=True, pattern="*"),
            ):
                await joined(small_hub, account, shape)


async def joined(hub: HubProcess, account: Reference, shape: Shape) -> None:
    """AssertionError unless `shape` gets everything from its beginning to some lines published after the request."""
    beyond = {name: account.now()[name] for name in shape.channels}
    async with asyncio.timeout(DEADLINE_SECONDS):
        received = await come_back([hub], shape, "", lambda each: each.reaches(beyond))
    reasons = [gap.json["reason"] for gap in received.gaps]
    # Nothing was recorded before the log began.
    assert set(reasons) <= ({"recorder-down"} if "since=-" in shape.begin else set())
    received.gaps = []
    start = {name: Id(lines[0][0].fence, lines[0][0].n - 1) for name, lines in received.lines.items()}
    assert_received(account, received, shape, start)
    if shape.begin.startswith("since"):
        first = int(account.fences[1][0])
        assert all(id.fence <= first for id in start.values())


async def test_a_gap_among_the_last_lines_is_reported_by_every_hub_for_every_selection(
    own_server: RedisServer,
) -> None:
    with hub_process(own_server.url) as hub, own_server.client() as client:
        hub.wait_recording()
        post(hub, "a", b'{"n": 1}')
        assert client.execute_command("CLIENT", "KILL", "TYPE", "pubsub") == 1
        wait_until(lambda: post(hub, "a", b'{"n": 2}').status == 200, "there is a session again")
        with hub_process(own_server.url) as another:
            another.wait_recording()
            for query in ("channel=a", "channel=a&channel=b", "channel=a*", "channel=*&batch=1"):
                for each in (hub, another):
                    async with open_stream(f"{each.url}/message?{query}&tail=2") as stream:
                        events = await stream.until(lambda event: '"n": 2' in event.data or '\\"n\\": 2' in event.data)
                    gaps = [event.json["channel"] for event in events if event.type == "gap"]
                    assert [name for name in gaps if name != "b"] == [query.split("&")[0].removeprefix("channel=")]
