"""T8: lines that are lost on the bus of a cluster are told, and no others."""

import asyncio
import time
from collections.abc import Iterator
from functools import partial

import pytest

from tests.support.cluster_servers import ClusterNode, ClusterServers, cluster_servers
from tests.support.cluster_trial import REDIS, VALKEY, Trial, covering, on_trial
from tests.support.load import Id
from tests.support.servers import HUB_USER, hub_process
from tests.support.settings import at_scale
from tests.support.split_network import needs_split_network, split_network
from tests.support.trial_load import LINES_PER_SECOND, Figures
from tests.support.waiting import wait_until

NODE_TIMEOUT_MS = 4_000
BETWEEN = LINES_PER_SECOND * 2 // 5
# An hour at full scale, in parts that are judged one by one.
CALM_SECONDS = at_scale(10, 600)
CALM_ROUNDS = at_scale(1, 6)
CALM_LINES_PER_SECOND = at_scale(500, 1_000)
# Of five channels, all lines of a part and more.
CALM_RETAIN = ("--retain-lines", "200000")


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


def passed(until: float) -> bool:
    """True after the monotonic time `until`."""
    return time.monotonic() > until


def check_told(trial: Trial, since: int, until: int) -> None:
    """AssertionError unless every client that was there was told a gap of the bus `since` then and `until` then."""
    assert trial.verdict.holds, "\n".join([str(trial.verdict), *trial.outputs])
    assert {gap.reason for gap in trial.gaps()} == {"bus"}
    assert not trial.sessions_away()
    # The last one is the export, which has no ids of gaps.
    for history in [*(client.history for client in trial.staying), *trial.histories[-3:-1]]:
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
                network.cut()
                since = now()
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
    figures = Figures("calm days")
    for _ in range(CALM_ROUNDS):
        async with on_trial(rig, *CALM_RETAIN, lines_per_second=CALM_LINES_PER_SECOND) as trial:
            until = time.monotonic() + CALM_SECONDS
            await asyncio.to_thread(wait_until, partial(passed, until), "it was calm", 2 * CALM_SECONDS)
            [replica] = rig.replicas_of(anchor)
            await asyncio.to_thread(replica.kill)
            await trial.sent(3 * CALM_LINES_PER_SECOND)
            await asyncio.to_thread(replica.start)
            await trial.recovered()
            await trial.sent(CALM_LINES_PER_SECOND)

        assert trial.verdict.holds, str(trial.verdict)
        assert trial.gaps() == []
        assert not trial.sessions_away()
        assert "bus_broken" not in "".join(trial.outputs)
        figures.add(trial.verdict, trial.publishers, trial.clients)
    figures.check()


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
        came = [line for line in trial.staying[0].history.lines if down - 1_000 < line.id.fence < until]
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
