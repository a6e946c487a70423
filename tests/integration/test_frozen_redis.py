"""Redis stands still with its connections open: it is noticed, clients are kept, and no line is lost when it wakes."""

import asyncio
import time

from sse_hub.tasks import cancel_and_wait
from tests.integration.deployment import EVERY_LINE, deployment, follow, go_on, recorded, recorded_seqs
from tests.integration.traffic import publishing, redis_order, verdict
from tests.rig import PATIENCE, HubProcess, RedisServer, at_scale, wait_until
from tests.sse import Stream, open_stream

LINES_PER_SECOND = at_scale(2_000, 5_000)
FROZEN_SECONDS = at_scale(4, 12)
OPTIONS = (*EVERY_LINE, "--heartbeat-seconds", "1")


async def read_on(stream: Stream) -> None:
    """Read to the end of `stream`, or until cancelled: its heartbeats are counted as they come."""
    while not stream.ended:
        await stream.read()


async def test_two_hubs_outlast_a_frozen_redis_and_nothing_is_lost() -> None:
    """Nor to those who come while it stands still, and to publishers that wait for it."""

    def freeze(server: RedisServer, hubs: list[HubProcess], idle: Stream) -> tuple[float, int]:
        """Freeze it for some seconds; how long it took that nobody was ready, and how many heartbeats came."""
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

    with deployment(options=OPTIONS) as (server, hubs, _), redis_order(server, "a") as published:
        urls = [hub.url for hub in hubs]
        begun = [asyncio.Event() for _ in hubs]
        readers = [
            asyncio.create_task(follow([url], "channel=a", event)) for url, event in zip(urls, begun, strict=True)
        ]
        await asyncio.gather(*(event.wait() for event in begun))
        async with open_stream(f"{hubs[0].url}/message?channel=idle") as idle:
            beating = asyncio.create_task(read_on(idle))
            with publishing(server, "a", lines_per_second=LINES_PER_SECOND) as publisher:
                await asyncio.to_thread(go_on, publisher, 1_000)
                wait_until(lambda: len(published) > 500, "a position")
                position = str(sorted(published)[0])
                freezing = asyncio.create_task(asyncio.to_thread(freeze, server, hubs, idle))
                newcomers = [asyncio.create_task(follow([url], "channel=a", asyncio.Event(), position)) for url in urls]
                noticed, heartbeats = await freezing
                await asyncio.to_thread(go_on, publisher, 1_000)
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
