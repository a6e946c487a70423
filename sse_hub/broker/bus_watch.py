"""
The bus of a cluster, as the anchor has it: whether lines that were published at other nodes may not have arrived.

    CLUSTER LINKS, four times a second --> is the link from each primary the one of before? --> take_broken(fence)

A node sends what is published to all others over links that acknowledge nothing. When a link breaks, lines are lost
without a word to anybody, and no fence shows it: fences are published at the anchor itself.
https://redis.io/docs/latest/commands/cluster-links/
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError, ResponseError

from sse_hub.broker.topology import Primary, Topology

logger = logging.getLogger(__name__)

WATCH_SECONDS = 0.25


class BusWatch:
    """
    Watches the links to the anchor while a session with it lasts.

    `works` is False where the server has no CLUSTER LINKS (before Redis 7.0), or the account lacks the right to it.
    """

    def __init__(self, commands: redis.asyncio.Redis, topology: Topology) -> None:
        self.works = True
        self._commands = commands
        self._topology = topology
        # Node --> when its link was created. Of a node whose link is away, the last one.
        self._links: dict[str, int] = {}
        self._away: set[str] = set()
        # The last fence received before the links were seen to be whole.
        self._whole_at = 0
        # The fence after which lines may be missing, 0 if none, and the server's time (ms) when that was seen.
        self._broken_after = 0
        self._seen_at = 0

    async def run(self, primary: Primary, last_fence: Callable[[], int], issue_fence: Callable[[], None]) -> None:
        """Watch until cancelled."""
        self._links, self._away = {}, set()
        self._whole_at = self._broken_after = 0
        while True:
            try:
                if self.works:
                    await self._look(primary, last_fence())
            except ResponseError as error:
                if self._topology.names(primary) and "LINKS" in str(error).upper():
                    self.works = False
                    logger.warning("bus_not_watched error=%(error)r", {"error": str(error)})
            except (RedisError, OSError):
                # The source's watch sees to it. What breaks meanwhile shows in the next answer.
                pass
            if self._broken_after:
                issue_fence()
            await asyncio.sleep(WATCH_SECONDS)

    def take_broken(self, fence: int) -> int:
        """The fence after which lines before `fence`, which has just come, may be missing; 0 if there is none."""
        after = self._broken_after
        if not after or fence <= self._seen_at:
            return 0
        self._broken_after = 0
        self._whole_at = fence
        return after

    async def _look(self, primary: Primary, last_fence: int) -> None:
        async with self._commands.pipeline(transaction=False) as pipeline:
            pipeline.execute_command("CLUSTER", "LINKS")
            pipeline.execute_command("TIME")
            links, time = await pipeline.execute()
        created = dict(_links_from(links))
        peers = self._topology.primary.peers - {primary.node}
        first = not self._links
        broken = False
        for node in peers:
            now, before = created.get(node), self._links.get(node)
            if now is None and node not in self._away:
                broken = True
                self._away.add(node)
            elif now is not None and now != before:
                broken = True
                self._away.discard(node)
        # Replicas, too: one that is promoted has had its link before.
        self._links |= created
        self._away &= peers
        if broken and not first:
            self._broken_after = self._broken_after or self._whole_at
            self._seen_at = int(time[0]) * 1000 + int(time[1]) // 1000
            if self._broken_after:
                logger.warning(
                    "bus_broken after=%(after)d away=%(away)d", {"after": self._whole_at, "away": len(self._away)}
                )
        elif not self._away and not self._broken_after:
            self._whole_at = last_fence


def _links_from(links: list[list[Any]]) -> list[tuple[str, int]]:
    described = [dict(zip(each[::2], each[1::2], strict=True)) for each in links]
    return [(each[b"node"].decode(), int(each[b"create-time"])) for each in described if each[b"direction"] == b"from"]
