"""
The promise on a cluster, on trial: publishers at different nodes, two hubs, clients that resume on the other one.

    on_trial(rig) --> Trial: sent(), faults of the rig --> verdict on clients, replays and log; gaps; seconds away
"""

import asyncio
import logging
import os
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tests.support.cluster_servers import ClusterNode, ClusterServers
from tests.support.load import Id
from tests.support.numbered_judge import Gap, History, Verdict, judge
from tests.support.numbered_publishers import (
    NumberedPublisher,
    all_sent,
    at_node,
    by_cluster,
    numbered_publishers,
    reached_share,
)
from tests.support.oracle import Shape
from tests.support.programs import redis_binary, valkey_binary
from tests.support.recording_hubs import EVERY_LINE
from tests.support.roaming_clients import RoamingClient, at_random, exported, finish, paged, replayed, roaming
from tests.support.servers import HubProcess, hub_processes
from tests.support.settings import DEADLINE_SECONDS, ROOT
from tests.support.trial_load import CHANNELS, LINES_PER_SECOND, Outage, cut_seconds, quiet_publisher, shapes
from tests.support.waiting import wait_until

logger = logging.getLogger(__name__)

# Of Redis 7.0, another Redis may be tried instead of Debian's.
REDIS = Path(os.environ["SSE_HUB_TEST_REDIS"]) if os.environ.get("SSE_HUB_TEST_REDIS") else redis_binary()
VALKEY = valkey_binary()


@dataclass
class Trial:
    """
    One trial. `verdict` and `histories` are there when its block has ended.

    `histories` are those of the clients, then of a replay, the pages of `/history`, and `/export`. `staying` are the
    clients that are never cut, one at each hub. `outputs` is what the hubs have printed.
    """

    rig: ClusterServers
    hubs: list[HubProcess]
    publishers: list[NumberedPublisher]
    clients: list[RoamingClient]
    staying: list[RoamingClient]
    verdict: Verdict = field(default_factory=Verdict)
    histories: list[History] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)

    async def sent(self, count: int) -> None:
        """Return when the publishers together have sent `count` more lines."""
        until = self._sent + count
        await asyncio.to_thread(
            wait_until, lambda: self._sent >= until, f"{count} lines are sent", 4 * DEADLINE_SECONDS
        )

    @property
    def _sent(self) -> int:
        return sum(len(each.sent) for each in self.publishers)

    async def recovered(self) -> None:
        """Return when all hubs are ready and record again, and the cluster is whole."""

        def all_well() -> bool:
            states = [hub.state() for hub in self.hubs]
            return all(state["ready"] and state["recording"] for state in states)

        await asyncio.to_thread(wait_until, all_well, "both hubs are ready")
        await asyncio.to_thread(self.rig.wait_whole)

    def gaps(self, *reasons: str) -> list[Gap]:
        """The gaps that clients were told, each once, whichever channel it was for; those with `reasons` if given."""
        told = {(gap.after, gap.before, gap.reason) for client in self.clients for gap in client.history.gaps}
        return [Gap("", *each) for each in sorted(told) if not reasons or each[2] in reasons]

    def most_gaps(self) -> int:
        """How many gaps the client was told that was told the most of one channel."""
        told = Counter((client.history.name, gap.channel) for client in self.clients for gap in client.history.gaps)
        return max(told.values(), default=0)

    def sessions_away(self, since: float = 0.0, until: float = float("inf")) -> list[float]:
        """
        Of each session of a hub that ended `since` then and `until` then, the seconds until the next one could count.

        Both are times as time.time() has them.
        """
        return [seconds for _, seconds in self._away(since, until)]

    def outage(self, what: str, began: float, agreed: float, ended: float) -> Outage:
        """What came of `what`, which `began` then. The nodes had `agreed` then, and all was well when it `ended`."""
        away = self._away(began, ended)
        ready = max((at + seconds for at, seconds in away), default=began)
        outage = Outage(agreed - began, ready - began, max((seconds for _, seconds in away), default=0.0))
        logger.info("%s: %s", what, outage)
        return outage

    def _away(self, since: float, until: float) -> list[tuple[float, float]]:
        return [(at, seconds) for output in self.outputs for at, seconds in _away(output) if since <= at < until]


def _away(output: str) -> Iterator[tuple[float, float]]:
    ended = None
    for moment, event in re.findall(r"^(\S+ \S+) .*? (session_ended|session_started) ", output, re.MULTILINE):
        at = datetime.strptime(moment, "%Y-%m-%d %H:%M:%S,%f").astimezone().timestamp()
        if event == "session_ended":
            ended = at
        elif ended is not None:
            yield ended, at - ended
            ended = None


