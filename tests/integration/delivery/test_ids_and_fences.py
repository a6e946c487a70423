"""Every hub gives a line the same id, and ids rise, whatever fences and clocks do."""

import asyncio
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from sse_hub.broker.scripts import script
from tests.support.http_client import post
from tests.support.load import Id, Publisher, is_last, publishing, redis_order, verdict
from tests.support.programs import redis_binary, shifted_clock, valkey_binary
from tests.support.recording_hubs import (
    EVERY_LINE,
    current_fence,
    last_fence,
    read_after,
    recorded,
    recording_hubs,
    wait_recorder,
)
from tests.support.servers import HubProcess, RedisServer, hub_process, redis_server
from tests.support.settings import DEADLINE_SECONDS, at_scale
from tests.support.sse_client import Event, Stream, open_stream
from tests.support.waiting import wait_until

CHANNELS = [f"c{number}" for number in range(5)]


ALL = "&".join(f"channel={channel}" for channel in CHANNELS)


PUBLISHERS = ["anna", "ben", "cleo"]


LINES_EACH = at_scale(6_000, 66_667)


LINES_PER_SECOND_EACH = 2_000


SECONDS = DEADLINE_SECONDS + LINES_EACH / 200


VISITORS = 6


END = '{"publisher": "none"}'


Line = tuple[Id, str]


Record = dict[str, list[Line]]
"""By channel, in the order they came."""


async def record_all(stream: Stream) -> Record:
    """The lines of a stream of all channels, until it has the END of each."""
    record: Record = {channel: [] for channel in CHANNELS}
    ends = 0
    async for event in stream:
        assert event.type == "lines", event
        for id, channel, line, _ in event.json:
            record[channel].append((Id.parse(id), line))
            ends += line == END
        if ends == len(CHANNELS):
            return record
    raise AssertionError("the stream has ended")


async def visit(hubs: list[HubProcess], visits: list[tuple[str, list[Line]]]) -> None:
    """Run short-lived subscribers of one channel, one after another, until cancelled. Keep their lines."""
    while True:
        channel = random.choice(CHANNELS)
        lines: list[Line] = []
        visits.append((channel, lines))
        async with open_stream(f"{random.choice(hubs).url}/message?channel={channel}") as stream:
            for _ in range(random.randrange(1, 600)):
                event = await anext(stream)
                assert event.type == "message", event
                lines.append((Id.parse(event.id), event.data))


def publish_all(server: RedisServer) -> dict[str, Publisher]:
    """Run all publishers at once, then publish an END on each channel."""
    with ExitStack() as stack:
        publishers = {
            name: stack.enter_context(publishing(server, *CHANNELS, lines_per_second=LINES_PER_SECOND_EACH, name=name))
            for name in PUBLISHERS
        }
        wait_until(lambda: min(each.begun for each in publishers.values()) >= LINES_EACH, "all is published", SECONDS)
    with server.client() as client:
        for channel in CHANNELS:
            client.publish(channel, END)
    return publishers


def seq_of(line: Line, publisher: str) -> list[int]:
    record = json.loads(line[1])
    return [record["seq"]] if record["publisher"] == publisher else []


CUTS = 40


@contextmanager
def raining_fences(server: RedisServer) -> Iterator[None]:
    """Issue fences of another hub, as fast as Redis accepts them."""
    text = script("clock", "fence")
    done = threading.Event()

    def rain() -> None:
        with server.client() as client:
            fence = client.register_script(text)
            while not done.wait(0.001):
                fence(keys=["sse-hub:clock", "sse-hub:fences"], args=[0, "sse-hub:fence"])

    thread = threading.Thread(target=rain)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def cut_often(server: RedisServer, hub: HubProcess) -> None:
    """Cut the hub's session as soon as it has started, many times."""
    for cuts in range(1, CUTS + 1):
        with server.client() as client:
            client.client_kill_filter(_type="pubsub")
        wait_until(lambda cuts=cuts: hub.output.count("session_started") > cuts, "the next session has begun")  # type: ignore[misc]


HOUR_MS = 3_600_000


async def lines_around(
    server: RedisServer, hubs: list[HubProcess], change: Callable[[], object]
) -> tuple[list[Event], list[Event]]:
    """The events of clients of two hubs: some lines, then `change()`, then more over some fences, and the last."""
    async with (
        open_stream(f"{hubs[0].url}/message?channel=a") as one,
        open_stream(f"{hubs[1].url}/message?channel=a") as other,
    ):
        publisher = Publisher(server, ["a"], 1, "only", "")
        publisher.publish(50)
        change()
        for hub in hubs:
            publisher.publish(50)
            await current_fence(hub)
        publisher.publish(50)
        # A fence that no client requested.
        await asyncio.to_thread(wait_fence, server)
        publisher.finish()
        return await one.until(is_last), await other.until(is_last)


def wait_fence(server: RedisServer) -> None:
    before = last_fence(server)
    wait_until(lambda: last_fence(server) != before, "a fence")


async def same_later(server: RedisServer, hubs: list[HubProcess], events: list[Event]) -> None:
    """Assert that the log has the lines, and that a resuming client gets the rest from each of `hubs`."""
    last = Id.parse(events[-1].id)
    await asyncio.to_thread(wait_until, lambda: last in recorded(server, "a"), "all is recorded")
    assert list(recorded(server, "a")) == [Id.parse(event.id) for event in events]
    for hub in hubs:
        assert await read_after(hub, "a", events[70].id) == events[71:]


