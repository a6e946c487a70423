"""Recording moves from one process to another: subscribers are unaffected, and the log has every line once."""

import asyncio
import logging
import time
from collections.abc import Sequence

from tests.support.load import Id, Publisher, is_last, publishing, redis_order, verdict, wait_published
from tests.support.recording_hubs import (
    EVERY_LINE,
    cut_sessions,
    follow,
    frozen,
    kill,
    read_after,
    recorded,
    recorded_seqs,
    recorder_of,
    recording_hubs,
    wait_recorder,
)
from tests.support.servers import HubProcess, RedisServer, hub_process
from tests.support.settings import PATIENCE, at_scale
from tests.support.sse_client import Event, Stream, open_stream
from tests.support.waiting import wait_until

logger = logging.getLogger(__name__)

LINES_PER_SECOND = at_scale(2_000, 5_000)
KILLS = at_scale(2, 10)
LINES_BEFORE_KILL = at_scale(300, 1_000)
LINES_AFTER_TAKEOVER = at_scale(300, 500)
FROZEN_SECONDS = at_scale(3, 10)
CUTS = at_scale(4, 60)
LINES_BETWEEN_CUTS = at_scale(1_000, 5_000)
EACH_PER_SECOND = at_scale(2_000, 10_000)
EACH_LINES = EACH_PER_SECOND * at_scale(2, 10)


def complete(server: RedisServer, published: dict[Id, int], publisher: Publisher) -> dict[Id, int]:
    """The lines in the log, once it has all published ones."""
    wait_until(lambda: len(published) == publisher.begun, "the reference is complete")
    last = max(published)
    wait_until(lambda: last in recorded(server, "a"), "the last line is recorded")
    return recorded_seqs(server, "a")


def one_records(hubs: Sequence[HubProcess]) -> bool:
    return sum(bool(hub.state()["recorder"]) for hub in hubs) == 1


async def arrivals(stream: Stream) -> list[tuple[float, Event]]:
    """All events up to the last line, each with its arrival time."""
    arrived = []
    async for event in stream:
        arrived.append((time.monotonic(), event))
        if is_last(event):
            break
    return arrived


def describe(what: str, seconds: list[float]) -> None:
    p50, p99 = (sorted(seconds)[int(len(seconds) * share)] * 1000 for share in (0.5, 0.99))
    logger.info("%s: p50 %.1f ms, p99 %.1f ms, max %.1f ms", what, p50, p99, max(seconds) * 1000)


async def test_subscribers_of_other_hubs_get_every_line_in_time_while_recorders_are_killed() -> None:
    calm: list[float] = []
    troubled: list[float] = []
    with recording_hubs(3) as (server, hubs, stack):
        for _ in range(KILLS):
            victim = await asyncio.to_thread(wait_recorder, hubs)
            hubs.remove(victim)
            async with open_stream(f"{hubs[0].url}/message?channel=a") as stream:
                reading = asyncio.create_task(arrivals(stream))
                with publishing(server, "a", lines_per_second=500) as publisher:
                    await asyncio.to_thread(wait_published, publisher, LINES_BEFORE_KILL)
                    before = publisher.begun
                    await asyncio.to_thread(kill, victim)
                    await asyncio.to_thread(wait_recorder, hubs)
                    await asyncio.to_thread(wait_published, publisher, LINES_AFTER_TAKEOVER)
                publisher.finish()
                arrived = await reading
            told = verdict(event for _, event in arrived)
            assert (told.gaps, told.seqs) == ([], list(range(told.seqs[0], publisher.begun + 1)))
            for at, event in arrived[:-1]:
                seq = event.json["seq"]
                (calm if seq < before else troubled).append(at - publisher.sent_at[seq])
            hubs.append(stack.enter_context(hub_process(server.url, *EVERY_LINE, port=victim.port)))

    describe("recorder alive", calm)
    describe("recorder dead", troubled)
    assert max(troubled) < 1.0 * PATIENCE


async def test_a_thawed_recorder_yields_to_the_one_that_took_over() -> None:
    """It continues where it was frozen, still believing that it holds the lease, with lines in its buffers."""

    def freeze(hubs: list[HubProcess], publisher: Publisher) -> None:
        victim = wait_recorder(hubs)
        [other] = [hub for hub in hubs if hub is not victim]
        with frozen(victim):
            started = time.monotonic()
            wait_until(lambda: recorder_of([other]) is not None, "the other one records")
            time.sleep(max(0.0, FROZEN_SECONDS - (time.monotonic() - started)))
        wait_until(lambda: victim.ready() and one_records(hubs), "both are there, and one of them records")
        wait_published(publisher, 500)
        assert one_records(hubs)

    with recording_hubs() as (server, hubs, _), redis_order(server, "a") as published:
        readers = [asyncio.create_task(follow([hub.url], "channel=a", asyncio.Event())) for hub in hubs]
        with publishing(server, "a", lines_per_second=LINES_PER_SECOND) as publisher:
            await asyncio.to_thread(freeze, hubs, publisher)
        publisher.finish()
        log = await asyncio.to_thread(complete, server, published, publisher)
        told = [verdict(await reader) for reader in readers]

    assert list(log.items()) == sorted(published.items())
    for each in told:
        assert each.gaps == []
        each.agree_with(published)


