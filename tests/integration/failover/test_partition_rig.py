"""The rig of partitions itself: the old primary serves its side while the other side has a new one."""

import redis

from tests.support.cluster_servers import cluster_servers
from tests.support.sentinel_servers import FAST, sentinel_servers
from tests.support.servers import hub_process
from tests.support.split_network import needs_split_network, split_network
from tests.support.waiting import wait_until


def test_a_partition_by_proxies_leaves_the_old_primary_to_its_clients() -> None:
    with sentinel_servers(proxies=True, down_after_ms=500, periods_ms=FAST) as rig:
        old = rig.wait_primary()

        rig.proxies[old].hold()
        new = rig.wait_primary(other_than=old)

        assert old.is_primary
        with redis.Redis(port=old.announced_port) as client:
            assert client.set("key", "of the dead branch")
        rig.proxies[old].release()
        wait_until(lambda: old.in_sync_with(new), "it is a replica of the new one")
        assert old.ask("GET", "key") is None


@needs_split_network
def test_a_partition_of_the_network_leaves_both_sides_a_primary_and_their_hubs() -> None:
    with split_network() as network:
        bad, good = network.sides
        sides = [bad, good, good, bad, good, good]
        with (
            sentinel_servers(
                down_after_ms=500,
                periods_ms=FAST,
                hosts=[side.host for side in sides],
                insides=[side.inside for side in sides],
            ) as rig,
            hub_process(rig.servers[0].url, host=good.host, inside=good.inside) as hub,
        ):
            old = rig.wait_primary()

            network.cut()
            new = rig.wait_primary(other_than=old)

            assert old.is_primary
            assert new.is_primary
            # The hub on the good side no longer reaches the old primary; this process reaches both.
            wait_until(lambda: not hub.ready(), "the hub has noticed")
            network.heal()
            wait_until(lambda: old.in_sync_with(new), "it is a replica of the new one")


@needs_split_network
def test_a_partition_of_a_cluster_takes_the_slots_from_the_minority() -> None:
    with split_network() as network:
        bad, good = network.sides
        # One of the three primaries, and none of the replicas.
        for_nodes = [bad, *[good] * 5]
        hosts, insides = [side.host for side in for_nodes], [side.inside for side in for_nodes]
        with cluster_servers(node_timeout_ms=1_000, hosts=hosts, insides=insides) as rig:
            cut_off = rig.nodes[0]
            slot = cut_off.claim().slots[0].start

            network.cut()
            wait_until(lambda: rig.owner(slot) != cut_off, "a replica has taken over")
            wait_until(lambda: cut_off.state()["cluster_state"] == "fail", "the minority knows")
            network.heal()

            assert rig.wait_owner(slot, other_than=cut_off)
            rig.wait_whole()
