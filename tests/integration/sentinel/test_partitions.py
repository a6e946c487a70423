"""
The network is cut: a hub, a publisher and a sentinel stay with the old primary, and the others choose another one.

    bad side: old primary, one sentinel, hub, publisher            good side: replicas, two sentinels, hub, publishers
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import NamedTuple

from tests.support.numbered_judge import Gap
from tests.support.numbered_publishers import at_node, by_sentinel
from tests.support.oracle import Shape
from tests.support.recording_hubs import EVERY_LINE
from tests.support.redis_nodes import Node
from tests.support.roaming_clients import RoamingClient
from tests.support.sentinel_servers import FAST, SentinelServers, sentinel_servers
from tests.support.sentinel_trial import DOWN_AFTER_MS, Trial, trial
from tests.support.servers import HubProcess, hub_process
from tests.support.settings import PATIENCE, at_scale
from tests.support.split_network import SplitNetwork, needs_split_network, split_network
from tests.support.trial_load import CHANNELS
from tests.support.waiting import wait_until

logger = logging.getLogger(__name__)

PARTITION_SECONDS = at_scale(8, 30)
MAX_LAG_SECONDS = 2
# The publisher of the bad side.
BAD = "publisher-2"

pytestmark = needs_split_network


class Sides(NamedTuple):
    """The rig and its network, the primary at first, and a hub on each side of the cut."""

    rig: SentinelServers
    network: SplitNetwork
    old: Node
    bad: HubProcess
    good: HubProcess


@contextmanager
def two_sides(min_replicas: int) -> Iterator[Sides]:
    """The rig and a hub on each side."""
    with split_network() as network:
        bad, good = network.sides
        places = [bad, good, good, good, good, bad]
        hosts, insides = [side.host for side in places], [side.inside for side in places]
        with (
            sentinel_servers(
                down_after_ms=DOWN_AFTER_MS,
                periods_ms=FAST,
                min_replicas=min_replicas,
                max_lag_seconds=MAX_LAG_SECONDS,
                hosts=hosts,
                insides=insides,
            ) as rig,
            hub_process(rig.url, *EVERY_LINE, host=bad.host, inside=bad.inside) as bad_hub,
            hub_process(rig.url, *EVERY_LINE, host=good.host, inside=good.inside) as good_hub,
        ):
            good_hub.wait_recording()
            yield Sides(rig, network, rig.wait_primary(), bad_hub, good_hub)


class Roamer(RoamingClient):
    """A client that can be sent to another hub."""

    def go_to(self, hub: HubProcess) -> None:
        self._hubs = [hub]
        self.cut()


@asynccontextmanager
async def cut_off(sides: Sides, post_to: list[HubProcess]) -> AsyncIterator[tuple[Trial, Roamer]]:
    """
    A trial in which the block is the partition, with clients that stay on the good and on the bad side, and one that
    may go from the bad one to the good one.
    """
    shape = Shape(CHANNELS, batch=True)
    clients = [
        Roamer("good", [sides.good], shape),
        Roamer("bad", [sides.bad], shape),
        Roamer("moves", [sides.bad], shape),
    ]
    ways = [by_sentinel(sides.rig), by_sentinel(sides.rig), at_node(sides.old)]
    hubs = [sides.bad, sides.good]
    async with trial(sides.rig, hubs, ways, clients, post_to=post_to) as running:
        await running.sent(1)
        running.may_stray = True
        sides.network.cut()
        since = time.monotonic()
        yield running, clients[2]
        sides.network.heal()
        await asyncio.to_thread(wait_until, lambda: not sides.old.is_primary, "the old primary is a replica")
        # From here on it tells its publisher that nobody gets what it publishes.
        running.dead.append((BAD, since, time.monotonic()))
        await running.wait_served()
        await running.sent(1)


def told(client: RoamingClient, reason: str) -> list[Gap]:
    return [gap for gap in client.history.gaps if gap.reason == reason]


def dead_lines(running: Trial) -> set[int]:
    """The numbers, in the first channel, of what the publisher of the bad side has published on the dead branch."""
    publisher = next(each for each in running.publishers if each.name == BAD)
    return {sent.number.seq for sent in publisher.sent if running.is_dead(sent) and sent.number.channel == CHANNELS[0]}


async def test_clients_of_a_dead_branch_are_told_one_gap_and_the_log_has_nothing_of_it() -> None:
    with two_sides(min_replicas=0) as sides:
        async with cut_off(sides, post_to=[]) as (running, mover):
            await asyncio.to_thread(sides.rig.wait_primary, sides.old)
            await running.sent(PARTITION_SECONDS / 2)
            assert sides.bad.ready(), "it does not know better"
            mover.go_to(sides.good)
            await running.sent(PARTITION_SECONDS / 2)

    good, bad, moves = running.clients
    [after] = {gap.after.fence for gap in told(good, "failover")}
    for client in (bad, moves):
        forked = told(client, "forked")
        assert sorted(gap.channel for gap in forked) == CHANNELS, client.history.gaps
        assert len(client.history.gaps) == len(CHANNELS), client.history.gaps
        # From the last fence that both branches have: the good side got none after it before the cut.
        [common] = {gap.after.fence for gap in forked}
        assert after - 1_500 < common <= after
    dead = dead_lines(running)
    on_bad = {
        line.number.seq for line in bad.history.lines if line.channel == CHANNELS[0] and line.number.publisher == BAD
    }
    assert len(dead & on_bad) > 10, "the dead branch had lines"
    in_log = {
        line.number.seq for line in running.log.lines if line.channel == CHANNELS[0] and line.number.publisher == BAD
    }
    assert in_log
    assert not in_log & dead


async def test_with_min_replicas_the_hub_that_was_cut_off_says_that_it_is_not_ready() -> None:
    with two_sides(min_replicas=1) as sides:
        async with cut_off(sides, post_to=[sides.bad, sides.good]) as (running, _):
            started = time.monotonic()
            await asyncio.to_thread(wait_until, lambda: not sides.bad.ready(), "it is not ready")
            took = time.monotonic() - started
            logger.info("not ready %.1f s after the cut", took)
            assert took <= (MAX_LAG_SECONDS + 2) * PATIENCE
            await asyncio.to_thread(sides.rig.wait_primary, sides.old)
            await running.sent(PARTITION_SECONDS - took)
            assert not sides.bad.ready()
