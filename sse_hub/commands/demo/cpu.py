"""
Channel `cpu`: the load of this machine, twice a second, as numbers that the page plots.
"""

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass

import psutil

from sse_hub.commands.demo.step import Step, Steps, json_line

CHANNEL = "cpu"
PAUSE_SECONDS = 0.5

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Load:
    """All in percent: CPU in total and per core since the last reading, and memory in use now."""

    cpu: float
    per_core: list[float]
    memory: float


def read_load() -> Load:
    """The load of this machine. Takes less than a millisecond."""
    return Load(psutil.cpu_percent(), psutil.cpu_percent(percpu=True), psutil.virtual_memory().percent)


def cpu_steps(read: Callable[[], Load] = read_load) -> Steps:
    """Readings without end; none if the system does not provide them (a container that hides /proc)."""
    while True:
        try:
            load = read()
        except (psutil.Error, OSError) as error:
            _logger.warning("No CPU load available, channel cpu stays silent: %s", error)
            return
        yield Step(CHANNEL, json_line(asdict(load)), PAUSE_SECONDS)
