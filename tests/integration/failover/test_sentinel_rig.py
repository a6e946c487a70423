"""The rig of Sentinel set-ups itself: each of its faults does what it says."""

from collections.abc import Iterator

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.lying_sentinel import lying_sentinel
from tests.support.programs import valkey_binary
from tests.support.sentinel_servers import FAST, NAME, SentinelServers, sentinel_servers
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def rig() -> Iterator[SentinelServers]:
    with sentinel_servers(down_after_ms=500, periods_ms=FAST) as rig:
        yield rig


def test_a_killed_primary_is_replaced_and_comes_back_early_as_a_second_primary(rig: SentinelServers) -> None:
    rig.wait_replicas()
    old = rig.kill_primary()
    new = rig.wait_primary(other_than=old)

    old.start()
    old.wait_answers()

    assert old.is_primary
    assert new.is_primary
    # Until the sentinels have demoted it.
    rig.wait_replicas()
    assert not old.is_primary
    assert rig.primary() == new


def test_a_planned_failover_makes_a_replica_the_primary(rig: SentinelServers) -> None:
    rig.wait_replicas()
    before = rig.wait_primary()

    after = rig.fail_over()

    assert after != before
    wait_until(lambda: not before.is_primary, "the old one is a replica")


def test_a_frozen_primary_is_replaced_and_believes_to_be_one_when_it_is_thawed(rig: SentinelServers) -> None:
    rig.wait_replicas()
    old = rig.wait_primary()

    old.freeze()
    new = rig.wait_primary(other_than=old)
    old.thaw()

    assert new != old
    rig.wait_replicas()


def test_what_lagging_replicas_had_not_executed_is_lost_with_the_primary(rig: SentinelServers) -> None:
    rig.wait_replicas()
    primary = rig.wait_primary()
    primary.ask("SET", "held", "before")
    for each in rig.replicas():
        each.wait_has_all_of(primary)

    with rig.lagging_replicas():
        primary.ask("SET", "held", "after")
        rig.wait_seconds(0.3)
        primary.kill()

    assert rig.wait_primary(other_than=primary).ask("GET", "held") == "before"
    primary.start()
    rig.wait_replicas()


def test_restarted_sentinels_know_the_primary(rig: SentinelServers) -> None:
    rig.wait_replicas()
    primary = rig.wait_primary()

    rig.restart_sentinels()

    assert rig.wait_primary() == primary


def test_a_lying_sentinel_is_believed_by_a_client_that_asks_only_one(rig: SentinelServers) -> None:
    rig.wait_replicas()
    primary = rig.wait_primary()
    [other, *_] = [each for each in rig.servers if each != primary]

    with lying_sentinel(NAME, other.port, epoch=0) as liar:
        for protocol in (2, 3):
            with redis.Redis(port=liar.port, protocol=protocol, decode_responses=True) as client:
                told = client.execute_command("SENTINEL MASTER", NAME)
                assert (int(told["port"]), int(told["config-epoch"])) == (other.port, 0)

    assert any("sentinel master" in each.lower() for each in liar.asked)
    assert rig.primary() == primary


def test_a_proxy_refuses_the_dials_it_is_told_to_and_no_sentinels() -> None:
    with sentinel_servers(proxies=True, down_after_ms=500, periods_ms=FAST) as rig:
        old = rig.kill_primary()
        new = rig.wait_primary(other_than=old)
        proxy = rig.proxies[new]

        proxy.refuse({1, 3})
        answers = []
        for _ in range(4):
            with redis.Redis(port=new.announced_port, retry=Retry(NoBackoff(), 0)) as client:
                try:
                    answers.append(client.ping())
                except redis.ConnectionError:
                    answers.append(False)

        assert answers == [False, True, False, True]
        assert (proxy.dials, proxy.refused) == (4, 2)
        # Replicas follow through the proxy all the same.
        rig.wait_replicas()


def test_valkey_can_be_both_server_and_sentinel() -> None:
    with sentinel_servers(binary=valkey_binary(), down_after_ms=500, periods_ms=FAST) as rig:
        before = rig.kill_primary()

        assert rig.wait_primary(other_than=before).ask("SET", "key", "value") == "OK"


def test_a_primary_without_enough_replicas_refuses_to_write() -> None:
    with sentinel_servers(min_replicas=1, max_lag_seconds=1, down_after_ms=60_000) as rig:
        primary = rig.wait_primary()
        assert primary.ask("SET", "key", "value") == "OK"

        for each in rig.replicas():
            each.freeze()

        def refuses() -> bool:
            try:
                primary.ask("SET", "key", "value")
            except redis.ResponseError as error:
                return "NOREPLICAS" in str(error)
            return False

        wait_until(refuses, "it refuses")
