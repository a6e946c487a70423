"""
The bus of a cluster, as the anchor has it: whether lines that were published at other nodes may not have arrived.

    CLUSTER LINKS and NODES, four times a second --> BusLinks: is each link the one of before? --> take_broken(fence)

A node sends what is published to all others over links that acknowledge nothing. When a link breaks, lines are lost
without a word to anybody, and no fence shows it: fences are published at the anchor itself.
https://redis.io/docs/latest/commands/cluster-links/
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

import redis.asyncio
from redis.exceptions import RedisError, ResponseError

from sse_hub.broker.cluster_nodes import KnownNode, Links, links_in, nodes_in
from sse_hub.broker.keys import Partition
from sse_hub.broker.topology import Primary, Topology

logger = logging.getLogger(__name__)

WATCH_SECONDS = 0.25
# A node that is away for longer has been down, or else nobody can say what it has taken.
FORGET_MS = 60_000


class BusLinks:
    """
    The links to the anchor from the other nodes. Pure: no I/O.

    A replica that can't be reached either while its link is away is down, and tells nothing when it comes back: nearly
    nobody publishes at replicas, and they are restarted now and then. A primary that has been replaced meanwhile may
    have been cut off, and have taken lines all the time, so it is remembered for FORGET_MS.
    """

    def __init__(self, anchor: str) -> None:
        self.anchor = anchor
        self.away: set[str] = set()
        # When the link from each node was made; of one that is away, the last one. And the link to it.
        self._links: dict[str, int] = {}
        self._own_links: dict[str, int] = {}
        # Nodes that were silent for so long that the link to them was made anew, and until when (ms) the link from them
        # may turn out to be dead: it looks well until they make another one.
        self._in_doubt: dict[str, int] = {}
        # Nodes that owned slots when they last answered.
        self._owned: set[str] = set()
        # Until when all that a node has published has come, as far as is known: a fence, or a time in ms.
        self._whole: dict[str, int] = {}
        self._looked = False

    def look(self, nodes: Sequence[KnownNode], links: Links, last_fence: int) -> int | None:
        """
        Compare `links` with those of before. `last_fence` was the last fence when the server was asked.

        Returns the time, in ms like a fence, since which lines may be missing; None if there is no such time.
        """
        answered = {node.id: node.answered_at for node in nodes}
        reached = {node.id for node in nodes if node.reached}
        owners = {node.id for node in nodes if node.owns_slots} - {self.anchor}
        # A node that has come since the last look may have published before its link was there.
        whole = min(self._whole.values(), default=last_fence)
        broken = []
        self._doubt(links.outgoing, last_fence)
        for node in owners | self._links.keys() | links.incoming.keys():
            link, before = links.incoming.get(node), self._links.get(node)
            since = self._whole.setdefault(node, whole)
            if link is None:
                if (node in owners or node in self._owned) and node not in self.away:
                    broken.append(since)
                self.away.add(node)
                remembered = node in self._owned and last_fence - since < FORGET_MS
                if node not in owners and node not in reached and not remembered:
                    self._forget(node)
            elif link != before:
                known = before is not None or (node in owners and self._looked)
                if known or (not self._looked and link >= last_fence > 0):
                    broken.append(since)
                self.away.discard(node)
                self._in_doubt.pop(node, None)
                self._links[node] = link
            elif self._in_doubt.get(node, 0) <= last_fence:
                answered_at = _certain(answered.get(node, 0))
                if answered_at > since and node not in owners:
                    self._owned.discard(node)
                self._whole[node] = max(since, min(last_fence, answered_at))
        self._looked = True
        self._owned |= owners
        return min(broken, default=None)

    def told(self, fence: int) -> None:
        """All that was lost before `fence` has been told."""
        for node, since in self._whole.items():
            self._whole[node] = max(since, fence)

    def _doubt(self, own_links: dict[str, int], last_fence: int) -> None:
        # A node answers on the link to it. After a cut, that may be whole again before it notices that its own is dead.
        for node, link in own_links.items():
            if self._own_links.get(node, link) != link:
                self._in_doubt[node] = last_fence + FORGET_MS
        self._own_links |= own_links

    def _forget(self, node: str) -> None:
        self.away.discard(node)
        self._own_links.pop(node, None)
        self._in_doubt.pop(node, None)
        self._owned.discard(node)
        self._links.pop(node, None)
        self._whole.pop(node, None)


def _certain(answered_at: int) -> int:
    # A node that no packet reaches has a link that looks well for a long time; that it does not answer shows it.
    # What others say of its answers is known by whole seconds; this node's own path to it may be cut all the same.
    return answered_at if answered_at % 1000 else 0


class BusWatch:
    """Watches the links to the anchor while a session with it lasts, and remembers what a session could not tell."""

    def __init__(self, commands: redis.asyncio.Redis, topology: Topology) -> None:
        self._commands = commands
        self._topology = topology
        self._links = BusLinks("")
        # False where the server has no CLUSTER LINKS (before Redis 7.0), or the account lacks the right to it.
        self._works = True
        self._warned = False
        self._first_fence = 0
        # The time (ms) since which lines may be missing, and the last fence or time (ms) at the server when that was
        # seen.
        self._broken_since: int | None = None
        self._seen_at = 0

    async def run(self, primary: Primary, last_fence: Callable[[], int], issue_fence: Callable[[], None]) -> None:
        """Watch until cancelled."""
        if self._links.anchor != primary.node:
            self._links = BusLinks(primary.node)
            self._works = True
        while True:
            try:
                if self._works:
                    await self._look(self._topology.partition, last_fence())
            except ResponseError as error:
                self._works = not _is_missing(error)
                if not self._works and not self._warned:
                    self._warned = True
                    logger.warning("bus_not_watched error=%(error)r", {"error": str(error)})
            except (RedisError, OSError):
                # The source's watch sees to it. What breaks meanwhile shows in the next answer.
                pass
            if self._broken_since is not None:
                issue_fence()
            await asyncio.sleep(WATCH_SECONDS)

    def session_started(self, fence: int, told_since: int | None = None) -> None:
        """A session has received its first fence. All that is missing since `told_since` has been told."""
        self._first_fence = self._first_fence or fence
        self._seen_at = 0
        if self._broken_since is not None and told_since is not None and self._broken_since >= told_since:
            self._broken_since = None

    def take_broken(self, fence: int) -> int:
        """The fence after which lines before `fence`, which has just come, may be missing; 0 if there is none."""
        if self._broken_since is None or fence <= self._seen_at:
            return 0
        after, self._broken_since = max(self._broken_since, self._first_fence), None
        self._links.told(fence)
        return after

    async def _look(self, partition: Partition, last_fence: int) -> None:
        async with self._commands.pipeline(transaction=False) as pipeline:
            pipeline.execute_command("CLUSTER", "LINKS")
            pipeline.execute_command("CLUSTER", "NODES")
            pipeline.execute_command("TIME")
            # Its fences may be ahead of its time, after a failover from a server whose clock was.
            pipeline.execute_command("GET", partition.clock)
            links, known, time, clock = await pipeline.execute()
        nodes = nodes_in(known)
        if not any(node.myself and node.id == self._links.anchor for node in nodes):
            # The partition has just moved, and this session is about to end.
            return
        since = self._links.look(nodes, links_in(links), last_fence)
        if since is None:
            return
        self._broken_since = since if self._broken_since is None else min(since, self._broken_since)
        self._seen_at = max(int(time[0]) * 1000 + int(time[1]) // 1000, int((clock or b"0").split()[0]))
        logger.warning(
            "bus_broken after=%(after)d away=%(away)d", {"after": self._broken_since, "away": len(self._links.away)}
        )


def _is_missing(error: ResponseError) -> bool:
    text = str(error).lower()
    return "links" in text and ("unknown" in text or "permission" in text)
