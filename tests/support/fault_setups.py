"""
Sentinels or a cluster, whichever a test is given, with the faults that both have.

    sentinel_setup(), cluster_setup() --> Setup: url_of(), plan_move(), kill() --> moved, and whole again
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sse_hub.broker.keys import CLUSTER_PREFIX, Partition
from tests.support.cluster_servers import cluster_servers
from tests.support.sentinel_servers import sentinel_servers
from tests.support.servers import HUB_PASSWORD, HUB_USER, PUBLISHER_PASSWORD, PUBLISHER_USER


@dataclass(frozen=True, slots=True)
class Setup:
    """
    Servers of which one has the partition. `faults` move it to another one, by name; each returns when all servers are
    well again. `ask` runs a command of Redis on the server that has it.
    """

    url_of: Callable[[str], str]
    faults: dict[str, Callable[[], None]]
    ask: Callable[..., Any]
    partition: Partition

    @property
    def hub_url(self) -> str:
        """The URL for the suite's hub, with its password."""
        return self.url_of(f"{HUB_USER}:{HUB_PASSWORD}@")

    @property
    def publisher_url(self) -> str:
        """The URL for the suite's publishers, with their password."""
        return self.url_of(f"{PUBLISHER_USER}:{PUBLISHER_PASSWORD}@")

    @property
    def url(self) -> str:
        """The URL without an account, which has all rights."""
        return self.url_of("")


@contextmanager
def sentinel_setup() -> Iterator[Setup]:
    """A primary with two replicas and three sentinels: a planned failover, and a kill."""
    with sentinel_servers(down_after_ms=1_000, periods_ms={"info-period": 500}) as rig:

        def plan() -> None:
            rig.fail_over()
            rig.wait_replicas()

        def kill() -> None:
            killed = rig.kill_primary()
            rig.wait_primary(other_than=killed)
            killed.start()
            rig.wait_replicas()

        def ask(*command: str | int) -> Any:
            return rig.wait_primary().ask(*command)

        yield Setup(rig.url_of, {"planned": plan, "kill": kill}, ask, Partition())


@contextmanager
def cluster_setup() -> Iterator[Setup]:
    """Three primaries with a replica each: a planned failover, a slot that is moved there and back, and a kill."""
    with cluster_servers(node_timeout_ms=1_500) as rig:

        def plan() -> None:
            rig.fail_over()
            rig.wait_whole()

        def move() -> None:
            owner = rig.wait_owner()
            rig.move_slot(next(each for each in rig.primaries() if each != owner))
            rig.move_slot(owner)

        def kill() -> None:
            killed = rig.wait_owner()
            killed.kill()
            rig.wait_owner(other_than=killed)
            killed.start()
            rig.wait_whole()

        def ask(*command: str | int) -> Any:
            return rig.wait_owner().ask(*command)

        faults = {"planned": plan, "moved slot": move, "kill": kill}
        yield Setup(rig.url_of, faults, ask, Partition(CLUSTER_PREFIX))
