"""T7, T13: the anchor is killed, frozen, failed over, or its slot is moved, under load, and the promise holds."""

import asyncio
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from sse_hub.broker.keys import CLUSTER_PREFIX, Partition
from sse_hub.broker.scripts import script
from tests.support.cluster_servers import ANCHOR_SLOT, SLOTS, ClusterNode, ClusterServers, cluster_servers
from tests.support.cluster_trial import REDIS, VALKEY, Trial, on_trial
from tests.support.metrics import scrape
from tests.support.recording_hubs import frozen
from tests.support.roaming_clients import were_cut
from tests.support.servers import end, hub_process
from tests.support.settings import FULL_SCALE, PATIENCE, at_scale
from tests.support.trial_load import CUTS, LINES_PER_SECOND, Figures
from tests.support.waiting import wait_until

ENGINES = {"redis": REDIS, "valkey": VALKEY}
NODE_TIMEOUT_MS = 1_500
PLANNED_SECONDS = 0.3 * PATIENCE
KILLED_SECONDS = NODE_TIMEOUT_MS / 1000 + 3 * PATIENCE
# Without streams, and with the time that is left to record the last lines.
STOP_SECONDS = 2.5 * PATIENCE
BETWEEN = LINES_PER_SECOND * 2 // 5
# With every line, a slot with the log of minutes would take long to move.
RETAIN = ("--retain-lines", "10000")

Fault = Callable[[ClusterServers], object]


