"""
The program behind test_vanished_clients.py, in its own network namespace: clients lose the network, the hub frees them.

    Redis on a Unix socket, a hub, clients on loopback --> loopback goes down --> no connection is left in time
"""

import asyncio
import fcntl
import logging
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import psutil
import redis

from tests.support.programs import redis_binary
from tests.support.servers import HubProcess, hub_process
from tests.support.settings import PATIENCE, ROOT, at_scale
from tests.support.sse_client import open_stream
from tests.support.waiting import wait_until

logger = logging.getLogger(__name__)

# From linux/sockios.h and linux/if.h.
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
LINE = "x" * 1_000
FREED_SECONDS = 40.0 * PATIENCE
# With the default, 15 s, the same takes up to 40 s.
HEARTBEAT_SECONDS = at_scale(1, 15)


def set_loopback(up: bool) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        _, flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))
        flags = flags | IFF_UP if up else flags & ~IFF_UP
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags))


@contextmanager
def redis_on_unix_socket() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sse-hub-redis-") as folder:
        path = Path(folder) / "redis.sock"
        options = ["--port", "0", "--unixsocket", str(path), "--save", "", "--dir", folder]
        process = subprocess.Popen([str(redis_binary()), *options], stdout=subprocess.DEVNULL)
        try:
            wait_until(path.exists, "Redis is there")
            yield path
        finally:
            process.kill()
            process.wait()


def connections(hub: HubProcess) -> int:
    """The number of client connections of the hub's process, in whatever TCP state."""
    return sum(bool(each.raddr) for each in psutil.Process(hub.process.pid).net_connections("tcp"))


async def vanish(hub: HubProcess, client: redis.Redis) -> None:
    """AssertionError unless an idle, a busy and a paused client are freed in time when loopback goes down."""
    async with AsyncExitStack() as stack:
        for channel, buffer in (("idle", None), ("busy", None), ("paused", 4096)):
            await stack.enter_async_context(
                open_stream(f"{hub.url}/message?channel={channel}", receive_buffer_bytes=buffer)
            )
        while "subscriber_behind" not in hub.output:
            client.publish("paused", LINE)
        assert connections(hub) == 3
        set_loopback(False)
        started = time.monotonic()

        def freed() -> bool:
            client.publish("busy", LINE)
            return connections(hub) == 0

        try:
            await asyncio.to_thread(
                wait_until, freed, f"all are freed, of which are left: {connections(hub)}", FREED_SECONDS, 0.2
            )
            logger.warning("freed after %.1f s", time.monotonic() - started)
        finally:
            set_loopback(True)
    assert hub.state()["subscribers"] == 0


@contextmanager
def in_own_network() -> Iterator[subprocess.Popen[str] | None]:
    """Run this module, ended at the end of the block. None if the command `unshare` is missing."""
    if not shutil.which("unshare"):
        yield None
        return
    options = ["-n"] if os.geteuid() == 0 else ["-r", "-n"]
    command = ["unshare", *options, sys.executable, "-m", "tests.support.network_loss"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT) as process:
        yield process
        # It then stops its servers, if any still run.
        process.send_signal(signal.SIGINT)


def main() -> None:
    set_loopback(True)
    options = ["--heartbeat-seconds", str(HEARTBEAT_SECONDS), "--stall-seconds", "20"]
    with (
        redis_on_unix_socket() as path,
        hub_process(f"unix://{path}", *options) as hub,
        redis.Redis(unix_socket_path=str(path)) as client,
    ):
        asyncio.run(vanish(hub, client))


if __name__ == "__main__":
    logging.basicConfig()
    main()
