"""Servers and Sentinels that are known by names, over TLS: whatever address a name has, its certificate is checked."""

import asyncio
import logging
import secrets
import shutil
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest
import redis
from redis.exceptions import ConnectionError as RedisConnectionError

from sse_hub.broker.address import RedisAddress
from sse_hub.broker.keys import Partition
from sse_hub.broker.topology import Topology
from sse_hub.redis_url import parse
from tests.support.certificates import make_certificates
from tests.support.redis_nodes import OPTIONS, Node, account_options, node
from tests.support.sentinel_servers import FAST, NAME, sentinel_servers
from tests.support.servers import HUB_PASSWORD, HUB_USER, HubProcess, free_port, free_ports, hub_process
from tests.support.settings import DEADLINE_SECONDS, PATIENCE
from tests.support.split_network import Side, needs_split_network, split_network
from tests.support.waiting import wait_until

HOST = "localhost"
BACK_SECONDS = 5.0

logger = logging.getLogger(__name__)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of our authority, and in `others` those of another one."""
    folder: Path = tmp_path_factory.mktemp("tls")
    make_certificates(folder)
    (folder / "others").mkdir()
    make_certificates(folder / "others")
    return folder


@dataclass(frozen=True)
class Ports:
    """Of each server, then of the Sentinel: the port with TLS, which others know, and the plain one for questions."""

    tls: Sequence[int]
    plain: Sequence[int]


@dataclass
class NamedServers:
    """A primary, a replica and their Sentinel, known as `localhost` and the ports in `ports` only."""

    ports: Ports
    servers: list[Node]
    sentinel: Node

    def url(self, ca: Path, host: str = HOST) -> str:
        """The URL for the suite's hub, which trusts the authority `ca`."""
        account = f"{HUB_USER}:{HUB_PASSWORD}@"
        return f"rediss+sentinel://{account}{host}:{self.ports.tls[2]}/{NAME}/0?ssl_ca_certs={quote(str(ca))}"

    def primary_port(self) -> int:
        host, port = self.sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
        assert host == HOST
        return int(port)


@contextmanager
def named_servers(folder: Path, ports: Ports) -> Iterator[NamedServers]:
    """Servers that tell each other, and the hub, nothing but that name."""
    tls = [word for name in ("cert", "key", "ca-cert") for word in (f"--tls-{name}-file", str(folder / FILES[name]))]
    tls += ["--tls-auth-clients", "no", "--tls-replication", "yes"]
    with ExitStack() as stack:
        servers = []
        for own, plain in zip(ports.tls[:2], ports.plain[:2], strict=True):
            known = ("--tls-port", str(own), "--replica-announce-ip", HOST, "--replica-announce-port", str(own))
            server = node(*OPTIONS, *account_options(), *tls, *known, port=plain)
            servers.append(stack.enter_context(server))
        for each in servers:
            each.wait_answers()
        servers[1].ask("REPLICAOF", HOST, ports.tls[0])
        conf = [
            f"sentinel myid {secrets.token_hex(20)}",
            "sentinel resolve-hostnames yes",
            "sentinel announce-hostnames yes",
            f"sentinel announce-ip {HOST}",
            f"sentinel monitor {NAME} {HOST} {ports.tls[0]} 1",
            f"sentinel failover-timeout {NAME} 3000",
        ]
        entered = node(
            *tls,
            *("--tls-port", str(ports.tls[2])),
            sentinel=True,
            port=ports.plain[2],
            files={"sentinel.conf": "\n".join(conf) + "\n"},
        )
        sentinel = stack.enter_context(entered)
        sentinel.wait_answers()
        wait_until(lambda: servers[1].linked, "the replica follows")
        wait_until(lambda: len(sentinel.ask("SENTINEL", "REPLICAS", NAME)) == 1, "the Sentinel knows the replica")
        yield NamedServers(ports, servers, sentinel)


