"""A replica that lags is promoted: the rings give the log again what it lost, or the log says that it was lost."""

import json

import pytest

from tests.support.numbered_judge import Number
from tests.support.numbered_publishers import NumberedPublisher
from tests.support.recording_hubs import EVERY_LINE
from tests.support.sentinel_servers import FAST, sentinel_servers
from tests.support.sentinel_trial import DOWN_AFTER_MS, Trial, lacking, trial
from tests.support.servers import hub_processes
from tests.support.settings import FULL_SCALE
from tests.support.trial_load import CHANNELS

LAGS = [1, 10] if FULL_SCALE else [1]
# At LINES_PER_SECOND, rings of a megabyte hold less than one of the seconds that the replicas are behind.
PADDING_BYTES = 4_000


async def lag_and_kill(running: Trial, seconds: float) -> None:
    """Kill the primary when its replicas are `seconds` behind."""
    rig = running.rig

    def fault() -> None:
        with rig.lagging_replicas():
            rig.wait_seconds(seconds)
            killed = rig.kill_primary()
        rig.wait_primary(other_than=killed)
        killed.start()
        killed.wait_answers()

    await running.measured(f"replicas {seconds} s behind", fault)
    await running.sent(1)


@pytest.mark.parametrize("seconds", LAGS)
async def test_lines_that_the_log_lost_are_recorded_again_from_the_rings(seconds: int) -> None:
    with (
        sentinel_servers(down_after_ms=DOWN_AFTER_MS, periods_ms=FAST) as rig,
        hub_processes(2, rig.url, *EVERY_LINE) as hubs,
    ):
        hubs[0].wait_recording()
        async with trial(rig, hubs, keys_lost=True) as running:
            await running.sent(1)
            await lag_and_kill(running, seconds)

        last = max(line.id for line in running.log.lines if line.channel == CHANNELS[0])
        assert lacking(running, last) == []
        # Nothing but the outage itself is told.
        assert {gap.reason for gap in running.log.gaps} <= {"failover", "forked"}


class LongLines(NumberedPublisher):
    """Its lines fill small rings in a moment."""

    def line(self, number: Number) -> str:
        return json.dumps({**json.loads(super().line(number)), "padding": "x" * PADDING_BYTES})


async def test_lines_that_neither_log_nor_rings_have_are_told_once() -> None:
    with (
        sentinel_servers(down_after_ms=DOWN_AFTER_MS, periods_ms=FAST) as rig,
        hub_processes(2, rig.url, *EVERY_LINE, "--ring-megabytes", "1") as hubs,
    ):
        hubs[0].wait_recording()
        async with trial(rig, hubs, kind=LongLines, post_to=[]) as running:
            await running.sent(1)
            await lag_and_kill(running, 1.5)

    lost = [gap for gap in running.log.gaps if gap.reason == "log-lost"]
    assert sorted(gap.channel for gap in lost) == CHANNELS
    gaps = [gap for gap in running.log.gaps if gap.channel == CHANNELS[0]]
    # On a busy machine, lines leave such small rings before they are recorded, which is told as well.
    trimmed = [gap for gap in gaps if gap.reason == "trimmed"]
    last = max(line.id for line in running.log.lines if line.channel == CHANNELS[0])
    missing = [id for id in lacking(running, last) if not any(gap.after < id < gap.before for gap in trimmed)]
    assert missing
    [gap] = [gap for gap in gaps if gap.reason == "log-lost"]
    assert gap.after < missing[0]
    assert missing[-1] < gap.before
