"""
A hub process from start to end.

    Config --> listening socket --> embedded Redis if none is given --> the app serves --> SIGTERM --> drain --> exit
"""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

from sse_hub.config import Config
from sse_hub.http.app import create_app
from sse_hub.http.connection import RequestHeadGuard
from sse_hub.http.context import Context, context_of
from sse_hub.http.metrics import HubCollector
from sse_hub.http.peers import SINGLE, WorkerId, serve_peers
from sse_hub.http.prometheus import render
from sse_hub.http.sanic_internals import close_connections, use_http1_only
from sse_hub.hub.hub import Hub
from sse_hub.server.background import BackgroundTask, running
from sse_hub.server.embedded_redis import embedded_redis
from sse_hub.server.listener import BACKLOG, listening_socket
from sse_hub.server.process import Shutdown, raise_open_files_limit
from sse_hub.tasks import cancel_and_wait

CLOSE_SECONDS = 0.5


async def serve(config: Config, announce: Callable[[Config], None], background: BackgroundTask | None = None) -> None:
    """
    Serve until SIGTERM or SIGINT, with `background` running beside it. `announce` is called once requests are answered,
    with the effective settings, but with the URL of an embedded Redis that is for publishers.

    Raises ServerUnavailable without a Redis or a port to listen on, TaskDied if a part of the process has died.
    """
    shutdown = Shutdown()
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(listening_socket(config, os.environ))
        shown = config
        if config.redis_url is None:
            server = await stack.enter_async_context(embedded_redis(config, shutdown.fail))
            config, shown = (replace(config, redis_url=url) for url in server)
        await stack.enter_async_context(running(background, str(config.redis_url), shutdown))
        await run_app(config, listener, shutdown, lambda _: announce(shown))
    shutdown.check()


async def run_app(
    config: Config,
    listener: socket.socket,
    shutdown: Shutdown,
    announce: Callable[[Context], None],
    worker: WorkerId = SINGLE,
) -> None:
    """
    Answer requests on `listener` until `shutdown` is requested, then drain. `config.redis_url` must be set.

    `announce` is called with the app's context once requests are answered.
    """
    raise_open_files_limit()
    app = create_app(config, shutdown.fail, worker)
    use_http1_only(app)
    # Its methods have no type hints.
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
    # Also during the drain, while other workers may still answer /metrics for all.
    async with serve_peers(worker, lambda: render(HubCollector(context_of(app)))):
        announce(context_of(app))
        await shutdown.requested.wait()
        finishing = asyncio.create_task(_finish_drain(shutdown, context_of(app).hub))
        if shutdown.close_listener:
            server.close()
        # Drained before it is closed: while open streams end, new ones get a time to retry, not a refused connection.
        await server.before_stop()
        await close_connections(server, CLOSE_SECONDS)
    await server.after_stop()
    await cancel_and_wait((finishing,))


async def _finish_drain(shutdown: Shutdown, hub: Hub) -> None:
    await shutdown.finish_now.wait()
    hub.finish_drain_now()
