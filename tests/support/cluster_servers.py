"""
A Redis Cluster of real servers, with faults to inject. (Several hubs on one Redis are in `cluster`.)

    cluster_servers() --> owner(), replica_of() --> kill, freeze, fail_over(), move_slot(), cut_bus() --> wait_owner()
"""

import re
import secrets
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

import redis
from redis.crc import key_slot

from sse_hub.broker.keys import CLUSTER_PREFIX
from tests.support.programs import redis_binary
from tests.support.redis_nodes import LOOPBACK, OPTIONS, Node, account_options, node
from tests.support.servers import HUB_PASSWORD, HUB_USER, PUBLISHER_PASSWORD, PUBLISHER_USER, free_port
from tests.support.settings import DEADLINE_SECONDS
from tests.support.waiting import wait_until

# The slot of all keys of the hub; its owner is the anchor.
ANCHOR_SLOT = key_slot(CLUSTER_PREFIX.encode())
SLOTS = 16_384
# What the hub needs beside its usual rights.
HUB_RIGHTS = (
    "+role +info +cluster|info +cluster|slots +cluster|shards +cluster|nodes +cluster|myid +cluster|links +asking"
)


class Claim(NamedTuple):
    """What a node says of itself in CLUSTER NODES."""

    id: str
    primary: bool
    primary_id: str
    epoch: int
    slots: list[range]

    def owns(self, slot: int) -> bool:
        return any(slot in each for each in self.slots)


@dataclass(eq=False, repr=False)
class ClusterNode(Node):
    """A node of a cluster. `id` is what CLUSTER MYID says."""

    id: str = ""

    def claim(self) -> Claim:
        """What it says of itself. Raises redis.RedisError if it does not answer."""
        [line] = [line for line in self.ask("CLUSTER", "NODES").splitlines() if "myself" in line]
        id, _, flags, primary_id, _, _, epoch, _, *slots = line.split()
        bounds = [each.split("-") for each in slots if not each.startswith("[")]
        return Claim(
            id, "master" in flags, primary_id, int(epoch), [range(int(each[0]), int(each[-1]) + 1) for each in bounds]
        )

    def roles(self, ids: Sequence[str]) -> dict[str, str]:
        """The id of the primary, "-" for a primary, of each node of `ids` to which it has a link, as it knows it."""
        known = [line.split() for line in self.ask("CLUSTER", "NODES").splitlines()]
        return {words[0]: words[3] for words in known if words[0] in ids and words[7] == "connected"}

    def state(self) -> dict[str, str]:
        """CLUSTER INFO. Raises redis.RedisError if it does not answer."""
        lines = self.ask("CLUSTER", "INFO").split()
        return {name: value for name, _, value in (line.partition(":") for line in lines)}


