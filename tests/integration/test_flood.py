"""More lines at once than can be passed on: Redis cuts nobody for it, the rings keep what is not recorded yet."""

import asyncio

from tests.integration.deployment import deployment, follow, recorded_seqs
from tests.integration.traffic import Publisher, redis_order, verdict
from tests.rig import at_scale, wait_until

LINES = at_scale(30_000, 200_000)
CLIENTS = at_scale(5, 10)
# A twentieth and an eighth of what Redis allows as a rule: a flood that the hub took only when it had passed it on
# would be cut at this scale, too.
LIMIT = ("--client-output-buffer-limit", "pubsub 1500kb 1mb 60")


async def test_a_flood_beyond_rings_and_redis_buffers_reaches_everybody_whole_and_the_log() -> None:
    options = ("--retain-lines", str(LINES), "--ring-lines", str(LINES // 10))
    with deployment(1, options, LIMIT) as (server, hubs, _), redis_order(server, "a") as published:
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
