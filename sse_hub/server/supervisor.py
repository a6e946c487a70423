"""
The supervisor of `--workers N`: it holds the listening socket and keeps N workers running. It answers no requests.

    Config --> listening socket, embedded Redis, background task --> N workers ── one exits ──► a replacement
                                                                               ── SIGTERM ──► SIGTERM to all, they drain
"""

import asyncio
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path

from sse_hub.config import Config
from sse_hub.errors import ServerUnavailable, error_text
from sse_hub.http.peers import WorkerId, create_workers
from sse_hub.server.background import BackgroundTask, running, start_watched
from sse_hub.server.embedded_redis import embedded_redis
from sse_hub.server.listener import listening_socket
from sse_hub.server.process import Shutdown
from sse_hub.server.worker import EXITED, FINISH, READY, encode_message, encode_start
from sse_hub.tasks import cancel_and_wait

logger = logging.getLogger(__name__)

# -P: no module is imported from the current folder.
COMMAND = (sys.executable, "-P", "-m", "sse_hub.server.worker")
# How long to wait before replacing a worker, by the number of exits in a row within STABLE_SECONDS of a start. Starting
# takes half a second, or two on a busy machine, so a replacement serves within 5 s.
RESTART_DELAYS_SECONDS = (0.0, 0.0, 0.25, 0.5, 1.0, 2.0)
STABLE_SECONDS = 10.0
# The time that workers get beyond --drain-seconds before they are killed.
STOP_SECONDS = 3.0


async def supervise(
    config: Config, announce: Callable[[Config], None], background: BackgroundTask | None = None
) -> None:
    """
    Keep `config.workers` workers running until SIGTERM or SIGINT, with `background` in this process. `announce` is
    called once, when all workers answer requests, with the effective settings, but with the URL of an embedded Redis
    that is for publishers.

    Raises ServerUnavailable without a Redis or a port to listen on, TaskDied if a part of the process has died.
    """
    pool = WorkerPool()
    shutdown = Shutdown(pool.kill)
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(listening_socket(config, os.environ))
        shown = config
        if config.redis_url is None:
            server = await stack.enter_async_context(embedded_redis(config, shutdown.fail))
            config, shown = (replace(config, redis_url=url) for url in server)
        await stack.enter_async_context(running(background, str(config.redis_url), shutdown))
        try:
            workers = stack.enter_context(create_workers(config.workers))
        except OSError as error:
            raise ServerUnavailable(f"The workers need sockets and a temporary file: {error_text(error)}.") from error
        await pool.serve(config, listener.fileno(), workers, shutdown, lambda: announce(shown))
    shutdown.check()


class WorkerPool:
    """Worker processes, each of which is replaced when it exits."""

    def __init__(self) -> None:
        # Each with its recorder token, which is empty until it is ready.
        self._processes: dict[Process, str] = {}
        self._stopping = asyncio.Event()
        self._not_ready: set[int] = set()
        self._all_ready = asyncio.Event()

    async def serve(
        self,
        config: Config,
        listener: int,
        workers: Sequence[WorkerId],
        shutdown: Shutdown,
        announce: Callable[[], None],
    ) -> None:
        """
        Keep `workers` running on the descriptor `listener` until `shutdown` is requested; return when they have exited.

        `announce` is called when each of them has been ready once.
        """
        self._stopping = shutdown.requested
        self._not_ready = {worker.number for worker in workers}
        settings = replace(config, demo=False, workers=1)
        keeping = [
            start_watched(self._keep_running(worker, settings, listener), f"worker {worker.number}", shutdown)
            for worker in workers
        ]
        helping = [asyncio.create_task(each) for each in (self._announce(announce), self._forward_finish(shutdown))]
        try:
            await shutdown.requested.wait()
            self.terminate()
            await asyncio.wait(keeping, timeout=config.drain_seconds + STOP_SECONDS)
        finally:
            for process in self._processes:
                logger.error("worker_killed pid=%(pid)d", {"pid": process.pid})
            self.kill()
            await cancel_and_wait((*keeping, *helping))

    def terminate(self) -> None:
        """Send SIGTERM to every worker, which then drains."""
        for process in self._processes:
            with suppress(ProcessLookupError):
                process.terminate()

    def kill(self) -> None:
        """Send SIGKILL to every worker."""
        for process in self._processes:
            with suppress(ProcessLookupError):
                process.kill()

    async def _announce(self, announce: Callable[[], None]) -> None:
        await self._all_ready.wait()
        announce()

    async def _forward_finish(self, shutdown: Shutdown) -> None:
        await shutdown.finish_now.wait()
        for process in self._processes:
            _send(process, encode_message(FINISH))

    async def _keep_running(self, worker: WorkerId, config: Config, listener: int) -> None:
        loop = asyncio.get_running_loop()
        early_exits = 0
        while not self._stopping.is_set():
            started = loop.time()
            try:
                await self._run(worker, config, listener)
            except OSError as error:
                logger.error("worker_start_failed error=%(error)r", {"error": str(error)})
            early_exits = early_exits + 1 if loop.time() - started < STABLE_SECONDS else 0
            delay = RESTART_DELAYS_SECONDS[min(early_exits, len(RESTART_DELAYS_SECONDS) - 1)]
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._stopping.wait()

    async def _run(self, worker: WorkerId, config: Config, listener: int) -> None:
        process = await _start((listener, *worker.descriptors))
        assert process.stdout
        self._processes[process] = ""
        try:
            # The pipe stays open: its end tells the worker that this process has exited, for whatever reason.
            _send(process, encode_start(config, listener, worker))
            if self._stopping.is_set():
                process.terminate()
            kind, _, token = (await process.stdout.readline()).strip().partition(b" ")
            if kind == READY:
                logger.info("worker_ready pid=%(pid)d", {"pid": process.pid})
                self._processes[process] = token.decode()
                self._mark_ready(worker.number)
            status = await process.wait()
        finally:
            recorder_token = self._processes.pop(process)
        if recorder_token:
            # If it was the recorder, the others need not wait until its lease expires.
            for other in self._processes:
                _send(other, encode_message(EXITED, recorder_token))
        if not self._stopping.is_set():
            logger.warning("worker_ended pid=%(pid)d status=%(status)d", {"pid": process.pid, "status": status})

    def _mark_ready(self, number: int) -> None:
        self._not_ready.discard(number)
        if not self._not_ready:
            self._all_ready.set()


def _send(process: Process, message: bytes) -> None:
    assert process.stdin
    # It may have exited unnoticed so far: uvloop raises when a closing pipe is written to.
    if not process.stdin.is_closing():
        process.stdin.write(message)


async def _start(descriptors: tuple[int, ...]) -> Process:
    # The workers of a hub that runs from a checkout must run the same code.
    path = os.pathsep.join(filter(None, (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH"))))
    return await asyncio.create_subprocess_exec(
        *COMMAND,
        stdin=PIPE,
        stdout=PIPE,
        pass_fds=descriptors,
        env=os.environ | {"PYTHONPATH": path},
        # Ctrl-C must reach only the supervisor, which then signals each worker once.
        start_new_session=True,
    )