@dataclass
class ClusterServers:
    """The nodes of a cluster: primaries first, then their replicas, as they were at the beginning."""

    nodes: list[ClusterNode] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The URL for the suite's hub, with its password."""
        return self.url_of(f"{HUB_USER}:{HUB_PASSWORD}@")

    @property
    def plain_url(self) -> str:
        """The URL without an account."""
        return self.url_of("")

    @property
    def publisher_url(self) -> str:
        """The URL for the suite's publishers, with their password."""
        return self.url_of(f"{PUBLISHER_USER}:{PUBLISHER_PASSWORD}@")

    def url_of(self, account: str, seeds: Sequence[str] = ()) -> str:
        """The URL for `account`, "user:password@" or "", with `seeds` instead of all nodes."""
        return f"redis+cluster://{account}{','.join(seeds or [each.address for each in self.nodes])}"

    def claims(self) -> dict[ClusterNode, Claim]:
        """What all nodes say of themselves that answer."""
        found = {}
        for each in self.nodes:
            try:
                found[each] = each.claim()
            except redis.RedisError:
                continue
        return found

    def owner(self, slot: int = ANCHOR_SLOT) -> ClusterNode | None:
        """The primary that says that it owns `slot`, with the highest epoch of those who do."""
        owners = [(claim.epoch, each) for each, claim in self.claims().items() if claim.primary and claim.owns(slot)]
        return max(owners, key=lambda owner: owner[0], default=(0, None))[1]

    def wait_owner(
        self, slot: int = ANCHOR_SLOT, other_than: ClusterNode | None = None, seconds: float = DEADLINE_SECONDS
    ) -> ClusterNode:
        """The owner of `slot`, once it is `other_than` that and all nodes that answer know it."""
        found: list[ClusterNode] = []

        def agreed() -> bool:
            owner = self.owner(slot)
            if owner is None or owner == other_than or self._named_owners(slot) != {owner.id}:
                return False
            found.append(owner)
            return True

        wait_until(agreed, f"the nodes agree on an owner of slot {slot} other than {other_than}", seconds)
        return found[-1]

    def _named_owners(self, slot: int) -> set[str]:
        named = set()
        for each in self.nodes:
            try:
                for first, last, primary, *_ in each.ask("CLUSTER", "SLOTS"):
                    if first <= slot <= last:
                        named.add(primary[2])
            except redis.RedisError:
                continue
        return named

    def replicas_of(self, primary: ClusterNode) -> list[ClusterNode]:
        """The replicas of `primary` that answer and have its data."""
        claims = self.claims()
        found = [each for each, claim in claims.items() if not claim.primary and claim.primary_id == primary.id]
        return [each for each in found if each.info("replication")["master_link_status"] == "up"]

    def primaries(self) -> list[ClusterNode]:
        """All primaries that answer, with and without slots."""
        return [each for each, claim in self.claims().items() if claim.primary]

    def wait_whole(self) -> None:
        """
        Return when all nodes that run say that the cluster is well, are linked, and agree on who replicates whom, and
        every replica has its primary's data.
        """

        def whole() -> bool:
            running = [each for each in self.nodes if each.runs]
            try:
                known = [each.roles([other.id for other in running]) for each in running]
                return all(each == known[0] for each in known) and all(_is_well(each, running) for each in running)
            except redis.RedisError:
                return False

        wait_until(whole, "the cluster is whole")

    # Faults.

    def fail_over(self, slot: int = ANCHOR_SLOT, how: str = "") -> ClusterNode:
        """
        A planned failover of the owner of `slot` to a replica, or one by `how`: FORCE or TAKEOVER.

        Returns the new owner.
        """
        before = self.wait_owner(slot)
        wait_until(lambda: bool(self.replicas_of(before)), f"{before} has a replica")
        replica = self.replicas_of(before)[0]

        def taken() -> bool:
            # A planned failover gives up when it is late; a forced one may lose the vote.
            replica.ask("CLUSTER", "FAILOVER", *([how] if how else []))
            try:
                wait_until(lambda: replica.claim().owns(slot), "the failover is done", 5)
            except AssertionError:
                return False
            return True

        wait_until(taken, f"{replica} has taken over from {before}", 3 * DEADLINE_SECONDS)
        return self.wait_owner(slot, other_than=before)

    def move_slot(self, to: ClusterNode, slot: int = ANCHOR_SLOT) -> None:
        """Move `slot` with its keys to the primary `to`, key by key as all versions can."""
        source = self.wait_owner(slot)
        self.begin_move(to, slot)
        while keys := source.ask("CLUSTER", "GETKEYSINSLOT", slot, 100):
            source.ask("MIGRATE", to.host, to.port, "", 0, 5_000, "KEYS", *keys)
        # The new owner first, so that nobody is sent to a node that does not know yet.
        for each in (to, source, *(other for other in self.primaries() if other not in (to, source))):
            each.ask("CLUSTER", "SETSLOT", slot, "NODE", to.id)
        self.wait_owner(slot, other_than=source)

    def begin_move(self, to: ClusterNode, slot: int = ANCHOR_SLOT) -> None:
        """Begin move_slot(): the keys are still where they were."""
        source = self.wait_owner(slot)
        to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", to.id)

    def cancel_move(self, slot: int = ANCHOR_SLOT) -> None:
        """Give up what begin_move() began."""
        for each in self.primaries():
            each.ask("CLUSTER", "SETSLOT", slot, "STABLE")

    def move_slot_at_once(self, to: ClusterNode, slot: int = ANCHOR_SLOT) -> None:
        """Move `slot` with its keys to the primary `to`, as Valkey 9 does: atomically, by replication."""
        source = self.wait_owner(slot)
        source.ask("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", to.id)
        self.wait_owner(slot, other_than=source)

    def cut_bus(self, node: ClusterNode, other: ClusterNode) -> None:
        """Cut the links of the bus between both nodes, which they make again. Needs Redis 7.2 or Valkey."""
        node.ask("DEBUG", "CLUSTERLINK", "KILL", "ALL", other.id)

    def links(self, node: ClusterNode) -> dict[tuple[str, str], int]:
        """When each link of the bus at `node` was made, in ms, by its direction and the id of the other node."""
        found = {}
        for words in node.ask("CLUSTER", "LINKS"):
            link = dict(zip(words[::2], words[1::2], strict=True))
            found[link["direction"], link["node"]] = int(link["create-time"])
        return found


def _is_well(node: ClusterNode, running: Sequence[ClusterNode]) -> bool:
    well = node.state()["cluster_state"] == "ok" and len(node.roles([each.id for each in running])) == len(running)
    return well and (node.claim().primary or node.linked)