@asynccontextmanager
async def on_trial(
    rig: ClusterServers,
    *options: str,
    lines_per_second: int = LINES_PER_SECOND,
    publishers_at: Callable[[ClusterServers], list[ClusterNode]] | None = None,
    url: str = "",
    root: Path = ROOT,
) -> AsyncIterator[Trial]:
    """
    Two hubs with `options` that record, and clients under load, for the duration of the block. `root` is their code.

    One publisher is redis-py's cluster client; the others are at the nodes that `publishers_at` chooses: else a primary
    that is not the anchor, and a replica of another one.
    """
    nodes = (publishers_at or elsewhere)(rig)
    ways = [by_cluster(rig), *(at_node(each, counts=False) for each in nodes)]
    rate = max(1, lines_per_second // len(ways))
    publishers = [NumberedPublisher(name, way, CHANNELS, rate) for name, way in zip("abcdef", ways, strict=False)]
    publishers.append(quiet_publisher(ways[0]))
    with ExitStack() as stack:
        hubs = stack.enter_context(hub_processes(2, url or rig.url, *(options or EVERY_LINE), root=root))
        for hub in hubs:
            hub.wait_recording()
        clients = [RoamingClient(f"client {number}", hubs, shape) for number, shape in enumerate(shapes())]
        # So that what one hub told is not hidden by the other.
        staying = [
            RoamingClient(f"client of hub {n}", [hub], Shape(CHANNELS, batch=True)) for n, hub in enumerate(hubs)
        ]
        trial = Trial(rig, hubs, publishers, [*clients, *staying], staying)
        async with roaming(*trial.clients):
            with numbered_publishers(*publishers):
                cutting = asyncio.create_task(at_random(clients, cut_seconds))
                try:
                    yield trial
                finally:
                    cutting.cancel()
            await trial.recovered()
            await finish(publishers, trial.clients)
        await _judge(trial)


async def _judge(trial: Trial) -> None:
    first, sent = trial.clients[0].history, all_sent(trial.publishers)
    begin, last = str(first.begin), first.last_ids()

    def recorded() -> bool:
        newest = paged(trial.hubs[0], CHANNELS, str(Id(min(last.values()).fence - 1, 0))).last_ids()
        return all(channel in newest and newest[channel] >= id for channel, id in last.items())

    await asyncio.to_thread(wait_until, recorded, "all is recorded")
    read = [await replayed(trial.hubs[1], Shape(CHANNELS, batch=True), begin, last)]
    read.append(await asyncio.to_thread(paged, trial.hubs[0], CHANNELS, begin))
    for each in read:
        each.since, each.until = first.since, first.until
    # Its gaps have no ids, so that nothing is owed to it. It may have lines of another trial.
    read.append(await asyncio.to_thread(exported, trial.hubs[1], CHANNELS))
    read[-1].since = float("inf")
    read[-1].items = [line for line in read[-1].lines if line.id > first.begin]
    trial.histories = [*(client.history for client in trial.clients), *read]
    trial.outputs = [hub.output for hub in trial.hubs]
    trial.verdict = judge(sent, trial.histories[:-1], only_ids_of=trial.histories[-1:])
    logger.warning(
        "%s; %.0f %% of the rate; gaps %s; away %s",
        trial.verdict,
        100 * reached_share(trial.publishers),
        # One for each channel.
        [*dict.fromkeys(f"{gap.reason} {(gap.before.fence - gap.after.fence) / 1000:.2f} s" for gap in trial.gaps())],
        [f"{seconds:.3f}" for seconds in trial.sessions_away()],
    )


def elsewhere(rig: ClusterServers) -> list[ClusterNode]:
    """A primary that is not the anchor, and a replica of the third one, or of any if there are no three."""
    anchor = rig.wait_owner()
    others = [each for each in rig.primaries() if each != anchor]
    replicas = [each for other in others[::-1] for each in rig.replicas_of(other)] or rig.replicas_of(anchor)
    return [*(others[:1] or [anchor]), *(replicas[:1] or others[1:2] or [anchor])]


def covering(gaps: list[Gap], low: Id, high: Id) -> bool:
    """True if `gaps` together cover all from `low` to `high`, without a hole."""
    for gap in sorted(gaps, key=lambda gap: gap.after):
        if gap.after <= low < gap.before:
            low = gap.before
    return low >= high
