"""`sse-hub docker` while the partition moves: what a container prints is recorded once, every line."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from tests.support.containers import docker_command, engine_service, wait_started
from tests.support.fault_setups import Setup, cluster_setup, sentinel_setup
from tests.support.http_client import fetch
from tests.support.recording_hubs import EVERY_LINE
from tests.support.servers import HubProcess, hub_processes
from tests.support.waiting import wait_until

# At 100 lines a second.
LINES = 600
PRINTER = f'$| = 1; for ($n = 1; $n <= {LINES}; $n++) {{ print qq({{"n": $n}}\\n); select(undef, undef, undef, 0.01) }}'


def numbers(hub: HubProcess) -> list[int]:
    """The numbers of the container's lines in the log, in order."""
    answer = fetch(hub, "/history?channel=docker.printer&limit=5000&after=0-0")
    return [json.loads(line)["n"] for _, _, line, _ in answer.json["lines"]] if answer.status == 200 else []


def has_recorded(hub: HubProcess, lines: int) -> bool:
    return len(numbers(hub)) >= lines


@pytest.mark.parametrize("setup_of", [sentinel_setup, cluster_setup], ids=["sentinel", "cluster"])
def test_each_line_of_a_container_is_recorded_once_across_failovers(
    setup_of: Callable[[], AbstractContextManager[Setup]], tmp_path: Path
) -> None:
    with setup_of() as setup, hub_processes(2, setup.hub_url, *EVERY_LINE) as hubs, engine_service() as engine:
        hubs[0].wait_recording()
        with docker_command(setup.url, engine, tmp_path):
            wait_started(tmp_path)
            engine.run("printer", "perl", "-e", PRINTER, str(LINES))
            for fault, lines in (("planned", 50), ("kill", 150)):
                wait_until(partial(has_recorded, hubs[0], lines), f"{lines} lines are recorded")
                setup.faults[fault]()
                hubs[0].wait_recording()
            wait_until(lambda: LINES in numbers(hubs[0]), "the last line is recorded")

        assert numbers(hubs[1]) == list(range(1, LINES + 1))