@pytest.fixture(scope="module")
def rigs() -> Iterator[dict[str, ClusterServers]]:
    """A cluster of each engine."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(cluster_servers(node_timeout_ms=NODE_TIMEOUT_MS, binary=binary))
            for name, binary in ENGINES.items()
        }


def another(rig: ClusterServers) -> ClusterNode:
    """A primary that is not the anchor."""
    anchor = rig.wait_owner()
    return next(each for each in rig.primaries() if each != anchor and each.claim().slots)


def move(rig: ClusterServers) -> None:
    """Move the slot as all versions can."""
    rig.move_slot(another(rig))


def reshard(rig: ClusterServers) -> None:
    """Have `redis-cli` move the slot."""
    # It takes the lowest slots of a node, so the anchor has to be the one with the highest.
    highest = rig.wait_owner(SLOTS - 1)
    if rig.wait_owner() != highest:
        rig.move_slot(highest)
    target = another(rig)
    count = sum(slot <= ANCHOR_SLOT for slots in highest.claim().slots for slot in slots)
    subprocess.run(
        ["redis-cli", "--cluster", "reshard", highest.address, "--cluster-from", highest.id, "--cluster-to", target.id,
         "--cluster-slots", str(count), "--cluster-yes"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    rig.wait_owner(other_than=highest)


def move_at_once(rig: ClusterServers) -> None:
    """Move the slot atomically where the server can."""
    if "valkey" in str(rig.nodes[0].command[0]):
        rig.move_slot_at_once(another(rig))
    else:
        move(rig)


def kill(rig: ClusterServers) -> None:
    """Kill the anchor, and start it again when a replica has taken its place."""
    anchor = rig.wait_owner()
    anchor.kill()
    rig.wait_owner(other_than=anchor)
    anchor.start()


PLANNED: list[Fault] = [ClusterServers.fail_over, move, reshard, move_at_once]
FAULTS = PLANNED + ([kill] if FULL_SCALE else [])
# So 100 faults in a row at full scale. Each round is judged by itself.
ROUNDS = at_scale(1, 20)


async def moved(trial: Trial, fault: Fault) -> tuple[float, float, float]:
    """
    Inject `fault` while lines are published.

    Returns when that began, when the nodes had agreed on a new owner, and when lines went on after all was well again.
    """
    await trial.sent(BETWEEN)
    began = time.time()
    await asyncio.to_thread(fault, trial.rig)
    agreed = time.time()
    await trial.recovered()
    await trial.sent(BETWEEN)
    return began, agreed, time.time()


@pytest.mark.parametrize("engine", list(ENGINES))
async def test_an_anchor_that_moves_again_and_again_is_told_and_short(
    rigs: dict[str, ClusterServers], engine: str
) -> None:
    """At full scale, it is also killed: 100 times in a row, it moves or is killed."""
    figures = Figures(f"moved anchor, {engine}")
    for _ in range(ROUNDS):
        async with on_trial(rigs[engine], *RETAIN) as trial:
            times = [await moved(trial, fault) for fault in FAULTS]
            await were_cut(trial.clients, CUTS)

        assert trial.verdict.holds, str(trial.verdict)
        # With a node that is killed, its links break, too, and it may have published.
        assert {gap.reason for gap in trial.gaps()} <= {"failover", *(["bus"] if FULL_SCALE else [])}
        figures.add(trial.verdict, trial.publishers, trial.clients)
        for fault, time_of in zip(FAULTS, times, strict=True):
            figures.add_outage(fault.__name__, trial.outage(fault.__name__, *time_of))
    figures.check()
    longest = {kind: max(each.away for each in outages) for kind, outages in figures.outages.items()}
    assert longest.pop("kill", 0.0) <= KILLED_SECONDS
    assert max(longest.values()) <= PLANNED_SECONDS


async def test_a_killed_anchor_is_told_in_one_gap(rigs: dict[str, ClusterServers]) -> None:
    async with on_trial(rigs["redis"], *RETAIN) as trial:
        await moved(trial, kill)

    assert trial.verdict.holds, str(trial.verdict)
    assert {gap.reason for gap in trial.gaps()} == {"failover"}
    assert trial.most_gaps() == 1
    assert max(trial.sessions_away()) <= KILLED_SECONDS


async def test_a_frozen_anchor_that_thaws_after_its_failover_is_told_in_one_gap(
    rigs: dict[str, ClusterServers],
) -> None:
    """A fence that lay in its socket is executed when it thaws, and has an older tenure: it ends no session."""
    rig = rigs["redis"]
    async with on_trial(rig, *RETAIN) as trial:
        await trial.sent(BETWEEN)
        anchor = rig.wait_owner()
        anchor.freeze()
        await asyncio.to_thread(rig.wait_owner, other_than=anchor)
        await asyncio.to_thread(wait_until, lambda: all(hub.ready() for hub in trial.hubs), "both hubs are ready")
        await trial.sent(BETWEEN)
        anchor.thaw()
        await trial.recovered()
        await trial.sent(BETWEEN)

    assert trial.verdict.holds, str(trial.verdict)
    assert {gap.reason for gap in trial.gaps()} == {"failover"}
    assert trial.most_gaps() == 1
    assert max(trial.sessions_away()) <= KILLED_SECONDS


def test_an_anchor_that_is_back_before_a_hub_learns_that_it_was_away_is_told_as_one_that_moved(
    rigs: dict[str, ClusterServers],
) -> None:
    """It was told as `recorder-down`, as if the hub had been away."""
    rig = rigs["redis"]
    keys = Partition(CLUSTER_PREFIX)
    anchor = rig.wait_owner()
    with hub_process(rig.url) as hub:
        hub.wait_recording()
        with frozen(hub):
            rig.move_slot(another(rig))
            # As another hub would: it reaches the session of this one over the bus.
            issued = rig.wait_owner().ask(
                "EVAL", script("clock", "fence"), 2, keys.clock, keys.fences, 0, keys.fence_channel
            )
            assert issued
            rig.move_slot(anchor)
        wait_until(lambda: scrape(hub).get("sse_hub_gap_total") > 0, "a gap is told")
        told = scrape(hub)
        assert told.get("sse_hub_gap_total") == told.get("sse_hub_gap_total", reason="failover")


@pytest.mark.parametrize("all_nodes", [False, True], ids=["anchor", "all"])
def test_a_hub_stops_in_time_while_nodes_are_frozen(rigs: dict[str, ClusterServers], all_nodes: bool) -> None:
    rig = rigs["redis"]
    with hub_process(rig.url) as hub:
        hub.wait_recording()
        rig.fail_over()
        nodes = rig.nodes if all_nodes else [rig.wait_owner()]
        for each in nodes:
            each.freeze()
        try:
            began = time.monotonic()
            end(hub)
            assert time.monotonic() - began < STOP_SECONDS
        finally:
            for each in nodes:
                each.thaw()
            rig.wait_whole()

    assert hub.process.returncode == 0
