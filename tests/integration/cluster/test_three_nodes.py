"""
T1: without a fault, all lines come to all hubs, with the same ids, whichever node they were published at.

    publish.c at three nodes --> cluster --> two hubs --> load.c: digests of ids and lines == those of a replay

The programs of the benchmarks are fast enough for ten million lines, and check each of them.
"""

import json
import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from bench.native.programs import Program, Programs, build
from tests.support.cluster_servers import ClusterServers, cluster_servers
from tests.support.cluster_trial import REDIS, elsewhere
from tests.support.servers import HubProcess, hub_processes
from tests.support.settings import DEADLINE_SECONDS, FULL_SCALE, at_scale
from tests.support.trial_load import LEAST_SHARE

logger = logging.getLogger(__name__)

CHANNELS = 5
PUBLISHERS = 3
# Of each publisher.
LINES = CHANNELS * at_scale(1_400, 670_000)
LINES_PER_SECOND = at_scale(1_000, 5_000)
SECONDS = 4 * LINES / LINES_PER_SECOND + DEADLINE_SECONDS
LINE_BYTES = 100
# All of it stays in the log.
RETAIN = ("--retain-lines", "10000000", "--retain-megabytes", "4000")


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    return build(tmp_path_factory.mktemp("native"))


@pytest.fixture
def rig() -> Iterator[ClusterServers]:
    """A cluster of its own, whose log has nothing else."""
    with cluster_servers(binary=REDIS) as rig:
        yield rig


def reading(programs: Programs, stack: ExitStack, hub: HubProcess, begin: str) -> Program:
    """A client of each channel at `hub`, that reads all lines after `begin`."""
    path = f"/message?channel=channel-%d&{begin}"
    options = {"channels": CHANNELS, "clients": CHANNELS, "publishers": PUBLISHERS, "ids": 1, "seconds": SECONDS}
    # What is too much shows a moment after the last line.
    lines = {"lines": PUBLISHERS * LINES // CHANNELS, "settle_seconds": 2}
    return stack.enter_context(programs.run("load", port=hub.port, path=path, **options, **lines))


def published(programs: Programs, rig: ClusterServers) -> list[dict[str, Any]]:
    """Publish all lines at three nodes, the anchor, another primary, and a replica. Returns the reports."""
    with ExitStack() as stack:
        running = []
        for number, node in enumerate([rig.wait_owner(), *elsewhere(rig)]):
            options = {"channel": "channel-%d", "channels": CHANNELS, "size": LINE_BYTES, "seconds": SECONDS}
            load = {"count": LINES, "rate": LINES_PER_SECOND, "publisher": number}
            running.append(stack.enter_context(programs.run("publish", port=node.port, **options, **load)))
        return [each.report(SECONDS + DEADLINE_SECONDS) for each in running]


def checked(report: dict[str, Any]) -> list[dict[str, str]]:
    """The ids and digests of `report`. AssertionError if a line is missing, or anything else is wrong with it."""
    faults = {name: report[name] for name in ("missing", "duplicates", "reordered", "gaps", "jumps", "closed")}
    assert not any(faults.values()), report
    assert report["delivered"] == report["lines"] == PUBLISHERS * LINES
    return list(report["ids"])


def test_lines_published_at_three_nodes_are_the_same_at_all_hubs_and_in_the_log(
    programs: Programs, rig: ClusterServers
) -> None:
    with hub_processes(2, rig.url, *RETAIN) as hubs, ExitStack() as stack:
        for hub in hubs:
            hub.wait_recording()
        clients = [reading(programs, stack, hub, "tail=0") for hub in hubs]
        for each in clients:
            each.wait_for("READY", DEADLINE_SECONDS)
        publishers = published(programs, rig)
        reports = [each.report(SECONDS) for each in clients]
        first, second = [checked(report) for report in reports]

        began = time.monotonic()
        fence = min(int(each["first"].split("-")[0]) for each in first)
        again = reading(programs, stack, hubs[1], f"since={fence}-0").report(SECONDS)
        took = time.monotonic() - began
        outputs = "".join(hub.output for hub in hubs)

    rate = sum(each["rate"] for each in publishers)
    assert [each["errors"] for each in publishers] == [0] * PUBLISHERS
    logger.warning(
        "three nodes: %s published at %.0f a second, delivered by each hub, latencies %s; %s replayed in %.0f s",
        f"{PUBLISHERS * LINES:,}",
        rate,
        json.dumps([report["latency"] for report in reports]),
        f"{again['delivered']:,}",
        took,
    )
    assert first == second
    assert checked(again) == first
    assert "bus_broken" not in outputs
    assert not FULL_SCALE or rate >= LEAST_SHARE * PUBLISHERS * LINES_PER_SECOND
