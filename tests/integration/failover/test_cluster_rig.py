"""The rig of clusters itself: each of its faults does what it says."""

from collections.abc import Iterator

import pytest
import redis

from tests.support.cluster_servers import ANCHOR_SLOT, ClusterServers, cluster_servers
from tests.support.programs import valkey_binary
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def rig() -> Iterator[ClusterServers]:
    with cluster_servers(node_timeout_ms=1_000) as rig:
        yield rig


@pytest.fixture(scope="module")
def valkey_rig() -> Iterator[ClusterServers]:
    with cluster_servers(node_timeout_ms=1_000, binary=valkey_binary()) as rig:
        yield rig


def filled(rig: ClusterServers) -> None:
    """Make sure that there is something to be moved."""
    owner = rig.wait_owner()
    for number in range(250):
        owner.ask("SET", f"{{sse-hub}}:{number}", "value")


@pytest.mark.parametrize(("primaries", "replicas"), [(1, 0), (3, 0), (1, 1)])
def test_a_cluster_of_any_form_takes_writes_at_all_its_primaries(primaries: int, replicas: int) -> None:
    with cluster_servers(primaries=primaries, replicas=replicas) as rig:
        with redis.RedisCluster(host="127.0.0.1", port=rig.nodes[-1].port) as client:
            for number in range(50):
                assert client.set(f"key-{number}", "value")

        assert len(rig.primaries()) == primaries


def test_a_planned_failover_makes_a_replica_the_owner(rig: ClusterServers) -> None:
    filled(rig)
    before = rig.wait_owner()

    after = rig.fail_over()

    assert after != before
    wait_until(lambda: rig.replicas_of(after) == [before], "the old one is a replica")
    assert after.ask("CLUSTER", "COUNTKEYSINSLOT", ANCHOR_SLOT) == 250


def test_a_slot_moves_with_its_keys_and_back(rig: ClusterServers) -> None:
    filled(rig)
    source = rig.wait_owner()
    target = next(each for each in rig.primaries() if each != source)

    rig.move_slot(target)

    assert rig.owner() == target
    assert target.ask("CLUSTER", "COUNTKEYSINSLOT", ANCHOR_SLOT) == 250
    rig.move_slot(source)
    assert rig.owner() == source


def test_a_move_that_is_begun_can_be_cancelled(rig: ClusterServers) -> None:
    source = rig.wait_owner()
    target = next(each for each in rig.primaries() if each != source)

    rig.begin_move(target)
    with pytest.raises(redis.ResponseError, match=r"ASK|\d+ 127\.0\.0\.1"):
        source.ask("GET", "{sse-hub}:not there")
    rig.cancel_move()

    assert source.ask("GET", "{sse-hub}:not there") is None
    assert rig.owner() == source


@pytest.mark.parametrize("frozen", [False, True])
def test_a_dead_or_frozen_owner_is_replaced_and_comes_back_as_a_replica(rig: ClusterServers, frozen: bool) -> None:
    rig.wait_whole()
    old = rig.wait_owner()

    if frozen:
        old.freeze()
    else:
        old.kill()
    new = rig.wait_owner(other_than=old)
    if frozen:
        old.thaw()
    else:
        old.start()

    wait_until(lambda: rig.replicas_of(new) == [old], "the old one is a replica")


def test_what_a_lagging_replica_had_not_executed_is_lost_with_the_owner(rig: ClusterServers) -> None:
    rig.wait_whole()
    owner = rig.wait_owner()
    [replica] = rig.replicas_of(owner)
    owner.ask("SET", "{sse-hub}:held", "before")
    replica.wait_has_all_of(owner)

    replica.hold_replication()
    owner.ask("SET", "{sse-hub}:held", "after")
    owner.kill()
    wait_until(lambda: not replica.linked, "its link is down")
    replica.release_replication()

    assert rig.wait_owner(other_than=owner).ask("GET", "{sse-hub}:held") == "before"
    owner.start()
    rig.wait_whole()


def test_valkey_moves_a_slot_at_once(valkey_rig: ClusterServers) -> None:
    filled(valkey_rig)
    source = valkey_rig.wait_owner()
    target = next(each for each in valkey_rig.primaries() if each != source)

    valkey_rig.move_slot_at_once(target)

    assert valkey_rig.owner() == target
    assert target.ask("CLUSTER", "COUNTKEYSINSLOT", ANCHOR_SLOT) == 250


def test_a_cut_link_of_the_bus_is_made_again(valkey_rig: ClusterServers) -> None:
    valkey_rig.wait_whole()
    owner = valkey_rig.wait_owner()
    other = next(each for each in valkey_rig.primaries() if each != owner)
    wait_until(lambda: len(valkey_rig.links(owner)) == 10, "all links are there")
    before = valkey_rig.links(owner)

    valkey_rig.cut_bus(owner, other)

    def new(direction: str) -> bool:
        after = valkey_rig.links(owner)
        return after.get((direction, other.id), 0) > before[direction, other.id]

    wait_until(lambda: new("from") and new("to"), "both links are new")