def cut_and_wait(server: RedisServer, cut: Sequence[HubProcess], hubs: Sequence[HubProcess]) -> None:
    """Cut the sessions of several hubs at once. Return when all are ready."""
    sessions = [hub.output.count("session_started") for hub in cut]
    assert cut_sessions(server, cut)
    wait_until(
        lambda: all(hub.output.count("session_started") > before for hub, before in zip(cut, sessions, strict=True)),
        "new sessions",
    )
    wait_until(lambda: all(hub.ready() for hub in hubs), "all are ready")


async def readers_of(hubs: Sequence[HubProcess]) -> list[asyncio.Task[list[Event]]]:
    """A client of each hub, with its position in the stream."""
    begun = [asyncio.Event() for _ in hubs]
    readers = [
        asyncio.create_task(follow([hub.url], "channel=a", event)) for hub, event in zip(hubs, begun, strict=True)
    ]
    await asyncio.gather(*(event.wait() for event in begun))
    return readers


async def test_sessions_cut_in_turn_are_backfilled_without_a_gap() -> None:
    def cut_in_turn(server: RedisServer, hubs: list[HubProcess], publisher: Publisher) -> None:
        for number in range(CUTS):
            cut_and_wait(server, [hubs[number % 2]], hubs)
            wait_published(publisher, LINES_BETWEEN_CUTS)

    with recording_hubs() as (server, hubs, _), redis_order(server, "a") as published:
        readers = await readers_of(hubs)
        with publishing(server, "a", lines_per_second=LINES_PER_SECOND) as publisher:
            await asyncio.to_thread(cut_in_turn, server, hubs, publisher)
        publisher.finish()
        log = await asyncio.to_thread(complete, server, published, publisher)
        told = [verdict(await reader) for reader in readers]

        for each in told:
            assert each.gaps == []
            assert dict(each.lines) == published
        assert list(log.items()) == sorted(published.items())


async def test_sessions_cut_all_at_once_lose_only_lines_reported_as_gaps() -> None:
    """Also a later reader, on a process that did not run then."""

    def cut_all(server: RedisServer, hubs: list[HubProcess], publisher: Publisher) -> None:
        for _ in range(CUTS):
            cut_and_wait(server, hubs, hubs)
            wait_published(publisher, LINES_BETWEEN_CUTS)

    with recording_hubs() as (server, hubs, stack), redis_order(server, "a") as published:
        readers = await readers_of(hubs)
        with publishing(server, "a", lines_per_second=LINES_PER_SECOND) as publisher:
            await asyncio.to_thread(wait_published, publisher, 100)
            await asyncio.to_thread(cut_all, server, hubs, publisher)
        publisher.finish()
        await asyncio.to_thread(complete, server, published, publisher)
        told = [verdict(await reader) for reader in readers]
        newcomer = stack.enter_context(hub_process(server.url, *EVERY_LINE))
        first, *_ = sorted(published)
        told.append(verdict(await read_after(newcomer, "a", str(first))))

        for each in told:
            lost = len(published) - len(each.lines)
            logger.info("%d gaps, %d of %d lines lost", len(each.gaps), lost, len(published))
            assert len(each.gaps) <= CUTS
            assert {gap["reason"] for gap in each.gaps} == {"recorder-down"}
            assert each.seqs[-1] == published[max(published)]
            each.agree_with(published)


async def test_two_simultaneous_publishers_have_the_same_order_on_all_hubs() -> None:
    with recording_hubs() as (server, hubs, _):
        async with (
            open_stream(f"{hubs[0].url}/message?channel=a") as one,
            open_stream(f"{hubs[1].url}/message?channel=a") as other,
        ):
            reading = [asyncio.create_task(both_last(stream)) for stream in (one, other)]
            with (
                publishing(server, "a", lines_per_second=EACH_PER_SECOND, name="left") as left,
                publishing(server, "a", lines_per_second=EACH_PER_SECOND, name="right") as right,
            ):
                await asyncio.to_thread(wait_published, left, EACH_LINES)
            left.finish()
            right.finish()
            events, others = await asyncio.gather(*reading)

    assert events == others
    assert len(events) == left.begun + right.begun
    for name in ("left", "right"):
        seqs = [event.json["seq"] for event in events if event.json["publisher"] == name]
        assert seqs == list(range(1, len(seqs) + 1))


async def both_last(stream: Stream) -> list[Event]:
    """All events up to the last line of the second of two publishers."""
    return await stream.until(is_last) + await stream.until(is_last)
