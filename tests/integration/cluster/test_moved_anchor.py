"""T7: the anchor is killed, frozen, failed over, or its slot is moved, under load, and the promise holds."""

import asyncio
import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.support.cluster_servers import ANCHOR_SLOT, ClusterNode, ClusterServers, cluster_servers
from tests.support.cluster_trial import LINES_PER_SECOND, REDIS, VALKEY, Trial, on_trial
from tests.support.settings import PATIENCE
from tests.support.waiting import wait_until

ENGINES = {"redis": REDIS, "valkey": VALKEY}
NODE_TIMEOUT_MS = 1_500
PLANNED_SECONDS = 0.3 * PATIENCE
KILLED_SECONDS = NODE_TIMEOUT_MS / 1000 + 3 * PATIENCE
BETWEEN = LINES_PER_SECOND * 2 // 5
# With every line, a slot with the log of minutes would take long to move.
RETAIN = ("--retain-lines", "10000")

Fault = Callable[[ClusterServers], object]


@pytest.fixture(scope="module", params=list(ENGINES))
def rig(request: pytest.FixtureRequest) -> Iterator[ClusterServers]:
    with cluster_servers(node_timeout_ms=NODE_TIMEOUT_MS, binary=ENGINES[request.param]) as rig:
        yield rig


def another(rig: ClusterServers) -> ClusterNode:
    """A primary that is not the anchor."""
    anchor = rig.wait_owner()
    return next(each for each in rig.primaries() if each != anchor and each.claim().slots)


def move(rig: ClusterServers) -> None:
    """Move the slot as all versions can."""
    rig.move_slot(another(rig))


def reshard(rig: ClusterServers) -> None:
    """Have `redis-cli` move the first slots of the anchor, among them that of the partition, to another primary."""
    anchor, target = rig.wait_owner(), another(rig)
    count = next(ANCHOR_SLOT - slots.start + 1 for slots in anchor.claim().slots if ANCHOR_SLOT in slots)
    subprocess.run(
        ["redis-cli", "--cluster", "reshard", anchor.address, "--cluster-from", anchor.id, "--cluster-to", target.id,
         "--cluster-slots", str(count), "--cluster-yes"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    rig.wait_owner(other_than=anchor)


def move_at_once(rig: ClusterServers) -> None:
    """Move the slot atomically where the server can."""
    if "valkey" in str(rig.nodes[0].command[0]):
        rig.move_slot_at_once(another(rig))
    else:
        move(rig)


async def moved(trial: Trial, fault: Fault) -> None:
    """Inject `fault` while lines are published, and return when all is well again."""
    await trial.sent(BETWEEN)
    await asyncio.to_thread(fault, trial.rig)
    await trial.recovered()
    await trial.sent(BETWEEN)


async def test_a_planned_move_of_the_anchor_is_told_and_short(rig: ClusterServers) -> None:
    faults: list[Fault] = [ClusterServers.fail_over, move, move_at_once]
    async with on_trial(rig, *RETAIN) as trial:
        for fault in faults:
            await moved(trial, fault)

    assert trial.verdict.holds, str(trial.verdict)
    assert {gap.reason for gap in trial.gaps()} == {"failover"}
    assert len(trial.sessions_away()) >= 2 * len(faults)
    assert max(trial.sessions_away()) <= PLANNED_SECONDS


async def test_a_killed_anchor_is_told_in_one_gap(rig: ClusterServers) -> None:
    async with on_trial(rig, *RETAIN) as trial:
        await trial.sent(BETWEEN)
        anchor = rig.wait_owner()
        await asyncio.to_thread(anchor.kill)
        await asyncio.to_thread(rig.wait_owner, other_than=anchor)
        await asyncio.to_thread(anchor.start)
        await trial.recovered()
        await trial.sent(BETWEEN)

    assert trial.verdict.holds, str(trial.verdict)
    assert {gap.reason for gap in trial.gaps()} == {"failover"}
    assert trial.most_gaps() == 1
    assert max(trial.sessions_away()) <= KILLED_SECONDS


async def test_a_frozen_anchor_that_thaws_after_its_failover_is_told_in_one_gap(rig: ClusterServers) -> None:
    """A fence that lay in its socket is executed when it thaws, and has an older tenure: it ends no session."""
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
