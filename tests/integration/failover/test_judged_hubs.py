"""Publishers, roaming clients and the judge together, on one Redis: they find nothing wrong, or what was done wrong."""

import asyncio
import itertools
import json
import random

from tests.support.load import Id, publish
from tests.support.numbered_judge import Got, judge
from tests.support.numbered_publishers import NumberedPublisher, all_sent, at_node, numbered_publishers
from tests.support.oracle import Shape
from tests.support.recording_hubs import EVERY_LINE, cut_sessions, frozen
from tests.support.roaming_clients import RoamingClient, at_random, exported, finish, paged, replayed, roaming, watched
from tests.support.servers import RedisServer, hub_processes
from tests.support.waiting import wait_until

CHANNELS = [f"channel-{number}" for number in range(32)]


def shapes() -> list[Shape]:
    """One channel, several, and as many as a stream may have, with and without `batch=1`."""
    counts = (1, 5, 32)
    return [Shape(CHANNELS[:count], batch=batch) for count, batch in itertools.product(counts, (False, True))]


async def test_cut_sessions_are_told_and_nothing_else_is_wrong(own_server: RedisServer) -> None:
    with hub_processes(2, own_server.url, *EVERY_LINE) as hubs:
        hubs[0].wait_recording()
        clients = [RoamingClient(str(number), hubs, shape) for number, shape in enumerate(shapes())]
        publishers = [NumberedPublisher(name, at_node(own_server), CHANNELS, 150) for name in ("a", "b", "c")]
        async with roaming(*clients):
            with numbered_publishers(*publishers), watched(hubs) as readiness:
                cutting = asyncio.create_task(at_random(clients, lambda: random.uniform(0.05, 0.1)))
                await sent(publishers, 300)
                await asyncio.to_thread(cut_sessions, own_server, hubs)
                await sent(publishers, 600)
                with frozen(hubs[0]):
                    await sent(publishers, 900)
                cutting.cancel()
            await finish(publishers, clients)

        recorded = [paged(hubs[1], CHANNELS, str(clients[5].history.begin)), exported(hubs[0], CHANNELS)]
        last = clients[1].history.last_ids()
        recorded.append(await replayed(hubs[0], Shape(CHANNELS, batch=True), str(clients[5].history.begin), last))
        verdict = judge(all_sent(publishers), [client.history for client in clients])

        assert verdict.holds, str(verdict)
        assert verdict.delivered > 2_000
        assert sum(client.connects for client in clients) > 10
        assert readiness.looks > 10
        # Those that were recorded, whatever was sent before.
        for each in recorded:
            each.since = float("inf")
            assert len(each.lines) >= 900
        together = judge(all_sent(publishers), [*(client.history for client in clients), *recorded])
        assert together.holds, str(together)


async def sent(publishers: list[NumberedPublisher], count: int) -> None:
    """Return when all of `publishers` together have sent `count` lines."""
    await asyncio.to_thread(wait_until, lambda: sum(len(each.sent) for each in publishers) >= count, "they publish")


async def test_a_line_that_is_withheld_changed_or_sent_twice_is_found(own_server: RedisServer) -> None:
    with hub_processes(2, own_server.url, *EVERY_LINE) as hubs:
        clients = [RoamingClient(hub.url, [hub], Shape(CHANNELS[:2], batch=True)) for hub in hubs]
        publisher = NumberedPublisher("a", at_node(own_server), CHANNELS[:2], 200)
        async with roaming(*clients):
            with numbered_publishers(publisher):
                await sent([publisher], 100)
            # A publisher that sends a line again, as no publisher of the rig does.
            again = json.dumps({"publisher": "a", "seq": 20})
            await asyncio.to_thread(publish, own_server, CHANNELS[0], again)
            await finish([publisher], clients)
        history = clients[0].history
        assert len(judge(publisher.sent, [history]).twice) == 1

        withheld = history.lines[30]
        history.items.remove(withheld)
        # Its number is missing, and the count jumps, unless it was the last line before a fence.
        assert len(judge(publisher.sent, [history]).silent) in (1, 2)
        moved = Got(withheld.channel, Id(withheld.id.fence + 1, 0), withheld.text)
        history.items.insert(30, moved)
        assert judge(publisher.sent, [each.history for each in clients]).different
