"""
A sentinel that tells of a primary of its own choice, with an epoch of its own choice, and never changes its mind.

    lying_sentinel(old primary, epoch 0) --> SENTINEL MASTER, GET-MASTER-ADDR-BY-NAME, … --> whoever believes it
"""

import socketserver
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.support.redis_nodes import LOOPBACK

Reply = str | int | bytes | list["Reply"] | dict[str, "Reply"]
RUN_ID = "f" * 40


@dataclass
class LyingSentinel:
    """Says that the set-up `name` has its primary at `host` and `primary_port`. `asked` has all commands it got."""

    port: int
    name: str
    host: str
    primary_port: int
    epoch: int
    asked: list[str] = field(default_factory=list)
    others: Sequence[int] = ()
    """The ports of other sentinels that it tells of."""
    delay_seconds: float = 0.0
    """How long it takes for an answer about a primary."""
    instead: Reply | None = None
    """What it answers to all questions about a primary instead."""

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def answer(self, words: Sequence[str]) -> Reply:
        """The reply to a command, as a real sentinel would make it. Errors begin with a minus."""
        self.asked.append(" ".join(words))
        command, *arguments = [words[0].upper(), *words[1:]]
        if command == "SENTINEL":
            return self._of_sentinel([arguments[0].upper(), *arguments[1:]])
        if command == "HELLO":
            return {"server": "redis", "version": "7.0.15", "proto": int((arguments or ["2"])[0]), "mode": "sentinel"}
        if command == "PING":
            return "PONG"
        if command in ("SUBSCRIBE", "PSUBSCRIBE"):
            return [command.lower().encode(), arguments[0].encode(), 1]
        if command == "ROLE":
            return [b"sentinel", [self.name.encode()]]
        if command == "INFO":
            return b"# Server\r\nredis_version:7.0.15\r\nredis_mode:sentinel\r\n"
        return "OK" if command in ("AUTH", "CLIENT") else f"-ERR unknown command '{words[0]}'"

    def _of_sentinel(self, words: Sequence[str]) -> Reply:
        if words[0] == "MASTERS":
            return [self._primary()]
        if words[0] == "MYID":
            return RUN_ID.encode()
        time.sleep(self.delay_seconds)
        if self.instead is not None:
            return self.instead
        if len(words) < 2 or words[1] != self.name:
            return "-ERR No such master with that name"
        replies: dict[str, Reply] = {
            "MASTER": self._primary(),
            "GET-MASTER-ADDR-BY-NAME": [self.host.encode(), str(self.primary_port).encode()],
            "REPLICAS": [],
            "SLAVES": [],
            "SENTINELS": [[b"ip", self.host.encode(), b"port", str(port).encode()] for port in self.others],
            "CKQUORUM": "OK 3 usable Sentinels. Quorum and failover authorization can be reached",
        }
        return replies.get(words[0], "-ERR Unknown sentinel subcommand")

    def _primary(self) -> Reply:
        told = {
            "name": self.name,
            "ip": self.host,
            "port": str(self.primary_port),
            "runid": RUN_ID,
            "flags": "master",
            "link-pending-commands": "0",
            "last-ok-ping-reply": "10",
            "last-ping-reply": "10",
            "role-reported": "master",
            "config-epoch": str(self.epoch),
            "num-slaves": "2",
            "num-other-sentinels": "2",
            "quorum": "2",
        }
        return {name: value.encode() for name, value in told.items()}


@contextmanager
def lying_sentinel(
    name: str, primary_port: int, epoch: int, host: str = LOOPBACK, port: int = 0
) -> Iterator[LyingSentinel]:
    """A sentinel on `port` of loopback that tells of the primary at `host` and `primary_port`."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            protocol = 2
            with suppress(OSError, ValueError):
                while words := self._command():
                    if words[0].upper() == "HELLO" and len(words) > 1:
                        protocol = int(words[1])
                    self.wfile.write(encoded(liar.answer(words), protocol))

        def _command(self) -> list[str]:
            # A command is an array of bulk strings; at the end of the connection there is none.
            head = self.rfile.readline()
            count = int(head[1:]) if head else 0
            return [self.rfile.read(int(self.rfile.readline()[1:]) + 2)[:-2].decode() for _ in range(count)]

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Server((LOOPBACK, port), Handler) as server:
        liar = LyingSentinel(server.server_address[1], name, host, primary_port, epoch)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield liar
        finally:
            server.shutdown()
            thread.join()


def encoded(reply: Reply, protocol: int) -> bytes:
    """`reply` as RESP 2 or 3: a dict is a map there, or an array of names and values."""
    if isinstance(reply, bytes):
        return b"$%d\r\n%s\r\n" % (len(reply), reply)
    if isinstance(reply, int):
        return b":%d\r\n" % reply
    if isinstance(reply, str):
        return f"{'' if reply.startswith('-') else '+'}{reply}\r\n".encode()
    if isinstance(reply, list):
        return b"*%d\r\n" % len(reply) + b"".join(encoded(each, protocol) for each in reply)
    pairs = [each for name, value in reply.items() for each in (name.encode(), value)]
    head = b"%%%d\r\n" % len(reply) if protocol == 3 else b"*%d\r\n" % len(pairs)
    return head + b"".join(encoded(each, protocol) for each in pairs)
