"""T8: lines that are lost on the bus of a cluster are told, and no others."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from tests.support.cluster_servers import ClusterNode, ClusterServers, cluster_servers
from tests.support.cluster_trial import LINES_PER_SECOND, REDIS, VALKEY, Trial, covering, on_trial
from tests.support.load import Id
from tests.support.servers import HUB_USER, hub_process
from tests.support.settings import at_scale
from tests.support.split_network import needs_split_network, split_network
from tests.support.waiting import wait_until

NODE_TIMEOUT_MS = 4_000
BETWEEN = LINES_PER_SECOND * 2 // 5
CALM_SECONDS = at_scale(10, 3_600)


@pytest.fixture(scope="module")
def rig() -> Iterator[ClusterServers]:
    """A cluster of Redis, which has the heavier bus."""
    with cluster_servers(node_timeout_ms=NODE_TIMEOUT_MS, binary=REDIS) as rig:
        yield rig


@pytest.fixture(scope="module")
def valkey_rig() -> Iterator[ClusterServers]:
    with cluster_servers(node_timeout_ms=NODE_TIMEOUT_MS, binary=VALKEY) as rig:
        yield rig


def another(rig: ClusterServers) -> ClusterNode:
    """A primary that is not the anchor."""
    anchor = rig.wait_owner()
    return next(each for each in rig.primaries() if each != anchor)


def now() -> int:
    """The present time, as a fence has it."""
    return int(time.time() * 1000)


def check_told(trial: Trial, since: int, until: int) -> None:
    """AssertionError unless every client that was there was told a gap of the bus `since` then and `until` then."""
    assert trial.verdict.holds, "\n".join([str(trial.verdict), *trial.outputs])
    assert {gap.reason for gap in trial.gaps()} == {"bus"}
    assert not trial.sessions_away()
    for history in [*trial.histories[4:6], trial.histories[6], trial.histories[7]]:
        for channel in history.channels:
            gaps = [gap for gap in history.gaps if gap.covers(channel)]
            assert len(gaps) == len(set(gaps)), gaps
            assert covering(gaps, Id(since, 0), Id(until, 0)), (history.name, channel, since, until, gaps)


async def test_lines_lost_while_the_anchor_was_frozen_for_a_moment_are_told(rig: ClusterServers) -> None:
    anchor = rig.wait_owner()
    async with on_trial(rig) as trial:
        await trial.sent(BETWEEN)
        since = now()
        anchor.freeze()
        await asyncio.to_thread(wait_until, lambda: now() - since > 0.7 * NODE_TIMEOUT_MS, "it was frozen for a while")
        anchor.thaw()
        until = now()
        await trial.recovered()
        await trial.sent(BETWEEN)

    assert rig.wait_owner() == anchor
    if "bus_broken" in "".join(trial.outputs):
        check_told(trial, since, until)
    # Else all that was sent meanwhile had room in the links, and they held.
    assert trial.verdict.holds, str(trial.verdict)


async def test_lines_lost_with_a_killed_link_are_told(valkey_rig: ClusterServers) -> None:
    anchor, other = valkey_rig.wait_owner(), another(valkey_rig)
    async with on_trial(valkey_rig) as trial:
        await trial.sent(BETWEEN)
        since = now()
        await asyncio.to_thread(valkey_rig.cut_bus, anchor, other)
        until = now()
        await trial.sent(BETWEEN)

    check_told(trial, since, until)


@needs_split_network
async def test_lines_lost_in_a_cut_network_are_told_though_their_node_was_replaced_meanwhile() -> None:
    """For all that time its link looks well at the anchor: it is new only when the network is whole again."""
    with split_network() as network:
        cut_off, others = network.sides
        # The second one is the anchor.
        sides = [cut_off, others, others, others, others, others]
        with cluster_servers(
            node_timeout_ms=1_500,
            binary=REDIS,
            hosts=[side.host for side in sides],
            insides=[side.inside for side in sides],
        ) as rig:
            lonely, anchor = rig.nodes[:2]
            assert anchor == rig.wait_owner()
            async with on_trial(rig, publishers_at=lambda rig: [lonely, rig.nodes[2]]) as trial:
                await trial.sent(BETWEEN)
                since = now()
                network.cut()
                slot = lonely.claim().slots[0].start
                await asyncio.to_thread(wait_until, lambda: rig.owner(slot) not in (lonely, None), "it is replaced")
                await trial.sent(BETWEEN)
                network.heal()
                await trial.recovered()
                await trial.sent(BETWEEN)
                until = rig.links(anchor)["from", lonely.id]

            assert until > since
            check_told(trial, since, until)


async def test_calm_days_and_a_restarted_replica_have_no_gaps(rig: ClusterServers) -> None:
    anchor = rig.wait_owner()
    async with on_trial(rig, lines_per_second=at_scale(500, 1_000)) as trial:
        began = time.monotonic()
        await asyncio.to_thread(
            wait_until, lambda: time.monotonic() - began > CALM_SECONDS, "it was calm", 2 * CALM_SECONDS
        )
        [replica] = rig.replicas_of(anchor)
        await asyncio.to_thread(replica.kill)
        await trial.sent(3 * BETWEEN)
        await asyncio.to_thread(replica.start)
        await trial.recovered()
        await trial.sent(BETWEEN)

    assert trial.verdict.holds, str(trial.verdict)
    assert trial.gaps() == []
    assert not trial.sessions_away()
    assert "bus_broken" not in "".join(trial.outputs)


async def test_lines_go_on_while_another_shard_is_down_and_nothing_is_recorded() -> None:
    with cluster_servers(node_timeout_ms=1_000, replicas=0, binary=REDIS) as rig:
        anchor, other, third = rig.wait_owner(), *[each for each in rig.primaries() if each != rig.wait_owner()]
        async with on_trial(rig, publishers_at=lambda _: [anchor, third]) as trial:
            await trial.sent(BETWEEN)
            since = now()
            await asyncio.to_thread(other.kill)
            await asyncio.to_thread(
                wait_until, lambda: anchor.state()["cluster_state"] == "fail", "the cluster is down"
            )
            down = now()
            await trial.sent(BETWEEN)
            await asyncio.to_thread(wait_until, lambda: not trial.hubs[0].state()["recording"], "it can't record")
            await asyncio.to_thread(other.start)
            await trial.recovered()
            until = rig.links(anchor)["from", other.id]
            await trial.sent(BETWEEN)

        # Lines on the link from it may have been lost with it.
        check_told(trial, since, until)
        came = [line for line in trial.clients[4].history.lines if down - 1_000 < line.id.fence < until]
        assert len(came) > BETWEEN // 2


async def test_where_links_can_not_be_asked_for_it_is_said_once_and_the_hub_works(rig: ClusterServers) -> None:
    for each in rig.nodes:
        each.ask("ACL", "SETUSER", HUB_USER, "-cluster|links")
    try:
        with hub_process(rig.url) as hub:
            hub.wait_recording()
            wait_until(lambda: "bus_not_watched" in hub.output, "it is said")
            fences = rig.wait_owner().ask("XLEN", "{sse-hub}:fences")
            wait_until(lambda: rig.wait_owner().ask("XLEN", "{sse-hub}:fences") > fences + 2, "time passes")
            assert hub.output.count("bus_not_watched") == 1
            assert hub.ready()
    finally:
        for each in rig.nodes:
            each.ask("ACL", "SETUSER", HUB_USER, "+cluster|links")
