"""A primary stands still (SIGSTOP), and goes on: in time, or when another one has its place."""

import asyncio
from collections.abc import Iterator
from functools import partial

import pytest

from tests.support.recording_hubs import EVERY_LINE
from tests.support.sentinel_servers import FAST, SentinelServers, sentinel_servers
from tests.support.sentinel_trial import trial
from tests.support.servers import HubProcess, hub_processes
from tests.support.trial_load import CHANNELS

DOWN_AFTER_SECONDS = 2.5


@pytest.fixture(scope="module")
def rig() -> Iterator[SentinelServers]:
    with sentinel_servers(down_after_ms=int(DOWN_AFTER_SECONDS * 1_000), periods_ms=FAST) as rig:
        yield rig


@pytest.fixture(scope="module")
def hubs(rig: SentinelServers) -> Iterator[list[HubProcess]]:
    with hub_processes(2, rig.url, *EVERY_LINE) as hubs:
        hubs[0].wait_recording()
        yield hubs


async def test_nothing_is_lost_when_a_frozen_primary_goes_on_in_time(
    rig: SentinelServers, hubs: list[HubProcess]
) -> None:
    primary, [replica, *_] = rig.wait_primary(), rig.replicas()

    def freeze(part: float) -> None:
        # By the clock of another server: this one's stands still.
        until = replica.seconds() + part * DOWN_AFTER_SECONDS
        primary.freeze()
        replica.wait_time(until)
        primary.thaw()

    async with trial(rig, hubs) as running:
        await running.sent(0.5)
        for part in (0.3, 0.7):
            await running.measured(f"frozen for {part} of the time-out", partial(freeze, part))
            await running.sent(0.5)
        assert rig.wait_primary() == primary

    assert not any(client.history.gaps for client in running.clients)
    assert running.log.gaps == []


async def test_a_frozen_primary_that_was_replaced_is_left_with_one_gap(
    rig: SentinelServers, hubs: list[HubProcess]
) -> None:
    primary, [replica, *_] = rig.wait_primary(), rig.replicas()

    def freeze() -> None:
        until = replica.seconds() + 1.5 * DOWN_AFTER_SECONDS
        primary.freeze()
        replica.wait_time(until)
        rig.wait_primary(other_than=primary)
        primary.thaw()

    async with trial(rig, hubs) as running:
        await running.sent(0.5)
        await running.measured("frozen for 1.5 of the time-out", freeze)
        await running.sent(1)
        await asyncio.to_thread(rig.wait_replicas)

    for client in running.clients:
        assert sorted(gap.channel for gap in client.history.gaps) == sorted(client.history.channels)
        # For a moment after it went on it could order lines for a hub that had not left it yet.
        assert {gap.reason for gap in client.history.gaps} <= {"failover", "forked"}
    assert sorted(gap.channel for gap in running.log.gaps) == CHANNELS
    assert {gap.reason for gap in running.log.gaps} == {"failover"}
