"""Unknown positions on a hub with a log: a gap and the live stream, without a long search of the log."""

import asyncio

from tests.support.load import Publisher
from tests.support.recording_hubs import entries, recording_hubs
from tests.support.servers import RedisServer, hub_process
from tests.support.sse_client import open_stream
from tests.support.waiting import wait_until

HOUR_MS = 3_600_000


def ranges_read(server: RedisServer) -> int:
    """The number of commands run so far that read ranges of streams."""
    with server.client() as client:
        stats: dict[str, dict[str, int]] = client.info("commandstats")
    return sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("xrange", "xrevrange"))


async def test_an_id_of_another_channel_is_unknown() -> None:
    with recording_hubs(1) as (server, [hub], _):
        one, other = Publisher(server, ["a"], 1, "only", ""), Publisher(server, ["b"], 1, "only", "")
        async with open_stream(f"{hub.url}/message?channel=b") as stream:
            other.publish(100)
            last = (await stream.take(100))[-1]
        one.publish(3)
        for query, id in (("channel=a", last.id), ("channel=b&channel=a", f"{last.id}.70")):
            async with open_stream(f"{hub.url}/message?{query}", {"Last-Event-ID": id}) as stream:
                one.publish(1)
                *gaps, line = await stream.until(lambda event: event.type != "gap")

            assert {gap.json["reason"] for gap in gaps} == {"unknown-id"}
            assert line.json["seq"] == one.begun


async def test_an_unknown_position_gets_a_gap_without_a_search_of_the_log() -> None:
    with recording_hubs(1) as (server, _, stack):
        publisher = Publisher(server, ["a"], 1, "only", "")
        publisher.publish(5_000)
        await asyncio.to_thread(wait_until, lambda: len(entries(server, "a")) == 5_000, "all is recorded")
        newcomer = stack.enter_context(hub_process(server.url))
        last, _ = entries(server, "a")[-1]
        future, counts = f"{last.fence + HOUR_MS}-1", f"{last.fence}-1.2.3"
        for bogus in ("abc", "-5", "9999999999999-0", "9" * 20 + "-" + "9" * 20, future, counts):
            before = ranges_read(server)
            async with open_stream(f"{newcomer.url}/message?channel=a", {"Last-Event-ID": bogus}) as stream:
                publisher.publish(1)
                *gaps, line = await stream.until(lambda event: event.type != "gap")
            # Some are the recorder's; a search of 5,000 lines would take many more.
            read = ranges_read(server) - before

            assert stream.status == 200
            assert line.json["seq"] == publisher.begun
            assert [gap.json["reason"] for gap in gaps] == ["unknown-id"]
            assert read < 50
