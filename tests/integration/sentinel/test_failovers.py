"""Failovers under load, of every kind: what was published is received or told, at the right server only, soon."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.support.lying_sentinel import LyingSentinel, lying_sentinel
from tests.support.redis_nodes import Node
from tests.support.roaming_clients import at_random, were_cut
from tests.support.sentinel_servers import FAST, NAME, SentinelServers, sentinel_servers
from tests.support.sentinel_trial import DOWN_AFTER_MS, Trial, explained, trial
from tests.support.servers import HUB_PASSWORD, HUB_USER, HubProcess, hub_processes
from tests.support.settings import PATIENCE, at_scale
from tests.support.trial_load import CUTS, Figures, Outage, cut_seconds

REFUSED = {1, 3, 10}
# After a kill nobody is the primary until the sentinels have noticed, and agreed.
KILL_SECONDS = DOWN_AFTER_MS / 1_000 + 2.0
# A planned failover, or after there is a new primary.
MOVE_SECONDS = 0.5 * PATIENCE
# With every line, a replica that begins anew would soon have hundreds of megabytes to load.
RETAIN = ("--retain-lines", "20000")
# So 60 failovers in a row at full scale. Each round is judged by itself.
ROUNDS = at_scale(1, 12)


@pytest.fixture(scope="module")
def rig() -> Iterator[SentinelServers]:
    with sentinel_servers(proxies=True, down_after_ms=DOWN_AFTER_MS, periods_ms=FAST) as rig:
        yield rig


@pytest.fixture(scope="module")
def liar(rig: SentinelServers) -> Iterator[LyingSentinel]:
    """Names the first primary for ever, with an old epoch."""
    with lying_sentinel(NAME, rig.wait_primary().announced_port, epoch=0) as liar:
        yield liar


@pytest.fixture(scope="module")
def hubs(rig: SentinelServers, liar: LyingSentinel) -> Iterator[list[HubProcess]]:
    seeds = [liar.address, *(each.address for each in rig.sentinels)]
    with hub_processes(2, rig.url_of(f"{HUB_USER}:{HUB_PASSWORD}@", seeds), *RETAIN) as hubs:
        hubs[0].wait_recording()
        yield hubs


class Faults:
    """Each fault ends when there is another primary; heal() starts what was killed."""

    def __init__(self, rig: SentinelServers) -> None:
        self._rig = rig

    def kill(self) -> Node:
        return self._rig.wait_primary(other_than=self._rig.kill_primary())

    def plan(self) -> Node:
        return self._rig.fail_over()

    def kill_and_refuse(self) -> Node:
        """The first dials to the new primary are refused."""
        for each in self._rig.replicas():
            self._rig.proxies[each].refuse(REFUSED)
        return self.kill()

    def come_back_early(self) -> Node:
        """The old primary is back before anybody could tell it that it is none any more."""
        killed = self._rig.kill_primary()
        new = self._rig.wait_primary(other_than=killed)
        killed.start()
        killed.wait_answers()
        return new

    def restart_sentinels(self) -> Node:
        self._rig.restart_sentinels()
        return self.kill()

    def heal(self) -> None:
        for each in self._rig.servers:
            if not each.runs:
                each.start()
                each.wait_answers()
        self._rig.wait_replicas()


async def run(trial: Trial, kind: str) -> Outage:
    """One fault, and what must come of it."""
    faults = Faults(trial.rig)
    gaps = len(trial.gaps())
    outage = await trial.measured(kind, getattr(faults, kind))
    if kind == "plan":
        assert outage.away <= MOVE_SECONDS, outage
    else:
        # The sentinels may need longer on a busy machine, and no hub knows more than they do.
        assert outage.ready <= max(KILL_SECONDS, outage.agreed + MOVE_SECONDS), outage
    await trial.sent(0.5)
    await asyncio.to_thread(faults.heal)
    told = trial.gaps()[gaps:]
    assert {gap.reason for gap in told} <= {"failover", "forked"}, told
    return outage


KINDS = ["plan", "kill_and_refuse", "come_back_early", "restart_sentinels", "kill"]


async def judged_round(rig: SentinelServers, hubs: list[HubProcess], figures: Figures) -> Trial:
    """One fault of each kind in a row."""
    async with trial(rig, hubs) as running:
        # All the while, clients resume at any hub.
        cutting = asyncio.create_task(at_random(running.clients, cut_seconds))
        await running.sent(1)
        for kind in KINDS[: at_scale(3, 5)]:
            figures.add_outage(kind, await run(running, kind))
        await were_cut(running.clients, CUTS)
        cutting.cancel()
    figures.add(running.verdict, running.publishers, running.clients)
    return running


async def test_failovers_in_a_row(rig: SentinelServers, hubs: list[HubProcess], liar: LyingSentinel) -> None:
    figures = Figures("failovers")
    for _ in range(ROUNDS):
        with explained(rig, hubs):
            running = await judged_round(rig, hubs, figures)
        assert liar.asked, "nobody has asked the liar"
        assert running.strays.looks > 10
    figures.check()
