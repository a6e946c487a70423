"""URLs that name the wrong server, or Sentinels that can't say: the hub is never ready, and says why."""

import re
from collections.abc import Callable, Iterator

import pytest

from tests.support.sentinel_servers import NAME, SentinelServers, sentinel_servers
from tests.support.servers import HUB_PASSWORD, HUB_USER, hub_process
from tests.support.waiting import wait_until

ACCOUNT = f"{HUB_USER}:{HUB_PASSWORD}@"


@pytest.fixture(scope="module")
def rig() -> Iterator[SentinelServers]:
    with sentinel_servers(down_after_ms=60_000) as rig:
        for each in rig.sentinels[2:]:
            each.ask("ACL", "SETUSER", "default", "resetpass", ">sentinel-secret")
        # A replica that takes writes, which are lost.
        rig.servers[2].ask("CONFIG", "SET", "replica-read-only", "no")
        yield rig


def of_locked_sentinel(rig: SentinelServers) -> str:
    return rig.url_of(ACCOUNT, [rig.sentinels[2].address])


WRONG: dict[str, tuple[Callable[[SentinelServers], str], str]] = {
    "a replica": (lambda rig: f"redis://{ACCOUNT}{rig.servers[1].address}/0", "READONLY"),
    "a replica that takes writes": (lambda rig: f"redis://{ACCOUNT}{rig.servers[2].address}/0", "is a replica"),
    "a sentinel": (lambda rig: f"redis://localhost:{rig.sentinels[0].port}/0", r"redis\+sentinel://host:26379"),
    "an unknown name": (lambda rig: rig.url_of(ACCOUNT).replace(f"/{NAME}/", "/other/"), "No such master"),
    "a server as a sentinel": (lambda rig: rig.url_of("", [rig.servers[0].address]), "unknown command"),
    "no password for the sentinel": (of_locked_sentinel, "sentinel_password="),
    "a wrong one": (lambda rig: f"{of_locked_sentinel(rig)}?sentinel_password=wrong", "invalid username-password"),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_hub_is_not_ready_and_says_why(
    rig: SentinelServers, wrong: tuple[Callable[[SentinelServers], str], str]
) -> None:
    url_of, why = wrong
    with hub_process(url_of(rig), ready=False) as hub:
        wait_until(lambda: re.search(f"redis_unreachable .*({why})", hub.output) is not None, f"it says {why}")
        assert not hub.ready()


def test_a_hub_with_the_right_password_for_sentinels_is_ready(rig: SentinelServers) -> None:
    with hub_process(f"{of_locked_sentinel(rig)}?sentinel_password=sentinel-secret"):
        pass
