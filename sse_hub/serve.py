"""
A hub process from its start to its end.

    Config --> embedded Redis if none is given --> listening socket --> app serves --> SIGTERM --> drain --> the end
"""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

from sse_hub.app import create_app
from sse_hub.config import Config
from sse_hub.context import context_of
from sse_hub.demo import publish_demo
from sse_hub.embedded import embedded_redis
from sse_hub.errors import ServerUnavailable, TaskDied
from sse_hub.subscriber import PEER_TIMEOUT_MS
from sse_hub.tasks import cancelled

# With Sanic's 100, five thousand connects at once took 41 s; the kernel caps it at net.core.somaxconn.
BACKLOG = 4096
# What a client that stopped reading costs the kernel: without this limit nearly 3 MB each.
SEND_BUFFER_BYTES = 64 * 1024
CLOSE_SECONDS = 0.5


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run `main` to its end in the fastest event loop there is."""
    if sys.platform == "win32":
        asyncio.run(main)
        return
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


def log_to_stderr(level: str, who: str = "") -> None:
    """Log from `level` on; `who` stands before each message, where several processes log to one place."""
    logging.basicConfig(level=level.upper(), format=f"%(asctime)s %(levelname)-7s %(name)s {who}%(message)s")
    # Sanic warns of production mode where it is not started by its own command.
    logging.getLogger("sanic").setLevel(logging.ERROR)


def stop_signal(before_exit: Callable[[], None] = lambda: None) -> asyncio.Event:
    """An event that SIGTERM and SIGINT set. A second SIGINT calls `before_exit` and ends the process on the spot."""
    stopping = asyncio.Event()

    def interrupt() -> None:
        if stopping.is_set():
            before_exit()
            os._exit(128 + signal.SIGINT)
        stopping.set()

    # To be called first of all: as process 1 of a container, one without handlers is deaf to SIGTERM.
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    loop.add_signal_handler(signal.SIGINT, interrupt)
    return stopping


async def publish_until_stopped(redis_url: str, announce: Callable[[], None]) -> None:
    """Publish demo lines until SIGTERM or SIGINT; `announce` is called when these are heeded."""
    stopping = asyncio.create_task(stop_signal().wait())
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
    stopping = stop_signal()
    failure = Failure(stopping)
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(listening_socket(config.host, config.port))
        if config.redis_url is None:
            config = replace(config, redis_url=await stack.enter_async_context(embedded_redis(failure)))
        await answer(config, listener, stopping, failure, lambda: announce(config))
    failure.check()


class Failure:
    """Called by a part that has died: it sets `stopping`, and check() tells afterwards."""

    def __init__(self, stopping: asyncio.Event) -> None:
        self._stopping = stopping
        self._failed = False

    def __call__(self) -> None:
        self._failed = True
        self._stopping.set()

    def check(self) -> None:
        """Raises TaskDied when it was called."""
        if self._failed:
            raise TaskDied("The hub has stopped by itself; its log says why.")


async def answer(
    config: Config,
    listener: socket.socket,
    stopping: asyncio.Event,
    fail: Callable[[], None],
    announce: Callable[[], None],
    abandoned: asyncio.Event | None = None,
) -> None:
    """
    Answer requests on `listener` until `stopping` is set, then drain. `config.redis_url` must be set.

    `announce` is called once requests are answered. With `abandoned` set no connection is taken while draining.
    """
    app = create_app(config, fail)
    # Its methods carry no types.
    server: Any = await app.create_server(
        sock=listener,
        backlog=BACKLOG,
        access_log=False,
        return_asyncio_server=True,
        asyncio_server_kwargs={"start_serving": False},
    )
    await server.startup()
    await server.before_start()
    await server.start_serving()
    await server.after_start()
    announce()
    await stopping.wait()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, context_of(app).hub.hurry)
    if abandoned and abandoned.is_set():
        server.close()
    # Drained first, closed then: while open streams end, new ones are told to come back, not refused.
    await server.before_stop()
    await _close(server)
    await server.after_stop()


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