FILES = {"cert": "server.crt", "key": "server.key", "ca-cert": "ca.crt"}


def new_ports() -> Ports:
    return Ports([free_port() for _ in range(3)], [free_port() for _ in range(3)])


def moved_to(hub: HubProcess, port: int) -> bool:
    return f"server={HOST}:{port} " in hub.output.rpartition("session_started")[2]


def test_a_hub_follows_announced_names_over_tls(folder: Path) -> None:
    ports = new_ports()
    with named_servers(folder, ports) as rig, hub_process(rig.url(folder / "ca.crt")) as hub:
        assert moved_to(hub, ports.tls[0])

        wait_until(lambda: fail_over(rig), "the Sentinel accepts the failover", every_seconds=0.1)
        wait_until(lambda: rig.primary_port() == ports.tls[1], "the replica is the primary")
        wait_until(lambda: moved_to(hub, ports.tls[1]) and hub.ready(), "the hub is at the new primary")


def fail_over(rig: NamedServers) -> bool:
    try:
        return bool(rig.sentinel.ask("SENTINEL", "FAILOVER", NAME) == "OK")
    except redis.ResponseError:
        return False


async def refusal(url: str) -> str:
    """What a hub says that does not take the servers of `url`. AssertionError if it takes them."""
    with pytest.raises(RedisConnectionError) as refused:
        await Topology(url, Partition()).find()
    return str(refused.value)


async def test_a_certificate_of_another_authority_or_name_is_never_taken(folder: Path) -> None:
    with named_servers(folder, new_ports()) as rig:
        # The same address, and a name that is not in the certificate.
        another_name = "127.1"
        for url, host in (
            (rig.url(folder / "others" / "ca.crt"), HOST),
            (rig.url(folder / "ca.crt", another_name), another_name),
        ):
            async with asyncio.timeout(DEADLINE_SECONDS):
                said = await refusal(url)
                while "no answer within" in said:
                    # The machine was too busy for the handshake, so nothing was judged.
                    said = await refusal(url)
            assert "certificate verify failed" in said
            address = RedisAddress.of(parse(url), (host, rig.ports.tls[0]))
            with pytest.raises(ssl.SSLCertVerificationError):
                await address.connect(asyncio.Protocol)


@needs_split_network
def test_a_hub_finds_all_servers_at_new_addresses_behind_a_name() -> None:
    with split_network() as network, ExitStack() as stack:
        old, new = network.sides
        names = stack.enter_context(own_names(new))
        names.write_text(f"{old.host} servers.test\n")
        servers_at = partial(sentinel_servers, first_port=free_ports(6), periods_ms=FAST)
        with servers_at(hosts=[old.host] * 6, insides=[old.inside] * 6) as rig:
            seeds = [f"servers.test:{each.port}" for each in rig.sentinels]
            url = rig.url_of(f"{HUB_USER}:{HUB_PASSWORD}@", seeds)
            hub = stack.enter_context(hub_process(url, host=new.host, inside=new.inside))
        wait_until(lambda: not hub.ready(), "the hub has noticed")
        with servers_at(hosts=[new.host] * 6, insides=[new.inside] * 6) as rig:
            # They were started before this, one by one.
            names.write_text(f"{new.host} servers.test\n")
            started = time.monotonic()
            wait_until(hub.ready, "the hub is ready at the new addresses", BACK_SECONDS * PATIENCE)
            logger.info("ready %.2f s after the name had another address", time.monotonic() - started)
            assert f"server={rig.wait_primary().address} " in hub.output.rpartition("session_started")[2]


@contextmanager
def own_names(side: Side) -> Iterator[Path]:
    """What takes the place of /etc/hosts for programs on `side`, see ip-netns(8)."""
    folder = Path("/etc/netns") / side.inside[-1]
    folder.mkdir(parents=True)
    try:
        (folder / "hosts").touch()
        yield folder / "hosts"
    finally:
        shutil.rmtree(folder)
