"""`sse-hub redis-acl --cluster` and `--sentinel`: the rights needed on a cluster and a Sentinel, and no others."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.asyncio import ConnectionPool
from redis.cluster import RedisCluster
from redis.exceptions import NoPermissionError

from sse_hub.broker.keys import CLUSTER_PREFIX, Partition
from sse_hub.broker.order_probe import measure_order
from sse_hub.broker.scripts import script
from tests.support.programs import redis_binary
from tests.support.servers import RedisServer, free_port, redis_server
from tests.support.settings import DEADLINE_SECONDS, ROOT
from tests.support.waiting import wait_until

SLOTS = 16_384
ALL_RIGHTS = "user default on nopass allcommands allkeys allchannels\n"
PRIMARY = "primary"


class Account:
    """What `sse-hub redis-acl` says of one account."""

    def __init__(self, name: str, password: str) -> None:
        self.name = name
        self.password = password

    def client(self, port: int) -> redis.Redis:
        """A client of the server at `port`, with this account."""
        return redis.Redis("127.0.0.1", port, username=self.name, password=self.password, decode_responses=True)


def generated(folder: Path, *words: str) -> tuple[Path, Account, Account]:
    """An aclfile, and the accounts of hubs and publishers in it."""
    command = [sys.executable, "-m", "sse_hub.cli", "redis-acl", "--ingest", "app.*", "--aclfile", *words]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=True)
    file = folder / "users.acl"
    file.write_text(made.stdout + ALL_RIGHTS)
    of_url = r"(hub|publisher)(?::|&sentinel_password=)([\w-]+)"
    hub, publisher = (Account(*found) for found in re.findall(of_url, made.stderr))
    return file, hub, publisher


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RedisServer, Account, Account]]:
    """A cluster of one node that owns all slots."""
    file, hub, publisher = generated(tmp_path_factory.mktemp("cluster"), "--cluster")
    # By default the port of the bus is 10,000 above, and may be in use.
    options = f"--cluster-enabled yes --cluster-port {free_port()} --aclfile {file}"
    with redis_server(options=tuple(options.split()), accounts=False) as server:
        with server.client() as client:
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, SLOTS - 1)
            wait_until(lambda: client.execute_command("CLUSTER INFO")["cluster_state"] == "ok", "the cluster is up")
        yield server, hub, publisher


@contextmanager
def denied(server: RedisServer) -> Iterator[None]:
    """What is denied in the block fails the test, except names of clients, which redis-py tries to set."""
    with server.client() as client:
        client.execute_command("ACL", "LOG", "RESET")
        yield
        assert {entry["object"] for entry in client.acl_log()} <= {"client|setinfo", "client"}


async def test_a_hub_on_a_cluster_has_all_rights_it_needs(cluster: tuple[RedisServer, Account, Account]) -> None:
    server, hub, _ = cluster
    client: Any
    with denied(server), hub.client(server.port) as client:
        for command in ("SLOTS", "SHARDS", "NODES", "MYID", "LINKS", "INFO"):
            client.execute_command(f"CLUSTER {command}")
        fence = client.register_script(script("clock", "fence"))
        assert int(fence(keys=["{sse-hub}:clock"], args=[0, "{sse-hub}:fence"])) > 0
        client.xadd("{sse-hub}:fences", {"t": "1"}, "1-0")
        assert client.xrange("{sse-hub}:fences") and client.get("{sse-hub}:clock")
        with client.pubsub() as pubsub:
            pubsub.psubscribe("app.*")
            pubsub.subscribe("{sse-hub}:fence")
            assert [pubsub.get_message(timeout=DEADLINE_SECONDS)["type"] for _ in "ab"] == ["psubscribe", "subscribe"]
        pool = ConnectionPool(host="127.0.0.1", port=server.port, username=hub.name, password=hub.password)
        assert (await measure_order(pool.make_connection, Partition(CLUSTER_PREFIX), 400)).kept


def test_publishers_on_a_cluster_can_publish_and_nothing_else(cluster: tuple[RedisServer, Account, Account]) -> None:
    server, _, publisher = cluster
    client: Any
    plain: Any
    with denied(server):
        client = RedisCluster("127.0.0.1", server.port, username=publisher.name, password=publisher.password)
        with client:
            assert client.publish("app.log", "a line") == 0
        with publisher.client(server.port) as plain:
            assert plain.publish("app.log", "a line") == 0
            for command in ("SLOTS", "SHARDS", "NODES"):
                plain.execute_command(f"CLUSTER {command}")
    assert_denied(
        publisher.client(server.port),
        "PUBLISH {sse-hub}:fence 9",
        "PUBLISH sse-hub:probe:0 9",
        "PUBLISH {sse-hub}:probe:fence 9",
        "PUBLISH other 9",
        "SUBSCRIBE app.log",
        "GET {sse-hub}:clock",
        "CLUSTER RESET",
        "CLUSTER FAILOVER",
    )


def test_a_hub_on_a_cluster_can_not_change_it(cluster: tuple[RedisServer, Account, Account]) -> None:
    server, hub, _ = cluster
    commands = ("CLUSTER RESET", "CLUSTER FAILOVER", "CLUSTER FORGET x", "CLUSTER SETSLOT 1 STABLE", "CONFIG GET *")
    assert_denied(hub.client(server.port), *commands, "GET sse-hub:clock", "GET other", "SUBSCRIBE secret")


def assert_denied(client: Any, *commands: str) -> None:
    with client:
        for command in commands:
            with pytest.raises(NoPermissionError):
                client.execute_command(*command.split())


@contextmanager
def sentinel(folder: Path, primary: RedisServer) -> Iterator[tuple[RedisServer, Account, Account]]:
    """A Sentinel that watches `primary`."""
    file, hub, publisher = generated(folder, "--sentinel")
    port, settings = free_port(), folder / "sentinel.conf"
    settings.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {folder}\naclfile {file}\n"
        f"sentinel monitor {PRIMARY} 127.0.0.1 {primary.port} 1\n"
    )
    process = subprocess.Popen([str(redis_binary()), str(settings), "--sentinel"], stdout=subprocess.DEVNULL)
    try:
        server = RedisServer(port, process)
        wait_until(server.answers, "the Sentinel answers")
        yield server, hub, publisher
    finally:
        process.kill()
        process.wait()


def test_the_accounts_for_sentinels_can_learn_of_the_primary_and_nothing_else(tmp_path: Path) -> None:
    client: Any
    with redis_server() as primary, sentinel(tmp_path, primary) as (server, *accounts):
        for each in accounts:
            with each.client(server.port) as client:
                with client.pubsub() as pubsub:
                    pubsub.subscribe("+switch-master")
                    assert pubsub.get_message(timeout=DEADLINE_SECONDS)["type"] == "subscribe"
                address = client.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", PRIMARY)
                for command in ("MASTER", "SENTINELS", "REPLICAS"):
                    client.execute_command(f"SENTINEL {command}", PRIMARY)
                client.execute_command("SENTINEL MASTERS")
                client.client_setname("sse-hub")

            assert address == ("127.0.0.1", primary.port)
            assert_denied(
                each.client(server.port),
                f"SENTINEL FAILOVER {PRIMARY}",
                f"SENTINEL REMOVE {PRIMARY}",
                f"SENTINEL SET {PRIMARY} quorum 9",
                "SENTINEL RESET *",
                "SENTINEL CONFIG GET *",
                "SUBSCRIBE __sentinel__:hello",
                "PUBLISH +switch-master x",
                "SHUTDOWN",
                "ACL LIST",
            )


def test_accounts_for_a_cluster_and_for_sentinels_are_not_asked_for_together() -> None:
    command = [sys.executable, "-m", "sse_hub.cli", "redis-acl", "--cluster", "--sentinel"]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False)

    assert (made.returncode, made.stdout) == (2, "")
    assert "--cluster or --sentinel" in made.stderr
