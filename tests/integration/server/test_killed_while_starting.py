"""A hub killed at any moment of its start, with an embedded Redis and workers: nothing of it is left."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.support.processes import has_ended
from tests.support.programs import clean_environ
from tests.support.servers import free_port
from tests.support.settings import DEADLINE_SECONDS, ROOT, at_scale
from tests.support.waiting import wait_until

KILLS = at_scale(5, 50)
AT_ONCE = 5
# Several hubs that start at once on two cores take about as long to be ready.
LAST_MOMENT_SECONDS = 3.0


def start_and_kill(folder: Path, workers: int, seconds: float, sent: signal.Signals) -> None:
    """Start a hub with an embedded Redis that keeps all its files in `folder`, and end it after `seconds`."""
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, "run.py", "--port", str(free_port()), "--workers", str(workers)],
        cwd=ROOT,
        env=clean_environ() | {"TMPDIR": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.send_signal(sent)
        process.wait(DEADLINE_SECONDS)
    finally:
        process.kill()
        process.wait()


def processes_of(folder: Path) -> list[int]:
    """The ids of all processes that keep their files in `folder`: a hub, its workers, the guard and the server."""
    found = []
    for each in psutil.process_iter():
        with suppress(psutil.Error):
            if each.environ().get("TMPDIR") == str(folder) and not has_ended(each):
                found.append(each.pid)
    return found


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGHUP])
def test_a_hub_killed_at_any_moment_of_its_start_leaves_no_process_and_no_file(
    tmp_path: Path, workers: int, sent: signal.Signals
) -> None:
    """R11: of 44 hubs killed with SIGKILL, 32 left a folder, and 12 of 18 that got SIGHUP."""
    for first in range(0, KILLS, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, KILLS))
        folders = [tmp_path / f"hub{number}" for number in numbers]
        moments = [LAST_MOMENT_SECONDS * (number + 0.5) / KILLS for number in numbers]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            ended = [
                pool.submit(start_and_kill, folder, workers, moment, sent)
                for folder, moment in zip(folders, moments, strict=True)
            ]
        for folder, moment, each in zip(folders, moments, ended, strict=True):
            each.result()
            wait_until(lambda: not processes_of(folder), f"all have ended, {moment:.2f} s after the start")  # noqa: B023
            assert list(folder.iterdir()) == [], f"{moment:.2f} s after the start"
