"""A hub of several worker processes."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from tests.support.processes import connections
from tests.support.servers import HubProcess, hub_process
from tests.support.waiting import wait_until

WORKERS = 2


@contextmanager
def worker_hub(redis_url: str | None, *options: str) -> Iterator[HubProcess]:
    """A hub of WORKERS processes that are all ready."""
    with hub_process(redis_url, "--workers", str(WORKERS), *options) as hub:
        wait_until(lambda: "is running" in hub.output, "all workers serve")
        yield hub


def workers_of(hub: HubProcess) -> list[psutil.Process]:
    """The worker processes of `hub`."""
    workers = []
    for each in psutil.Process(hub.process.pid).children():
        with suppress(psutil.NoSuchProcess):
            workers += [each] if "sse_hub.server.worker" in each.cmdline() else []
    return workers


def connections_of(hub: HubProcess) -> Counter[int]:
    """The number of connections of each worker, by process id."""
    held: Counter[int] = Counter()
    for worker in workers_of(hub):
        of_hub = [each for each in connections(worker) if each.status == "ESTABLISHED" and each.laddr.port == hub.port]
        held[worker.pid] = len(of_hub)
    return held
