"""
A Redis or Valkey as one of several: it keeps its port and folder when it is killed and started again.

    nodes(3) --> Node: kill(), start(), freeze(), thaw(), hold_replication() --> ask()
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from sse_hub.broker.acl import account, hub_rules, publisher_rules
from sse_hub.broker.keys import PREFIX
from tests.support.programs import redis_binary
from tests.support.servers import (
    HUB_PASSWORD,
    HUB_USER,
    PUBLISHED,
    PUBLISHER_PASSWORD,
    PUBLISHER_USER,
    RedisServer,
    free_port,
)
from tests.support.settings import DEADLINE_SECONDS, PATIENCE
from tests.support.waiting import wait_until

# How long a server may take for a command that is only a question.
ASK_SECONDS = 2.0 * PATIENCE
LOOPBACK = "127.0.0.1"
# Nothing is kept on disk, and a replica is served at once. Protected mode takes only 127.0.0.1 for this machine.
OPTIONS = (
    *("--save", "", "--appendonly", "no", "--protected-mode", "no", "--enable-debug-command", "yes"),
    *("--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0"),
)


def account_options(prefix: str = PREFIX, more_rights: str = "") -> tuple[str, ...]:
    """
    The suite's accounts as arguments of redis-server: a hub whose keys begin with `prefix`, and a publisher.

    The hub gets `more_rights` on top of what `sse-hub redis-acl` gives it.
    """
    rules = hub_rules(["*"], prefix) + (f" {more_rights}" if more_rights else "")
    hub = account(HUB_USER, HUB_PASSWORD, rules)
    publisher = account(PUBLISHER_USER, PUBLISHER_PASSWORD, publisher_rules(PUBLISHED, prefix))
    return tuple(f"--{hub.line} --{publisher.line}".split())


@dataclass
class Node(RedisServer):
    """
    One of several servers. `command` starts it; `folder` is its own.

    Others know it by `announced_port`, which is its own port unless there is a proxy in front of it.
    """

    command: Sequence[str] = ()
    folder: Path = field(default_factory=Path)
    announced_port: int = 0
    environ: Mapping[str, str] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(self.address)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and self.address == other.address

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.address} pid {self.process.pid}>"

    @property
    def address(self) -> str:
        """`host:port`, as others know it."""
        return f"{self.host}:{self.announced_port}"

    @property
    def runs(self) -> bool:
        """True until the process has ended, frozen or not."""
        return self.process.poll() is None

    @property
    def frozen(self) -> bool:
        """True between freeze() and thaw()."""
        try:
            return self.runs and psutil.Process(self.process.pid).status() == psutil.STATUS_STOPPED
        except psutil.NoSuchProcess:
            # Another thread has killed it between the two.
            return False

    @property
    def log(self) -> str:
        """What the server has logged."""
        return (self.folder / "log").read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait()

    def start(self) -> None:
        """Start it again as it was started first, after kill(). It may not answer yet."""
        assert not self.runs, f"{self} still runs"
        self.process = _started(self.command, self.environ)

    def wait_answers(self) -> None:
        """Return when it answers."""
        wait_until(self.answers, f"{self} answers")

    def answers(self) -> bool:
        try:
            return bool(self.ask("PING") == "PONG")
        except redis.RedisError:
            return False

    def ask(self, *command: str | int) -> Any:
        """
        The reply to `command` on a new connection, as RESP 2 has it, decoded.

        Raises redis.RedisError if it is refused, or if there is no reply in ASK_SECONDS. A frozen server is not asked.
        """
        # Else the waits of the rig would take as long as such a question, and faults seem longer than they are.
        if self.frozen:
            raise redis.TimeoutError(f"{self} is frozen")
        with redis.Redis(
            host=self.host,
            port=self.port,
            socket_timeout=ASK_SECONDS,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
            protocol=2,
        ) as client:
            client.response_callbacks.clear()
            return client.execute_command(*command)

    def info(self, section: str) -> dict[str, str]:
        """A section of INFO. Raises as ask() does."""
        lines = [line for line in str(self.ask("INFO", section)).splitlines() if ":" in line]
        return {name: value for name, _, value in (line.partition(":") for line in lines)}

    def seconds(self) -> float:
        """The time by its clock. Raises as ask() does."""
        seconds, microseconds = self.ask("TIME")
        return int(seconds) + int(microseconds) / 1e6

    def wait_time(self, until: float) -> None:
        """Return when its clock says `until`, in seconds: the end of a fault that lasts some time."""

        def has_come() -> bool:
            # Sentinels cut its clients when they give it another role.
            with suppress(redis.ConnectionError):
                return self.seconds() >= until
            return False

        wait_until(has_come, f"it is {until:.1f} at {self}", DEADLINE_SECONDS + 60)

    def follows(self) -> str:
        """The address of the server that it is a replica of; "" for a primary. Raises as ask() does."""
        found = self.info("replication")
        return f"{found['master_host']}:{found['master_port']}" if found["role"] == "slave" else ""

    @property
    def is_primary(self) -> bool:
        """True if it answers, and calls itself a primary."""
        try:
            return bool(self.ask("ROLE")[0] == "master")
        except redis.RedisError:
            return False

    @property
    def linked(self) -> bool:
        """True if it is a replica that has a connection to its primary. Raises as ask() does."""
        return self.info("replication").get("master_link_status") == "up"

    def in_sync_with(self, primary: "Node") -> bool:
        """True if it is a replica that has a working link to `primary`."""
        try:
            has = self.info("replication")
        except redis.RedisError:
            return False
        return (has.get("master_port"), has.get("master_link_status")) == (str(primary.announced_port), "up")

    def wait_has_all_of(self, primary: "Node") -> None:
        """Return when this replica has executed all that `primary` has now."""
        until = int(primary.info("replication")["master_repl_offset"])
        wait_until(lambda: int(self.info("replication")["slave_repl_offset"]) >= until, f"{self} has it all")

    def hold_replication(self) -> None:
        """
        Execute nothing more of what the primary sends, but answer all questions: from now on this replica lags.

        If the primary dies before release_replication(), what is held is lost.
        """
        # A replica obeys CLIENT PAUSE for the commands of its primary, and drops what it holds when their link breaks.
        self.ask("CLIENT", "PAUSE", 3_600_000, "WRITE")

    def release_replication(self) -> None:
        """End hold_replication()."""
        self.ask("CLIENT", "UNPAUSE")


def _started(command: Sequence[str], environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    # In a group of its own, so that Ctrl-C does not end it before those who need it.
    return subprocess.Popen(
        list(command),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **environ},
        process_group=0,
    )


@contextmanager
def node(
    *options: str,
    kind: type[Node] = Node,
    binary: Path | None = None,
    port: int | None = None,
    announced_port: int | None = None,
    host: str = LOOPBACK,
    inside: Sequence[str] = (),
    files: Mapping[str, str] | None = None,
    sentinel: bool = False,
    environ: Mapping[str, str] | None = None,
) -> Iterator[Node]:
    """
    A server with `options` and with `files` in its folder, killed at the end of the block. It may not answer yet.

    `inside` is the beginning of a command that runs another one elsewhere, such as in a network namespace. A `sentinel`
    reads its file `sentinel.conf`.
    """
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="sse-hub-redis-") as name:
        folder = Path(name)
        for file, text in (files or {}).items():
            (folder / file).write_text(text)
        command = [*inside, str(binary or redis_binary())]
        command += [str(folder / "sentinel.conf"), "--sentinel"] if sentinel else []
        command += ["--port", str(port), "--bind", host, "--dir", name, "--logfile", str(folder / "log"), *options]
        environ = dict(environ or {})
        process = _started(command, environ)
        server = kind(port, process, host, command, folder, announced_port or port, environ)
        try:
            yield server
        finally:
            server.kill()