@contextmanager
def cluster_servers(
    *options: str,
    primaries: int = 3,
    replicas: int = 1,
    node_timeout_ms: int = 2_000,
    full_coverage: bool = True,
    binary: Path | None = None,
    hosts: Sequence[str] = (),
    insides: Sequence[Sequence[str]] = (),
    first_port: int | None = None,
) -> Iterator[ClusterServers]:
    """
    A cluster of `primaries`, each with `replicas`, that is whole when the block is entered.

    `hosts` and `insides` place each node, see node(); the primaries come first. They are on free ports, or on those
    from `first_port` on.
    """
    count = primaries * (1 + replicas)
    hosts = list(hosts) or [LOOPBACK] * count
    places = list(zip(hosts, insides or [()] * count, strict=True))
    options = (
        *("--cluster-enabled", "yes", "--cluster-node-timeout", str(node_timeout_ms)),
        *("--cluster-require-full-coverage", "yes" if full_coverage else "no"),
        *("--cluster-allow-replica-migration", "no", *OPTIONS, *account_options(CLUSTER_PREFIX, HUB_RIGHTS), *options),
    )
    ports = [first_port + at if first_port else free_port() for at in range(count)]
    members = [
        _Member(secrets.token_hex(20), host, port, free_port()) for port, (host, _) in zip(ports, places, strict=True)
    ]
    # A primary waits two seconds before it trusts its cluster after a start, a replica does not. So those that are to
    # be primaries start as replicas of the others, or of nodes that do not exist, and take over.
    others = members[primaries : 2 * primaries]
    others = others or [_Member(secrets.token_hex(20), LOOPBACK, 1, 1) for _ in range(primaries)]
    known = [*members, *others] if not replicas else members
    primary_of = {each.id: others[at % primaries] for at, each in enumerate(members) if each not in others}
    shards = [secrets.token_hex(20) for _ in range(primaries)]
    shard_of = {each.id: shards[at % primaries] for each_of in (members, others) for at, each in enumerate(each_of)}
    with ExitStack() as stack:
        rig = ClusterServers()
        for member, (host, inside) in zip(members, places, strict=True):
            text = _nodes_conf(member, known, others, primary_of, shard_of if _has_shard_ids(binary) else {})
            own = ("--cluster-port", str(member.bus_port), "--cluster-announce-ip", host)
            entered = node(
                *own, *options, kind=ClusterNode, binary=binary, port=member.port, host=host, inside=inside,
                files={"nodes.conf": text},
            )  # fmt: skip
            server = stack.enter_context(entered)
            assert isinstance(server, ClusterNode)
            server.id = member.id
            rig.nodes.append(server)
        for each in rig.nodes:
            each.wait_answers()
        for each in rig.nodes[:primaries]:
            wait_until(lambda each=each: each.state()["cluster_state"] == "ok", f"{each} trusts its cluster")  # type: ignore[misc]
            each.ask("CLUSTER", "FAILOVER", "TAKEOVER")
        for each in rig.nodes if not replicas else ():
            wait_until(lambda: len(rig.primaries()) == primaries, "all have taken over")
            for other in others:
                each.ask("CLUSTER", "FORGET", other.id)
        wait_until(lambda: _shaped(rig, primaries), "each replica has found its primary")
        rig.wait_whole()
        yield rig


@cache
def _has_shard_ids(binary: Path | None) -> bool:
    shown = subprocess.run([str(binary or redis_binary()), "--version"], capture_output=True, text=True, check=True)
    [major, minor] = re.findall(r"v=(\d+)\.(\d+)", shown.stdout)[0]
    return (int(major), int(minor)) >= (7, 2)


def _shaped(rig: ClusterServers, primaries: int) -> bool:
    claims = rig.claims()
    shaped = [claims[each].primary and bool(claims[each].slots) for each in rig.nodes[:primaries]]
    for at, each in enumerate(rig.nodes[primaries:]):
        shaped.append(not claims[each].primary and claims[each].primary_id == rig.nodes[at % primaries].id)
    return all(shaped)


class _Member(NamedTuple):
    id: str
    host: str
    port: int
    bus_port: int


def _nodes_conf(
    own: _Member,
    known: Sequence[_Member],
    primaries: Sequence[_Member],
    primary_of: dict[str, _Member],
    shard_of: dict[str, str],
) -> str:
    """What a node would have written down about a cluster in which all slots are shared out."""
    lines = []
    for each in known:
        flags = ["myself"] * (each == own) + ["master" if each in primaries else "slave"]
        at = primaries.index(each) if each in primaries else 0
        slots = f"{SLOTS * at // len(primaries)}-{SLOTS * (at + 1) // len(primaries) - 1}" if each in primaries else ""
        primary = "-" if each in primaries else primary_of[each.id].id
        address = f"{each.host}:{each.port}@{each.bus_port}"
        # Redis 7.0 would take it for a name.
        address += f",,shard-id={shard_of[each.id]}" if shard_of else ""
        lines.append(f"{each.id} {address} {','.join(flags)} {primary} 0 0 {at + 1} connected {slots}".rstrip())
    return "\n".join([*lines, f"vars currentEpoch {len(primaries)} lastVoteEpoch 0", ""])
