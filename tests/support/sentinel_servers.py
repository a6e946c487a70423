"""
A primary, its replicas and their sentinels, all real, with faults to inject.

    sentinel_servers() --> kill, freeze, fail_over(), restart, lie --> wait_primary()
"""

import secrets
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import redis

from tests.support.redis_nodes import LOOPBACK, OPTIONS, Node, account_options, node
from tests.support.servers import HUB_PASSWORD, HUB_USER, free_port
from tests.support.settings import DEADLINE_SECONDS
from tests.support.tcp_proxy import TcpProxy, tcp_proxy
from tests.support.waiting import wait_until

NAME = "main"
# For `periods_ms`: more failovers in less time. With shorter ones, busy sentinels find no server fresh enough to trust.
FAST = {"info-period": 1_000, "publish-period": 500}
# How much later each sentinel notices than the one before it.
STAGGER_MS = 200
# From here sentinels and replicas dial, so that a proxy can tell them from hubs and clients.
TRUSTED = "127.0.0.2"
# What the hub needs beside its usual rights.
HUB_RIGHTS = "+role +info"


@dataclass
class SentinelServers:
    """
    `servers` and the `sentinels` that watch them. The first of `servers` is the primary at the beginning.

    `proxies` has the proxy in front of each server, if there are any.
    """

    servers: list[Node]
    sentinels: list[Node]
    proxies: dict[Node, TcpProxy] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The URL for the suite's hub, with its password."""
        return self.url_of(f"{HUB_USER}:{HUB_PASSWORD}@")

    @property
    def plain_url(self) -> str:
        """The URL without an account."""
        return self.url_of("")

    def url_of(self, account: str, seeds: Sequence[str] = ()) -> str:
        """The URL for `account`, "user:password@" or "", with `seeds` instead of all sentinels."""
        hosts = ",".join(seeds or [each.address for each in self.sentinels])
        return f"redis+sentinel://{account}{hosts}/{NAME}/0"

    @property
    def seeds(self) -> list[tuple[str, int]]:
        """Host and port of each sentinel, as redis.sentinel.Sentinel takes them."""
        return [(each.host, each.port) for each in self.sentinels]

    def at(self, address: str) -> Node:
        """The server that others know as `address`. AssertionError if there is none."""
        [found] = [each for each in self.servers if each.address == address]
        return found

    def told(self) -> list[tuple[int, str]]:
        """What each sentinel that answers says: the config epoch, and the address of the primary."""
        told = []
        for each in self.sentinels:
            try:
                words = each.ask("SENTINEL", "MASTER", NAME)
            except redis.RedisError:
                continue
            says = dict(zip(words[::2], words[1::2], strict=True))
            told.append((int(says["config-epoch"]), f"{says['ip']}:{says['port']}"))
        return told

    def primary(self) -> Node | None:
        """The primary according to most of the sentinels, all with the highest epoch that one of them knows."""
        told = self.told()
        [((epoch, address), votes)] = Counter(told).most_common(1) or [((0, ""), 0)]
        agreed = votes > len(self.sentinels) / 2 and epoch == max(epoch for epoch, _ in told)
        return self.at(address) if agreed else None

    def wait_primary(self, other_than: Node | None = None, seconds: float = DEADLINE_SECONDS) -> Node:
        """The primary, once most sentinels agree on one `other_than` that, and it says so itself."""
        found: list[Node] = []

        def agreed() -> bool:
            primary = self.primary()
            if primary is None or primary == other_than or not primary.is_primary:
                return False
            found.append(primary)
            return True

        wait_until(agreed, f"sentinels agree on a primary other than {other_than}", seconds)
        return found[-1]

    def wait_replicas(self) -> None:
        """
        Return when all other servers that run are replicas of the primary, and have its data.

        Sentinels that a busy machine has delayed do nothing for half a minute (TILT), so this does what they would do.
        """
        primary = self.wait_primary()
        others = [each for each in self.servers if each != primary and each.runs]

        def in_sync() -> bool:
            # One may just be starting, or be cut off by a sentinel.
            with suppress(redis.RedisError):
                for each in others:
                    if each.follows() != primary.address:
                        each.ask("REPLICAOF", primary.host, primary.announced_port)
                return all(each.in_sync_with(primary) for each in others)
            return False

        wait_until(in_sync, f"{others} replicate {primary}", every_seconds=0.1)

    def replicas(self) -> list[Node]:
        """The servers that run but for the primary."""
        primary = self.wait_primary()
        return [each for each in self.servers if each != primary and each.runs]

    # Faults.

    def fail_over(self) -> Node:
        """A planned failover. Returns the new primary."""
        before = self.wait_primary()

        def accepted() -> bool:
            # NOGOODSLAVE or INPROG for a moment after the failover before.
            try:
                return bool(self.sentinels[0].ask("SENTINEL", "FAILOVER", NAME) == "OK")
            except redis.ResponseError:
                return False

        wait_until(accepted, "a sentinel accepts the failover", every_seconds=0.1)
        return self.wait_primary(other_than=before)

    def kill_primary(self) -> Node:
        """SIGKILL of the primary. Returns it; the sentinels need down-after and more to promote another one."""
        primary = self.wait_primary()
        primary.kill()
        return primary

    @contextmanager
    def lagging_replicas(self) -> Iterator[None]:
        """
        All replicas stand still for the duration of the block, see hold_replication().

        If the primary is killed in it, at the end of a time that wait_seconds() has let pass, all that came in the
        block is lost. Otherwise the replicas catch up.
        """
        primary, replicas = self.wait_primary(), self.replicas()
        for each in replicas:
            each.hold_replication()
        yield
        for each in replicas:
            wait_until(lambda each=each: primary.runs or not each.linked, f"{each} has noticed")  # type: ignore[misc]
            each.release_replication()

    def wait_seconds(self, seconds: float) -> None:
        """Let the servers go on for `seconds` by the clock of the primary: the length of a fault."""
        primary = self.wait_primary()
        primary.wait_time(primary.seconds() + seconds)

    def restart_sentinels(self) -> None:
        """SIGKILL all sentinels and start them again, with what they had written down."""
        for each in self.sentinels:
            each.kill()
        for each in self.sentinels:
            each.start()
        for each in self.sentinels:
            each.wait_answers()


