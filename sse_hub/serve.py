"""
A hub process from its start to its end.

    Config --> embedded Redis if none is given --> listening socket --> app serves --> SIGTERM --> drain --> the end
"""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, TypeVar

from sanic.application.state import ApplicationServerInfo
from sanic.http.constants import HTTP

from sse_hub.app import create_app
from sse_hub.config import Config
from sse_hub.context import Context, context_of
from sse_hub.demo import publish_demo
from sse_hub.descriptors import allow_many
from sse_hub.embedded import embedded_redis
from sse_hub.errors import ServerUnavailable, TaskDied
from sse_hub.exposition import dumped
from sse_hub.hub import Hub
from sse_hub.journal import JsonFormatter, TextFormatter, secrets_of
from sse_hub.peers import ALONE, Place, answering
from sse_hub.porter import Porter
from sse_hub.readings import readings
from sse_hub.subscriber import PEER_TIMEOUT_MS
from sse_hub.tasks import cancelled

# With Sanic's 100, five thousand connects at once took 41 s; the kernel caps it at net.core.somaxconn.
BACKLOG = 4096
# What a client that stopped reading costs the kernel: without this limit nearly 3 MB each.
SEND_BUFFER_BYTES = 64 * 1024
CLOSE_SECONDS = 0.5
# How many objects are made before the collector looks for cycles among them.
GC_YOUNG_OBJECTS = 10_000

Result = TypeVar("Result")


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run `main` to its end in the fastest event loop there is; its result."""
    if sys.platform == "win32":
        return asyncio.run(main)
    import uvloop

    # Rings and subscribers live long and hold no cycles: looking through them all the time found nothing, and took a
    # tenth of the CPU with 1,000 channels.
    gc.set_threshold(GC_YOUNG_OBJECTS, 20, 100)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def log_to_stderr(config: Config, worker: int | None = None) -> None:
    """Log as `config` says; the process id of a `worker` stands in each record."""
    secrets = secrets_of(config.redis_url)
    handler = logging.StreamHandler()
    handler.setFormatter(
        JsonFormatter(secrets, worker)
        if config.log_format == "json"
        else TextFormatter(secrets, "" if worker is None else f"worker={worker} ")
    )
    logging.basicConfig(level=config.log_level.upper(), handlers=[handler])
    # Sanic warns of production mode where it is not started by its own command.
    logging.getLogger("sanic").setLevel(logging.ERROR)


class Stop:
    """
    What ends a process: SIGTERM, SIGINT, or a part of it that has died.

    To be made first of all: as process 1 of a container, one without handlers is deaf to SIGTERM. `asked` is set when
    the process is to drain and end, `hurried` by a second SIGTERM: wait for the rest of the drain no longer.
    `abandoned` means that no connection is taken while draining. A second SIGINT calls `before_exit` and ends the
    process on the spot.
    """

    def __init__(self, before_exit: Callable[[], None] = lambda: None) -> None:
        self.asked = asyncio.Event()
        self.hurried = asyncio.Event()
        self.abandoned = False
        self._failed = False
        self._before_exit = before_exit
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._terminate)
        loop.add_signal_handler(signal.SIGINT, self._interrupt)

    def fail(self) -> None:
        """A part has died: stop, and have check() say so."""
        self._failed = True
        self.asked.set()

    def check(self) -> None:
        """Raises TaskDied after fail()."""
        if self._failed:
            raise TaskDied("The hub has stopped by itself; its log says why.")

    def _terminate(self) -> None:
        (self.hurried if self.asked.is_set() else self.asked).set()

    def _interrupt(self) -> None:
        if self.asked.is_set():
            self._before_exit()
            os._exit(128 + signal.SIGINT)
        self.asked.set()


async def publish_until_stopped(redis_url: str, announce: Callable[[], None]) -> None:
    """Publish demo lines until SIGTERM or SIGINT; `announce` is called when these are heeded."""
    stopping = asyncio.create_task(Stop().asked.wait())
    announce()
    publishing = asyncio.create_task(publish_demo(redis_url))
    await asyncio.wait((stopping, publishing), return_when=asyncio.FIRST_COMPLETED)
    if publishing.done():
        publishing.result()
    await cancelled((stopping, publishing))


async def serve(config: Config, announce: Callable[[Config], None]) -> None:
    """
    Serve until SIGTERM or SIGINT; `announce` is told the settings in force once requests are answered.

    Raises ServerUnavailable when there is no Redis or no port to be had, TaskDied when it had to stop by itself.
    """
    stop = Stop()
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(listening_socket(config.host, config.port))
        if config.redis_url is None:
            config = replace(config, redis_url=await stack.enter_async_context(embedded_redis(stop.fail)))
        await answer(config, listener, stop, lambda _: announce(config))
    stop.check()


async def answer(
    config: Config, listener: socket.socket, stop: Stop, announce: Callable[[Context], None], place: Place = ALONE
) -> None:
    """
    Answer requests on `listener` until `stop` asks, then drain. `config.redis_url` must be set.

    `announce` is called once requests are answered.
    """
    allow_many()
    app = create_app(config, stop.fail, place)
    # Without it Sanic sends an empty Alt-Svc with each answer.
    app.state.server_info.append(ApplicationServerInfo(settings={"version": HTTP.VERSION_1}))
    # Its methods carry no types.
    server: Any = await app.create_server(
        sock=listener,
        backlog=BACKLOG,
        access_log=False,
        protocol=Porter,
        return_asyncio_server=True,
        asyncio_server_kwargs={"start_serving": False},
    )
    await server.startup()
    await server.before_start()
    await server.start_serving()
    await server.after_start()
    async with answering(place, lambda: dumped(readings(context_of(app)))):
        announce(context_of(app))
        await stop.asked.wait()
    hurrying = asyncio.create_task(_hurry(stop, context_of(app).hub))
    if stop.abandoned:
        server.close()
    # Drained first, closed then: while open streams end, new ones are told to come back, not refused.
    await server.before_stop()
    await _close(server)
    await server.after_stop()
    await cancelled((hurrying,))


async def _hurry(stop: Stop, hub: Hub) -> None:
    await stop.hurried.wait()
    hub.hurry()


def listening_socket(host: str, port: int) -> socket.socket:
    """A bound socket whose options every accepted connection inherits. Raises ServerUnavailable."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ServerUnavailable(f"{host!r} can't be listened on: {error}.") from None
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if sys.platform == "linux":
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, PEER_TIMEOUT_MS)
    try:
        listener.bind(address)
        # Here, where a failure is seen: two that bind to one port at once can both succeed, but only one can listen.
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ServerUnavailable(
            f"{host}:{port} can't be listened on: {error.strerror}. Choose another port (--port)."
        ) from None
    return listener


async def _close(server: Any) -> None:
    server.close()
    deadline = asyncio.get_running_loop().time() + CLOSE_SECONDS
    # Sanic tells in no other way that a connection has become idle, or has gone.
    while server.connections and asyncio.get_running_loop().time() < deadline:
        for connection in list(server.connections):
            connection.close_if_idle()
        await asyncio.sleep(0.02)
    for connection in list(server.connections):
        connection.abort()