@pytest.mark.parametrize("binary", [redis_binary, valkey_binary], ids=["redis", "valkey"])
async def test_two_hubs_give_every_line_the_same_id(binary: Callable[[], Path]) -> None:
    visits: list[tuple[str, list[Line]]] = []
    with redis_server(binary()) as server, hub_process(server.url) as one, hub_process(server.url) as two:
        async with (
            asyncio.timeout(SECONDS),
            open_stream(f"{one.url}/message?batch=1&{ALL}") as stream_one,
            open_stream(f"{two.url}/message?batch=1&{ALL}") as stream_two,
            asyncio.TaskGroup() as group,
        ):
            records = [group.create_task(record_all(stream)) for stream in (stream_one, stream_two)]
            visitors = [group.create_task(visit([one, two], visits)) for _ in range(VISITORS)]
            publishers = await asyncio.to_thread(publish_all, server)
            record, other_record = [await each for each in records]
            for visitor in visitors:
                visitor.cancel()

    assert record == other_record
    ids = {channel: [id for id, _ in lines] for channel, lines in record.items()}
    assert all(each == sorted(set(each)) for each in ids.values())
    for name, publisher in publishers.items():
        for number, channel in enumerate(CHANNELS):
            seqs = [seq for line in record[channel] for seq in seq_of(line, name)]
            assert seqs == [seq for seq in range(1, publisher.begun + 1) if seq % len(CHANNELS) == number]
    told = [(channel, lines) for channel, lines in visits if lines]
    assert len(told) > VISITORS
    for channel, lines in told:
        first = ids[channel].index(lines[0][0])
        assert lines == record[channel][first : first + len(lines)]


async def test_a_session_opened_under_many_fences_gives_every_line_its_right_id() -> None:
    """Counting must not start at a fence of another hub that arrives between two subscriptions of the new session."""
    with redis_server() as server, hub_process(server.url) as hub:
        async with open_stream(f"{hub.url}/message?channel=a") as stream:
            reading = asyncio.create_task(stream.until(is_last))
            with redis_order(server, "a") as published:
                with raining_fences(server), publishing(server, "a", lines_per_second=3000) as publisher:
                    await asyncio.to_thread(cut_often, server, hub)
                publisher.finish()
                told = verdict(await reading)

    assert len(told.gaps) == CUTS
    told.agree_with(published)


@pytest.mark.parametrize("off", ["+1h", "-1h"])
async def test_a_wrong_clock_of_a_hub_changes_neither_ids_nor_order(off: str) -> None:
    with (
        redis_server() as server,
        hub_process(server.url) as right,
        hub_process(server.url, more_environ=shifted_clock(off)) as wrong,
    ):
        wrong.wait_recording()
        events, others = await lines_around(server, [right, wrong], lambda: None)
        await same_later(server, [right, wrong], events)

    assert events == others
    assert verdict(events).gaps == []


async def test_ids_keep_rising_after_redis_clock_was_an_hour_ahead() -> None:
    """As after Redis's own clock was set back: the last fence is an hour ahead of it."""

    def set_ahead() -> None:
        with server.client() as client:
            client.set("sse-hub:clock", int(time.time() * 1000) + HOUR_MS)
            client.publish("sse-hub:fence", int(time.time() * 1000) + HOUR_MS)

    with recording_hubs() as (server, hubs, stack):
        events, others = await lines_around(server, hubs, set_ahead)
        hubs.append(stack.enter_context(hub_process(server.url, *EVERY_LINE)))
        await same_later(server, hubs, events)

    assert events == others
    assert verdict(events).gaps == []
    assert Id.parse(events[-1].id).fence > Id.parse(events[0].id).fence + HOUR_MS - 60_000


async def test_a_plausible_forged_fence_moves_ids_ahead_and_loses_no_line() -> None:
    """Forged only on the channel: Redis's clock learns of it from the hubs."""

    def forge() -> None:
        with server.client() as client:
            client.publish("sse-hub:fence", int(time.time() * 1000) + 20 * HOUR_MS)

    with recording_hubs() as (server, hubs, stack):
        events, others = await lines_around(server, hubs, forge)
        hubs.append(stack.enter_context(hub_process(server.url, *EVERY_LINE)))
        await same_later(server, hubs, events)
        answers = [post(hub, "a", b"{}") for hub in hubs]

    assert events == others
    assert verdict(events).gaps == []
    assert Id.parse(events[-1].id).fence > Id.parse(events[0].id).fence + 20 * HOUR_MS - 60_000
    assert [answer.status for answer in answers] == [200] * len(hubs)


async def test_setting_the_redis_clock_back_keeps_the_order_and_the_lease_still_expires(tmp_path: Path) -> None:
    """With Valkey, because libfaketime does not work with Debian's Redis."""
    clock = tmp_path / "clock"
    environ = shifted_clock("+0", clock)
    with (
        redis_server(valkey_binary(), more_environ=environ) as server,
        hub_process(server.url) as one,
        hub_process(server.url) as other,
    ):
        hubs = [one, other]
        for hub in hubs:
            hub.wait_recording()
        events, others = await lines_around(server, hubs, lambda: clock.write_text("-1h"))
        await same_later(server, hubs, events)
        recorder = wait_recorder(hubs)
        hubs.remove(recorder)
        # The lease, renewed until now, would last for an hour and a second.
        with server.client() as client:
            recorder.process.kill()
            clock.write_text("-2h")
            recorder.process.wait()
            assert client.pttl("sse-hub:lease") != -1
        await asyncio.to_thread(wait_recorder, hubs)

    assert events == others
    assert verdict(events).gaps == []