@contextmanager
def sentinel_servers(
    *options: str,
    replicas: int = 2,
    sentinels: int = 3,
    down_after_ms: int = 2_000,
    failover_timeout_ms: int = 3_000,
    min_replicas: int = 0,
    max_lag_seconds: int = 2,
    binary: Path | None = None,
    proxies: bool = False,
    periods_ms: Mapping[str, int] | None = None,
    hosts: Sequence[str] = (),
    insides: Sequence[Sequence[str]] = (),
    first_port: int | None = None,
) -> Iterator[SentinelServers]:
    """
    A primary with `replicas` in sync, watched by `sentinels` that know each other, when the block is entered.

    `min_replicas` is min-replicas-to-write. With `proxies`, everybody reaches each server through a proxy in front of
    it. `periods_ms` are given to SENTINEL DEBUG (Redis 7.0), see FAST. `hosts` and `insides` place each server, then
    each sentinel, see node(). They are on free ports, or on those from `first_port` on.
    """
    count = 1 + replicas
    hosts = list(hosts) or [LOOPBACK] * (count + sentinels)
    places = list(zip(hosts, insides or [()] * len(hosts), strict=True))
    options = (
        *(*OPTIONS, *account_options(more_rights=HUB_RIGHTS)),
        *("--min-replicas-to-write", str(min_replicas), "--min-replicas-max-lag", str(max_lag_seconds)),
        *options,
    )
    every_port = [first_port + at if first_port else free_port() for at in range(count + sentinels)]
    ports = every_port[:count]
    announced = [free_port() for _ in range(count)] if proxies else ports
    if proxies:
        options = (*options, "--bind-source-addr", TRUSTED)
    with ExitStack() as stack:
        servers = []
        for port, others_know, (host, inside) in zip(ports, announced, places[:count], strict=True):
            own = ("--replica-announce-port", str(others_know), "--replica-announce-ip", host)
            server = node(
                *own, *options, binary=binary, port=port, announced_port=others_know, host=host, inside=inside
            )
            servers.append(stack.enter_context(server))
        rig = SentinelServers(servers, [])
        if proxies:
            for each in servers:
                proxy = tcp_proxy(each.announced_port, (each.host, each.port), (TRUSTED,))
                rig.proxies[each] = stack.enter_context(proxy)
        for each in servers:
            each.wait_answers()
        primary = servers[0]
        for each in servers[1:]:
            each.ask("REPLICAOF", primary.host, primary.announced_port)
        known = [
            (secrets.token_hex(20), port, *place)
            for port, place in zip(every_port[count:], places[count:], strict=True)
        ]
        addresses = [(id, host, port) for id, port, host, _ in known]
        for at, (id, port, host, inside) in enumerate(known):
            # If all noticed at once, each would vote for itself, and the next try is two failover-timeouts away.
            noticed_ms = down_after_ms + at * STAGGER_MS
            text = _sentinel_conf(id, servers, addresses, noticed_ms, failover_timeout_ms)
            if proxies:
                text += f"bind-source-addr {TRUSTED}\nsentinel announce-ip {host}\n"
            files = {"sentinel.conf": text}
            entered = node(sentinel=True, binary=binary, port=port, host=host, inside=inside, files=files)
            rig.sentinels.append(stack.enter_context(entered))
        for each in rig.sentinels:
            each.wait_answers()
            for name, value in (periods_ms or {}).items():
                each.ask("SENTINEL", "DEBUG", name, value)
        rig.wait_replicas()
        wait_until(lambda: all(_usable(each, replicas, sentinels) for each in rig.sentinels), "the sentinels are ready")
        yield rig


def _sentinel_conf(
    id: str, servers: Sequence[Node], sentinels: Sequence[tuple[str, str, int]], down_after_ms: int, timeout_ms: int
) -> str:
    """What a sentinel would have written down after it has found all others by itself, which takes seconds."""
    primary, *replicas = servers
    lines = [
        f"sentinel myid {id}",
        f"sentinel monitor {NAME} {primary.host} {primary.announced_port} {len(sentinels) // 2 + 1}",
        f"sentinel down-after-milliseconds {NAME} {down_after_ms}",
        f"sentinel failover-timeout {NAME} {timeout_ms}",
        f"sentinel parallel-syncs {NAME} {max(1, len(replicas))}",
    ]
    lines += [f"sentinel known-replica {NAME} {each.host} {each.announced_port}" for each in replicas]
    lines += [f"sentinel known-sentinel {NAME} {host} {port} {other}" for other, host, port in sentinels if other != id]
    return "\n".join(lines) + "\n"


def _usable(sentinel: Node, replicas: int, sentinels: int) -> bool:
    """True if `sentinel` has connections to all others, and could promote each replica."""
    told = sentinel.ask("SENTINEL", "REPLICAS", NAME) + sentinel.ask("SENTINEL", "SENTINELS", NAME)
    flags = [dict(zip(words[::2], words[1::2], strict=True))["flags"] for words in told]
    return sorted(flags) == ["sentinel"] * (sentinels - 1) + ["slave"] * replicas
