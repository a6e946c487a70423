"""
Which server has the partition now: the one of the URL, the primary that Sentinels name, or the node of a cluster that
owns the partition's slot, the anchor.

    URL --> Topology.run(): asks all known servers, five times a second --> answers --> the one with the highest epoch
              └── Topology.primary --> sessions, and connections of pools, which replace themselves when it changes
    URL --> Topology.find(): asks once, for a publisher that connects

Nothing here waits to be told: events are lost with the connection they would have come on. An epoch is what Sentinels
and nodes agree on by majority, so that the newest answer is known by itself, whoever gives it.
https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/#configuration-epochs and
https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#configuration-epoch.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from redis.asyncio.connection import AbstractConnection
from redis.crc import key_slot
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from sse_hub.broker.address import ASK_SECONDS, HostPort, connection_to
from sse_hub.broker.cluster_nodes import nodes_in
from sse_hub.broker.keys import CLUSTER_PREFIX, Partition
from sse_hub.errors import error_text
from sse_hub.redis_url import Kind, parse
from sse_hub.tasks import cancel_and_wait

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.2
# For so long after an error, a change is likely.
SUSPICION_SECONDS = 2.0
SOON_SECONDS = 0.05
# The first answer to a publisher may be an old one; the others have this long.
MORE_ANSWERS_SECONDS = 0.1
# Of a large cluster, these suffice to learn of a change: servers of the URL, and nodes of the anchor's shard first.
MAX_ASKED = 12
LOCKED_SENTINEL = "this Sentinel requires a password of its own: add ?sentinel_password=… to the URL"
SLOT = key_slot(CLUSTER_PREFIX.encode())


class Primary(NamedTuple):
    """The server that has the partition. `node` is its id in a cluster, else ""."""

    server: HostPort
    node: str = ""
    epoch: int = 0

    @property
    def identity(self) -> tuple[HostPort, str]:
        """What is different when another server has the partition."""
        return self.server, self.node

    def __str__(self) -> str:
        return f"{self.server[0]}:{self.server[1]}"


class Answer(NamedTuple):
    """What a server says: the primary, if it knows one, and other servers to ask, the most useful first."""

    primary: Primary | None
    servers: Sequence[HostPort] = ()


class Topology:
    """
    Where the partition is. `generation` counts its moves.

    `partition` gets another prefix when a URL of one server turns out to name a node of a cluster. Raises ValueError
    for a URL that can't be used.
    """

    def __init__(self, url: str, partition: Partition) -> None:
        self.partition = partition
        self.servers = parse(url)
        self.generation = 0
        self._kind: Kind = self.servers.kind
        self._seeds: tuple[HostPort, ...] = self.servers.hosts or ((str(self.servers.path), 0),)
        self._primary: Primary | None = None
        self._answers: dict[HostPort, Answer] = {}
        self._connections: dict[HostPort, AbstractConnection] = {}
        self._followed: dict[HostPort, asyncio.Task[None]] = {}
        # Why a server has not answered, for those that have been asked in vain.
        self._errors: dict[HostPort, str] = {}
        self._left: list[Callable[[], None]] = []
        self._asked = asyncio.Event()
        self._changed = asyncio.Event()
        self._suspected = asyncio.Event()
        # How often each server has been asked; the event is set when one has.
        self._rounds: Counter[HostPort] = Counter()
        self._heard = asyncio.Event()
        self._suspected_at = float("-inf")
        if self._kind == "cluster":
            partition.prefix = CLUSTER_PREFIX

    @property
    def primary(self) -> Primary:
        """The server that has the partition, as far as is known. Raises RedisConnectionError while none is."""
        if self._primary is None:
            nothing = "no node says who has the slot of {sse-hub}" if self._answers else "no server has answered yet"
            raise RedisConnectionError("; ".join(self._errors.values()) or nothing)
        return self._primary

    @property
    def kind(self) -> Kind:
        """What the URL names; a cluster, too, once a URL of one server has turned out to name a node of one."""
        return self._kind

    def names(self, primary: Primary) -> bool:
        """True when `primary` still has the partition, as far as is known."""
        return self._primary is not None and self._primary.identity == primary.identity

    async def wait_asked(self) -> None:
        """Return when the primary is known, or all servers have been asked in vain."""
        await self._asked.wait()

    async def wait_changed(self, seconds: float) -> None:
        """Return when the partition has moved, or after `seconds`."""
        await _wait(self._changed, seconds)

    def on_move(self, call: Callable[[], None]) -> None:
        """Call `call` whenever the partition has moved."""
        self._left.append(call)

    def suspect(self) -> None:
        """Something has failed: ask at once, and more often for some time."""
        self._suspected_at = asyncio.get_running_loop().time()
        self._suspected.set()
        self._suspected = asyncio.Event()

    async def ask_again(self) -> None:
        """
        Return when the partition has moved, when all servers have been asked anew, or after ASK_SECONDS.

        The Sentinel that leads a failover knows more than the others for a moment, so most are not enough.
        """
        primary, before, servers = self._primary, Counter(self._rounds), self._to_ask()
        self.suspect()
        with suppress(TimeoutError):
            async with asyncio.timeout(ASK_SECONDS):
                # The first answer may be one to a question of before.
                while primary == self._primary and any(self._rounds[each] < before[each] + 2 for each in servers):
                    await self._heard.wait()

    async def run(self) -> None:
        """Ask until cancelled."""
        try:
            while True:
                for server in self._to_ask():
                    if server not in self._followed:
                        self._followed[server] = asyncio.create_task(self._follow(server), name="topology")
                for server, task in [*self._followed.items()]:
                    if task.done():
                        del self._followed[server]
                        # It fails only if there is a bug.
                        task.result()
                await self.wait_changed(SOON_SECONDS if self._primary is None else POLL_SECONDS)
        finally:
            try:
                await cancel_and_wait(self._followed.values())
            finally:
                # Also when this task is cancelled again meanwhile.
                await self.close()

    async def find(self) -> Primary:
        """The server that has the partition, asked for now. Raises RedisError, OSError."""
        if self._kind == "single" and self._primary:
            return self._primary
        servers = self._to_ask()
        self._answers.clear()
        self._errors.clear()
        asked = [asyncio.ensure_future(self._ask(server)) for server in servers]
        try:
            pending = set(asked)
            until: float | None = None
            loop = asyncio.get_running_loop()
            while pending and (until is None or until > loop.time()):
                timeout = None if until is None else until - loop.time()
                _, pending = await asyncio.wait(pending, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
                if until is None and any(each.primary for each in self._answers.values()):
                    until = loop.time() + MORE_ANSWERS_SECONDS
        finally:
            for each in asked:
                each.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
            await self.close()
        self._primary = newest(self._answers.values())
        return self.primary

    async def close(self) -> None:
        """Close the connections on which it asks."""
        connections, self._connections = self._connections, {}
        for connection in connections.values():
            await connection.disconnect(nowait=True)

    # Asking.

    def _to_ask(self) -> list[HostPort]:
        if self._kind == "single":
            return [] if self._primary else list(self._seeds)
        learned = (server for answer in self._answers.values() for server in answer.servers)
        return list(dict.fromkeys((*self._seeds, *learned)))[:MAX_ASKED]

    async def _follow(self, server: HostPort) -> None:
        """Ask `server` again and again, while it is one of those to ask."""
        loop = asyncio.get_running_loop()
        while server in self._to_ask():
            await self._ask(server)
            # Not one that does not answer: it would be dialled all the time.
            likely = self._primary is None or loop.time() - self._suspected_at < SUSPICION_SECONDS
            likely = likely and server not in self._errors
            await _wait(self._suspected, SOON_SECONDS if likely else POLL_SECONDS)
        self._answers.pop(server, None)
        self._errors.pop(server, None)
        if connection := self._connections.pop(server, None):
            await connection.disconnect(nowait=True)

    async def _ask(self, server: HostPort) -> None:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                self._answers[server] = await self._answer(server)
        except TimeoutError:
            await self._note_failure(server, f"no answer within {ASK_SECONDS:.0f} s")
        except (RedisError, OSError, UnicodeError) as error:
            await self._note_failure(server, self._reason(error))
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            await self._note_failure(server, f"its answer is not understood ({error!r})")
        else:
            self._errors.pop(server, None)
        self._rounds[server] += 1
        self._choose()
        self._heard.set()
        self._heard = asyncio.Event()

    def _reason(self, error: Exception) -> str:
        if isinstance(error, AuthenticationError):
            if self._kind == "sentinel" and not self.servers.sentinel_password:
                return LOCKED_SENTINEL
            if "invalid username-password" in str(error):
                # The server's first word, which redis-py drops.
                return f"WRONGPASS {error_text(error)}"
        return error_text(error)

    async def _note_failure(self, server: HostPort, why: str) -> None:
        if connection := self._connections.pop(server, None):
            await connection.disconnect(nowait=True)
        self._answers.pop(server, None)
        self._errors[server] = why if self._kind == "single" else f"{server[0]}:{server[1]}: {why}"

    async def _answer(self, server: HostPort) -> Answer:
        connection = self._connections.get(server)
        if connection is None:
            connection = self._connections[server] = connection_to(self.servers, server, self._kind == "sentinel")
        await connection.connect()  # type: ignore[no-untyped-call]
        if self._kind == "single":
            return await self._mode(connection, server)
        if self._kind == "sentinel":
            return await _ask_sentinel(connection, self.servers.name)
        return await _ask_node(connection, server)

    async def _mode(self, connection: AbstractConnection, server: HostPort) -> Answer:
        try:
            mode = mode_in(await _call(connection, "HELLO", 2))
        except ResponseError:
            # A proxy, which knows only some commands.
            mode = "standalone"
        if mode != "cluster":
            return Answer(Primary(server))
        self._kind = "cluster"
        self.partition.prefix = CLUSTER_PREFIX
        return await _ask_node(connection, server)

    def _choose(self) -> None:
        asked = self._to_ask()
        heard = len(self._answers) + len(self._errors)
        known = [answer.primary for answer in self._answers.values() if answer.primary]
        # The first answer may be an old one: others have as long as they may take.
        best = newest(self._answers.values(), self._primary)
        if best and (self._primary or len(known) > len(asked) / 2 or heard >= len(asked)):
            agree = sum(each.identity == best.identity for each in known)
            # A server that was away says what was true once. Epochs fall only if most were set up anew.
            if self._primary is None or best.epoch > self._primary.epoch or self.names(best) or agree > len(asked) / 2:
                self._move_to(best)
        if self._primary or heard >= len(asked):
            self._asked.set()

    def _move_to(self, primary: Primary) -> None:
        before, self._primary = self._primary, primary
        if before and before.identity == primary.identity:
            return
        self.generation += 1
        if before:
            logger.info("primary_changed server=%(server)s", {"server": str(primary)})
        self._changed.set()
        self._changed = asyncio.Event()
        for call in self._left:
            call()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


async def _call(connection: AbstractConnection, *words: str | int) -> Any:
    await connection.send_command(*words)
    return await connection.read_response()


async def _ask_sentinel(connection: AbstractConnection, name: str) -> Answer:
    await connection.send_packed_command(connection.pack_commands(sentinel_commands(name)))
    return sentinel_answer([await connection.read_response(disconnect_on_error=False) for _ in sentinel_commands(name)])


async def _ask_node(connection: AbstractConnection, asked: HostPort) -> Answer:
    slots = await _call(connection, "CLUSTER", "SLOTS")
    return node_answer(slots, await _call(connection, "CLUSTER", "NODES"), asked)


# Replies, as any client reads them.


def mode_in(hello: Sequence[Any]) -> str:
    """
    "standalone" or "cluster": what the reply to HELLO 2 calls the server's mode.

    Raises RedisConnectionError for a Sentinel, whose URL has another scheme.
    """
    mode = dict(zip(hello[::2], hello[1::2], strict=False)).get(b"mode")
    if mode == b"sentinel":
        raise RedisConnectionError(
            "This is a Sentinel: name all of them, and the primary, as redis+sentinel://host:26379,…/name/0"
        )
    return "cluster" if mode == b"cluster" else "standalone"


def newest(answers: Iterable[Answer], present: Primary | None = None) -> Primary | None:
    """The primary of the answer with the highest epoch; None if none of them names one."""
    known = [answer.primary for answer in answers if answer.primary]
    # Of equals, the present one: they say the same, or one is about to learn.
    return max(
        known, key=lambda each: (each.epoch, present is not None and each.identity == present.identity), default=None
    )


def sentinel_commands(name: str) -> list[tuple[str, str, str]]:
    """
    What a Sentinel is asked about the primary `name`, in one write, so that the replies are of the same moment.

    The Sentinel that leads a failover has the new epoch in MASTER at once, and the new address only when all replicas
    follow it, seconds later.
    """
    return [("SENTINEL", word, name) for word in ("MASTER", "GET-MASTER-ADDR-BY-NAME", "SENTINELS")]


def sentinel_answer(replies: Sequence[Any]) -> Answer:
    """
    What a Sentinel says, from its replies to sentinel_commands().

    https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/#sentinel-commands
    """
    fields, (host, port) = _pairs(replies[0]), replies[1]
    others = [_pairs(each) for each in replies[2]]
    primary = Primary((host.decode(), int(port)), epoch=int(fields["config-epoch"]))
    return Answer(primary, [(each["ip"], int(each["port"])) for each in others[:MAX_ASKED]])


def node_answer(slots: Sequence[Any], nodes: bytes, asked: HostPort) -> Answer:
    """
    What the node `asked` says about the owner of SLOT, from its replies to CLUSTER SLOTS and CLUSTER NODES.

    The first has the names by which clients reach the nodes, the second their epochs.
    https://redis.io/docs/latest/commands/cluster-nodes/#serialization-format
    """
    epochs = {node.id: node.epoch for node in nodes_in(nodes)}
    primary, near, far = None, [], []
    for first, last, *shard in slots:
        servers = [server for each in shard if (server := _server_of(each, asked))]
        if not first <= SLOT <= last:
            far += servers
            continue
        near += servers
        owner, node = _server_of(shard[0], asked), shard[0][2].decode()
        # One that has no address, or has left meanwhile, can't be reached.
        if owner and node in epochs:
            primary = Primary(owner, node, epochs[node])
    return Answer(primary, [*near, *far])


def _server_of(node: Sequence[Any], asked: HostPort) -> HostPort | None:
    # Without a name there, or with "?", it is the one by which the node was reached that answers.
    host, port = (node[0] or b"").decode(), int(node[1])
    return ((asked[0] if host in ("", "?") else host), port) if port else None


def _pairs(flat: Iterable[bytes]) -> dict[str, str]:
    words = [each.decode() for each in flat]
    return dict(zip(words[::2], words[1::2], strict=True))
