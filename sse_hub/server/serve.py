"""
A hub process from its start to its end.

    Config --> embedded Redis if none is given --> listening socket --> app serves --> SIGTERM --> drain --> the end
"""

import asyncio
import socket
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

from sse_hub.config import Config
from sse_hub.errors import ServerUnavailable
from sse_hub.http.app import create_app
from sse_hub.http.connection import RequestHeadGuard
from sse_hub.http.context import Context, context_of
from sse_hub.http.metrics import HubCollector
from sse_hub.http.peers import SINGLE, WorkerId, serve_peers
from sse_hub.http.prometheus import render
from sse_hub.http.sanic_internals import close_connections, use_http1_only
from sse_hub.hub.hub import Hub
from sse_hub.hub.subscriber import PEER_TIMEOUT_MS
from sse_hub.server.background import BackgroundTask, running
from sse_hub.server.embedded_redis import embedded_redis
from sse_hub.server.process import Shutdown, raise_open_files_limit
from sse_hub.tasks import cancel_and_wait

# With Sanic's 100, five thousand connects at once took 41 s; the kernel caps it at net.core.somaxconn.
BACKLOG = 4096
# What a client that stopped reading costs the kernel: without this limit nearly 3 MB each.
SEND_BUFFER_BYTES = 64 * 1024
CLOSE_SECONDS = 0.5


async def serve(config: Config, announce: Callable[[Config], None], background: BackgroundTask | None = None) -> None:
    """
    Serve until SIGTERM or SIGINT; `announce` is told the settings in force once requests are answered. `background`
    runs meanwhile.

    Raises ServerUnavailable when there is no Redis or no port to be had, TaskDied when it had to stop by itself.
    """
    stop = Shutdown()
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(listening_socket(config.host, config.port))
        if config.redis_url is None:
            config = replace(config, redis_url=await stack.enter_async_context(embedded_redis(stop.fail)))
        await stack.enter_async_context(running(background, str(config.redis_url), stop))
        await run_app(config, listener, stop, lambda _: announce(config))
    stop.check()


async def run_app(
    config: Config,
    listener: socket.socket,
    stop: Shutdown,
    announce: Callable[[Context], None],
    worker: WorkerId = SINGLE,
) -> None:
    """
    Answer requests on `listener` until `stop` asks, then drain. `config.redis_url` must be set.

    `announce` is called once requests are answered.
    """
    raise_open_files_limit()
    app = create_app(config, stop.fail, worker)
    use_http1_only(app)
    # Its methods carry no types.
    server: Any = await app.create_server(
        sock=listener,
        backlog=BACKLOG,
        access_log=False,
        protocol=RequestHeadGuard,
        return_asyncio_server=True,
        asyncio_server_kwargs={"start_serving": False},
    )
    await server.startup()
    await server.before_start()
    await server.start_serving()
    await server.after_start()
    # Also while it drains: the other workers go on answering for all.
    async with serve_peers(worker, lambda: render(HubCollector(context_of(app)))):
        announce(context_of(app))
        await stop.requested.wait()
        hurrying = asyncio.create_task(_hurry(stop, context_of(app).hub))
        if stop.close_listener:
            server.close()
        # Drained first, closed then: while open streams end, new ones are told to come back, not refused.
        await server.before_stop()
        await close_connections(server, CLOSE_SECONDS)
    await server.after_stop()
    await cancel_and_wait((hurrying,))


async def _hurry(stop: Shutdown, hub: Hub) -> None:
    await stop.finish_now.wait()
    hub.finish_drain_now()


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
