"""More lines at once than can be delivered at once: Redis cuts no session, and the rings keep unrecorded lines."""

import asyncio

from tests.support.load import Publisher, redis_order, verdict
from tests.support.recording_hubs import follow, recorded_seqs, recording_hubs
from tests.support.settings import at_scale
from tests.support.waiting import wait_until

LINES = at_scale(30_000, 200_000)
CLIENTS = at_scale(5, 10)
# A twentieth and an eighth of Redis's default limits: if the hub read a flood only as fast as it delivers it, Redis
# would cut the session even at this scale.
LIMIT = ("--client-output-buffer-limit", "pubsub 1500kb 1mb 60")


async def test_a_flood_larger_than_rings_and_redis_buffers_reaches_all_clients_and_the_log_completely() -> None:
    options = ("--retain-lines", str(LINES), "--ring-lines", str(LINES // 10))
    with recording_hubs(1, options, LIMIT) as (server, hubs, _), redis_order(server, "a") as published:
        begun = [asyncio.Event() for _ in range(CLIENTS)]
        readers = [asyncio.create_task(follow([hubs[0].url], "channel=a", each)) for each in begun]
        await asyncio.gather(*(each.wait() for each in begun))
        publisher = Publisher(server, ["a"], 0, "only", "x" * 300)

        await asyncio.to_thread(publisher.publish, LINES)
        publisher.finish()
        told = [verdict(await reader) for reader in readers]
        wait_until(lambda: len(published) == publisher.begun, "the reference is complete")
        await asyncio.to_thread(wait_until, lambda: len(recorded_seqs(server, "a")) == LINES + 1, "all is recorded")
        log = recorded_seqs(server, "a")
        assert hubs[0].output.count("session_started") == 1

    assert list(log.items()) == sorted(published.items())
    for each in told:
        assert each.gaps == []
        assert each.seqs == list(range(1, LINES + 2))
